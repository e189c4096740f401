"""Which sessions may have changed lately? Asked every second while a page is open, so only indexes are walked.

Agno has an index on `created_at` of sessions and of runs, and on their ids (agno-format.md §1), none on `updated_at`.
So what is young is found by its start, and what is older by its id: sessions that were active lately, and runs that had
not ended. What neither finds, such as a run of ten hours that ends in a session long quiet, is left to a pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from agentos.db.connections import connection_for, table_name
from agentos.db.errors import faults_of
from agentos.db.layout import Tables
from agentos.db.source import Source

# Rows of each table that are looked at by their start: the youngest ones.
YOUNGEST: Final = 1_000
# Only PostgreSQL says which transaction wrote a row; in SQLite two writes of one second look the same.
_WRITTEN: Final = {"sqlite": "updated_at", "postgresql": "concat_ws('/', updated_at, xmin)"}


@dataclass(frozen=True)
class Recent:
    """What to look at: what began from `since` until `until` (unix seconds), and these sessions and runs."""

    since: int
    until: int
    session_ids: Sequence[str]
    run_ids: Sequence[str]


def recent(source: Source, tables: Tables, asked: Recent) -> list[tuple[str, str, str]]:
    """Return (session id, id of the row, what tells one state of the row from another). At most two statements."""
    found = _rows(source, source.session_table, "session_id", asked, asked.session_ids)
    if tables.runs_table:
        found += _rows(source, tables.runs_table, "run_id", asked, asked.run_ids)
    return [row for row in found if isinstance(row[0], str)]


def _rows(source: Source, table: str, key: str, asked: Recent, ids: Sequence[str]) -> list[tuple[str, str, str]]:
    sql, params = question(source, table, key, asked, ids)
    with faults_of(source), connection_for(source).cursor() as cursor:
        cursor.execute(sql, params)
        return [(session_id, str(row), str(written)) for session_id, row, written in cursor.fetchall()]


def question(source: Source, table: str, key: str, asked: Recent, ids: Sequence[str]) -> tuple[str, list[Any]]:
    """Return the statement that `recent` asks of a table, with its parameters."""
    name, columns = table_name(source, table), f"session_id, {key} AS row_id, {_WRITTEN[source.vendor]} AS written"
    young = f"SELECT {columns} FROM {name} WHERE created_at BETWEEN %s AND %s ORDER BY created_at DESC LIMIT {YOUNGEST}"
    params: list[Any] = [asked.since, asked.until]
    if not ids:
        return young, params
    among, more = f"IN ({', '.join(['%s'] * len(ids))})", list[Any](ids)
    if source.vendor == "postgresql":
        among, more = "= ANY(%s)", [list(ids)]
    return f"SELECT * FROM ({young}) AS young UNION SELECT {columns} FROM {name} WHERE {key} {among}", [*params, *more]
