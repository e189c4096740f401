"""Is a source well? One plain sentence if it is not."""

from dataclasses import dataclass
from typing import Final

from agentos.db.connections import connection_for, table_name
from agentos.db.errors import SourceUnavailable, faults_of
from agentos.db.layout import Layout, forget, look
from agentos.db.source import Source

_NAMED_AT_MOST: Final = 5
_SQLITE_TABLES: Final = (
    "SELECT '', name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%%'"
)
_POSTGRESQL_TABLES: Final = """
    SELECT schemaname, tablename FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1, 2"""


@dataclass(frozen=True)
class SourceCheck:
    """What a look at a source found. `problem`: a plain sentence, "" when `ok`. `session_count`: None: uncounted."""

    ok: bool
    problem: str = ""
    layout: Layout | None = None
    session_count: int | None = None


def check(source: Source) -> SourceCheck:
    """Open the source, find its tables, count its sessions. Never raises for a fault of the source."""
    forget(source)
    try:
        layout = look(source).layout
        if layout is Layout.EMPTY:
            problem = _why_empty(source)
            return SourceCheck(not problem, problem, layout, 0)
    except SourceUnavailable as error:
        return SourceCheck(False, str(error))
    try:
        return SourceCheck(True, "", layout, _count(source))
    except SourceUnavailable as error:
        return SourceCheck(False, str(error), layout)


def _count(source: Source) -> int:
    with faults_of(source), connection_for(source).cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table_name(source, source.session_table)}")
        return int(cursor.fetchone()[0])


def _why_empty(source: Source) -> str:
    """Return what may be wrong about a source without a session table, or "" if it just holds no sessions yet.

    Agno makes its tables on first use, so none at all, or only others of its own, is an ordinary beginning.
    """
    tables = _all_tables(source)
    here = [table for schema, table in tables if schema == source.schema]
    elsewhere = [schema for schema, table in tables if table == source.session_table]
    place, table = source.place, source.session_table
    if elsewhere:
        return (
            f"Schema {source.schema} of {place} has no table {table}, but schema {_names(elsewhere)} has: set schema=."
        )
    if tables and not here and source.vendor == "postgresql":
        schemas = sorted({schema for schema, _ in tables})
        return f"There is no schema {source.schema} with tables in {place}; there is {_names(schemas)}."
    if not here or (table.startswith("agno_") and all(name.startswith("agno_") for name in here)):
        return ""
    return (
        f"There is no table {table} in {place}; there is {_names(here)}. Name the right one with session_table=."
        if here
        else ""
    )


def _all_tables(source: Source) -> list[tuple[str, str]]:
    with faults_of(source), connection_for(source).cursor() as cursor:
        cursor.execute(_SQLITE_TABLES if source.vendor == "sqlite" else _POSTGRESQL_TABLES, [])
        return [(schema, table) for schema, table in cursor.fetchall()]


def _names(names: list[str]) -> str:
    rest = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {rest} more" if rest > 0 else "")
