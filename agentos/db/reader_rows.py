"""Runs that are rows of the runs table (Agno 3)."""

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import F, Func, IntegerField, Q

from agentos.db.connections import connection_for
from agentos.db.errors import faults_of
from agentos.db.models import RunRow, run_model
from agentos.db.source import Source
from agentos.db.stored import RunStub, Wanted, as_integer, as_text

# Values of one `IN (…)`: SQLite's older builds take 999 at most.
_AT_ONCE: Final = 500
# On PostgreSQL the stored, perhaps compressed, size: known without reading the value.
_SIZE: Final = {"sqlite": "length", "postgresql": "pg_column_size"}
_OUTLINE: Final = (
    "run_id", "run_type", "parent_run_id", "status", "created_at", "updated_at", "size", "run_index", "user_id",
)  # fmt: skip


def outline(source: Source, session_id: str) -> list[RunStub]:
    """Return a stub of each row of the session in Agno's order; `position` is the place among the rows."""
    size = Func(F("run_data"), function=_SIZE[source.vendor], output_field=IntegerField())
    with faults_of(source):
        rows = _rows(source, session_id).annotate(size=size).values_list(*_OUTLINE)
        return [_stub(position, row) for position, row in enumerate(rows)]


def run_ids(source: Source, session_id: str) -> list[str]:
    """Return the ids of the session's rows in Agno's order."""
    with faults_of(source):
        return list(_rows(source, session_id).values_list("run_id", flat=True))


def read(source: Source, session_id: str, ids: Sequence[str]) -> dict[str, Any]:
    """Return the decoded `run_data` of those rows by run id; what is not there any more is left out."""
    found: dict[str, Any] = {}
    with faults_of(source):
        for start in range(0, len(ids), _AT_ONCE):
            rows = _rows(source, session_id).filter(run_id__in=ids[start : start + _AT_ONCE]).order_by()
            found.update(rows.values_list("run_id", "run_data"))
    return found


def outlines(source: Source, session_ids: Sequence[str]) -> dict[str, list[RunStub]]:
    """Return what `outline` does, of many sessions by their ids."""
    size = Func(F("run_data"), function=_SIZE[source.vendor], output_field=IntegerField())
    found: dict[str, list[RunStub]] = {session_id: [] for session_id in session_ids}
    rows = _all_rows(source).order_by("session_id", *RunRow.ORDER).annotate(size=size)
    with faults_of(source):
        for start in range(0, len(session_ids), _AT_ONCE):
            some = rows.filter(session_id__in=session_ids[start : start + _AT_ONCE])
            for session_id, *row in some.values_list("session_id", *_OUTLINE):
                if (stubs := found.get(session_id)) is not None:
                    stubs.append(_stub(len(stubs), row))
    return found


def read_runs(source: Source, ids: Sequence[str]) -> dict[tuple[str, str], Any]:
    """Return the decoded `run_data` of these rows of any sessions, by session id and run id."""
    found: dict[tuple[str, str], Any] = {}
    with faults_of(source):
        for start in range(0, len(ids), _AT_ONCE):
            rows = _all_rows(source).filter(run_id__in=ids[start : start + _AT_ONCE])
            for session_id, run_id, data in rows.values_list("session_id", "run_id", "run_data"):
                found[session_id, run_id] = data
    return found


def read_all(source: Source, session_id: str) -> list[tuple[str, Any]]:
    """Return run id and decoded `run_data` of all rows of the session in Agno's order."""
    with faults_of(source):
        return list(_rows(source, session_id).values_list("run_id", "run_data"))


def read_sessions(source: Source, session_ids: Sequence[str]) -> dict[str, list[Any]]:
    """Return the decoded `run_data` of all rows of these sessions by session id, each in Agno's order."""
    found: dict[str, list[Any]] = {session_id: [] for session_id in session_ids}
    connection_for(source)
    rows = run_model(source)._default_manager.using(source.alias).order_by("session_id", *RunRow.ORDER)
    with faults_of(source):
        for start in range(0, len(session_ids), _AT_ONCE):
            some = rows.filter(session_id__in=session_ids[start : start + _AT_ONCE])
            for session_id, data in some.values_list("session_id", "run_data"):
                found[session_id].append(data)
    return found


def read_last(source: Source, session_id: str, wanted: Wanted, limit: int | None) -> list[Any]:
    """Return the decoded `run_data` of the last `limit` rows that are wanted, in Agno's order."""
    rows = _rows(source, session_id)
    if wanted.top_level:
        rows = rows.filter(parent_run_id=None)
    if wanted.skip_statuses:
        rows = rows.filter(Q(status=None) | ~Q(status__in=wanted.skip_statuses))
    for column in ("agent_id", "team_id"):
        if (value := getattr(wanted, column)) is not None:
            rows = rows.filter(**{column: value})
    with faults_of(source):
        if limit is None:
            return list(rows.values_list("run_data", flat=True))
        ids = _last_ids(rows, limit)
        found = read(source, session_id, ids)
    return [found[run_id] for run_id in ids if run_id in found]


def _last_ids(rows: Any, limit: int) -> list[str]:
    """Return the ids of the last rows, however many come before them, without a look at their payload.

    They are read from the end of the index on session_id and run_index (the session id in the order tells the database
    that it can). Only where a run_index is not unique, what comes first is decided by the times of all rows.
    """
    from_end = list(rows.order_by("-session_id", "-run_index").values_list("run_id", "run_index")[: limit + 1])
    if len({run_index for _, run_index in from_end}) == len(from_end):
        return [run_id for run_id, _ in from_end[:limit]][::-1]
    backwards = rows.order_by(*(f"-{column}" for column in RunRow.ORDER))
    return list(backwards.values_list("run_id", flat=True)[:limit])[::-1]


def _rows(source: Source, session_id: str) -> Any:
    return _all_rows(source).filter(session_id=session_id).order_by(*RunRow.ORDER)


def _all_rows(source: Source) -> Any:
    connection_for(source)
    return run_model(source)._default_manager.using(source.alias)


def _stub(position: int, row: Sequence[Any]) -> RunStub:
    run_id, run_type, parent, status, created_at, updated_at, size, run_index, user_id = row
    return RunStub(
        position=position,
        run_id=as_text(run_id),
        run_type=as_text(run_type) or "bad",
        parent_run_id=as_text(parent),
        status=as_text(status),
        created_at=as_integer(created_at),
        updated_at=as_integer(updated_at),
        size=as_integer(size) or 0,
        place="row",
        run_index=as_integer(run_index),
        user_id=as_text(user_id),
    )
