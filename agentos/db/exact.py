"""A session as it is stored, to the last column, for files that another source takes in."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from agentos.db import reader_lists
from agentos.db.connections import connection_for
from agentos.db.errors import faults_of
from agentos.db.layout import look
from agentos.db.models import JSON_COLUMNS, BadJSON, run_model
from agentos.db.reader import Reader, batches
from agentos.db.source import Source
from agentos.db.stored import RunStub

__all__ = ["JSON_COLUMNS", "ROW_COLUMNS", "BadJSON", "StoredRun", "has_row_of", "stored_runs"]

# What a row of the runs table says beside the run itself.
ROW_COLUMNS: Final = (
    *("run_id", "session_id", "run_type", "agent_id", "team_id", "workflow_id", "user_id", "parent_run_id"),
    *("status", "run_index", "created_at", "updated_at"),
)
_AT_ONCE: Final = 20
# Values of one `IN (…)`: SQLite's older builds take 999 at most.
_IDS_AT_ONCE: Final = 500


@dataclass(frozen=True)
class StoredRun:
    """One run in its place: the decoded value, BadJSON for text that is none; the `columns` of a row, else none."""

    place: Literal["row", "list"]
    value: Any
    columns: dict[str, Any]


def stored_runs(source: Source, session_id: str) -> Iterator[StoredRun]:
    """Yield every run of a session in Agno's order, a few in memory at a time; what is removed meanwhile is left out.

    Raises:
        SourceUnavailable: the source cannot be read (any more).
    """
    for stubs in batches(Reader(source).run_stubs(session_id), _AT_ONCE):
        yield from _batch(source, session_id, stubs)


def has_row_of(source: Source, run_ids: Sequence[str]) -> bool:
    """Whether one of these runs has a row in the source, in whatever session.

    Raises:
        SourceUnavailable: the source cannot be read.
    """
    if not look(source).runs_table:
        return False
    connection_for(source)
    rows = run_model(source)._default_manager.using(source.alias)
    with faults_of(source):
        some = (run_ids[start : start + _IDS_AT_ONCE] for start in range(0, len(run_ids), _IDS_AT_ONCE))
        return any(rows.filter(run_id__in=ids).exists() for ids in some)


def _batch(source: Source, session_id: str, stubs: list[RunStub]) -> list[StoredRun]:
    tables = look(source)
    rows = _rows(source, session_id, [stub.run_id for stub in stubs if stub.place == "row" and stub.run_id is not None])
    listed: dict[int, Any] = {}
    if tables.has_list and (positions := [stub.position for stub in stubs if stub.place == "list"]):
        listed = reader_lists.slices(source, tables.columns["runs"], session_id, positions)
    found = []
    for stub in stubs:
        if stub.place == "row" and stub.run_id in rows:
            value = rows[stub.run_id].pop("run_data")
            found.append(StoredRun("row", value, rows[stub.run_id]))
        elif stub.position in listed:
            found.append(StoredRun("list", listed[stub.position], {}))
    return found


def _rows(source: Source, session_id: str, ids: list[str]) -> dict[str, dict[str, Any]]:
    """Return these rows by run id: the columns that the table has, and `run_data`."""
    if not ids or not look(source).runs_table:
        return {}
    columns = [column for column in ROW_COLUMNS if column in look(source).run_columns]
    connection_for(source)
    rows = run_model(source)._default_manager.using(source.alias).filter(session_id=session_id, run_id__in=ids)
    with faults_of(source):
        return {row["run_id"]: row for row in rows.order_by().values(*columns, "run_data")}
