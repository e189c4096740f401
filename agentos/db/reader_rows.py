"""Runs that are rows of the runs table (Agno 3)."""

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import F, Func, IntegerField

from agentos.db.connections import connection_for
from agentos.db.errors import faults_of
from agentos.db.models import RunRow, run_model
from agentos.db.sources import Source
from agentos.db.stored import RunStub, as_integer, as_text

# Values of one `IN (…)`: SQLite's older builds take 999 at most.
_AT_ONCE: Final = 500
# On PostgreSQL the stored, perhaps compressed, size: known without reading the value.
_SIZE: Final = {"sqlite": "length", "postgresql": "pg_column_size"}


def outline(source: Source, session_id: str) -> list[RunStub]:
    """Return a stub of each row of the session in Agno's order; `position` is the place among the rows."""
    size = Func(F("run_data"), function=_SIZE[source.vendor], output_field=IntegerField())
    columns = ("run_id", "run_type", "parent_run_id", "status", "created_at", "updated_at", "size")
    with faults_of(source):
        rows = _rows(source, session_id).annotate(size=size).values_list(*columns)
        return [_stub(position, *row) for position, row in enumerate(rows)]


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


def read_all(source: Source, session_id: str) -> list[tuple[str, Any]]:
    """Return run id and decoded `run_data` of all rows of the session in Agno's order."""
    with faults_of(source):
        return list(_rows(source, session_id).values_list("run_id", "run_data"))


def _rows(source: Source, session_id: str) -> Any:
    connection_for(source)
    rows = run_model(source)._default_manager.using(source.alias).filter(session_id=session_id)
    return rows.order_by(*RunRow.ORDER)


def _stub(
    position: int, run_id: Any, run_type: Any, parent: Any, status: Any, created_at: Any, updated_at: Any, size: Any
) -> RunStub:
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
    )
