"""Which of Agno's tables a source has, found by looking: its version stamps may say something else."""

import time
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from typing import Final

from agentos.db.connections import connection_for
from agentos.db.errors import SourceUnavailable, faults_of
from agentos.db.source import DEFAULT_SESSION_TABLE, Source

# Seconds for which what was seen is believed. A statement that fails on a missing table looks again at once.
BELIEVED_SECONDS: Final = 5.0
# Without these a table is not Agno's.
_SESSION_COLUMNS: Final = frozenset(
    """session_id session_type agent_id team_id workflow_id user_id session_data agent_data team_data workflow_data
    metadata summary created_at updated_at""".split()
)
_RUN_COLUMNS: Final = frozenset(
    "run_id session_id run_type parent_run_id status run_index run_data created_at updated_at".split()
)
_SQLITE_COLUMNS: Final = "SELECT name, type FROM pragma_table_info(%s)"
_POSTGRESQL_COLUMNS: Final = """
    SELECT a.attname, format_type(a.atttypid, NULL)
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
      AND a.attnum > 0 AND NOT a.attisdropped"""


class Layout(StrEnum):
    """Where a source keeps runs."""

    BLOB = "blob"
    """In a list in the session's row (Agno 2)."""
    TABLE = "table"
    """In rows of a table of their own (Agno 3)."""
    MIXED = "mixed"
    """In both: Agno 3 opened or migrated what Agno 2 wrote."""
    EMPTY = "empty"
    """There is no session table yet."""


@dataclass(frozen=True)
class Tables:
    """What there is. `columns`: of the session table, with their types; `run_columns`: of the runs table."""

    columns: dict[str, str]
    runs_table: str | None
    run_columns: dict[str, str]

    @property
    def has_list(self) -> bool:
        """Whether sessions have a list of runs in their row."""
        return "runs" in self.columns

    @property
    def layout(self) -> Layout:
        """The layout these tables make."""
        if not self.columns:
            return Layout.EMPTY
        if not self.has_list:
            return Layout.TABLE
        return Layout.MIXED if self.runs_table else Layout.BLOB


def look(source: Source) -> Tables:
    """Return which tables `source` has, as seen at most BELIEVED_SECONDS ago.

    Raises:
        SourceUnavailable: the source cannot be reached, or the table of this name is not Agno's.
    """
    now = time.monotonic()
    with _lock:
        seen = _seen.get(source)
    if seen and now - seen[0] < BELIEVED_SECONDS:
        return seen[1]
    tables = _look(source)
    with _lock:
        _seen[source] = now, tables
    return tables


def forget(source: Source) -> None:
    """Look anew next time."""
    with _lock:
        _seen.pop(source, None)


def columns_of(source: Source, table: str) -> dict[str, str]:
    """Return a table's columns with their types, in lower case; empty when there is no such table.

    Raises:
        SourceUnavailable: the source cannot be reached.
    """
    with faults_of(source), connection_for(source).cursor() as cursor:
        if source.vendor == "sqlite":
            cursor.execute(_SQLITE_COLUMNS, [table])
        else:
            cursor.execute(_POSTGRESQL_COLUMNS, [source.schema, table])
        return {name: str(type_).lower() for name, type_ in cursor.fetchall()}


def runs_table_names(source: Source) -> list[str]:
    """Return the names the runs table may have, the likeliest first.

    Agno 3's rule: as given; else `<session_table>_runs` if a session table was given; else `agno_runs`. Whether Agno
    was given its own default name cannot be seen, so then both are looked for.
    """
    if source.runs_table:
        return [source.runs_table]
    own = f"{source.session_table}_runs"
    return ["agno_runs", own] if source.session_table == DEFAULT_SESSION_TABLE else [own]


_lock: Final = Lock()
_seen: Final[dict[Source, tuple[float, Tables]]] = {}


def _look(source: Source) -> Tables:
    columns = columns_of(source, source.session_table)
    if columns and (missing := _SESSION_COLUMNS - columns.keys()):
        raise _not_agnos(source, source.session_table, missing)
    for name in runs_table_names(source):
        if run_columns := columns_of(source, name):
            if missing := _RUN_COLUMNS - run_columns.keys():
                raise _not_agnos(source, name, missing)
            return Tables(columns, name, run_columns)
    return Tables(columns, None, {})


def _not_agnos(source: Source, table: str, missing: frozenset[str]) -> SourceUnavailable:
    names = ", ".join(sorted(missing))
    return SourceUnavailable(f"The table {table} in {source.place} is not Agno's: it has no {names}.")
