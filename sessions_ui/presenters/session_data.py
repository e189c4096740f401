"""A session as data: what its page shows, for programs."""

from collections.abc import Iterator
from typing import Any

from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.windows import outline
from agentos.db.reader import Reader
from agentos.records import SESSION_COLUMNS, BadRun, Run, Session

DATA_RUNS = 500
DATA_BATCH_BYTES = 2_000_000
DATA_TOKENS = ("input_tokens", "output_tokens", "total_tokens", "reasoning_tokens", "cache_read_tokens")


def session_data(row: CatalogSession, session: Session, reader: Reader, start: int | None) -> dict[str, Any]:
    """Return the page as data: the table's fields, the counts, and up to DATA_RUNS runs from `start` on."""
    stored = outline(row).filter(stored=True).exclude(kind="bad").order_by("position")
    runs = list(stored.filter(position__gte=start or 0)[: DATA_RUNS + 1])
    more = runs[DATA_RUNS].position if len(runs) > DATA_RUNS else None
    fields = {name: session.raw.get(name) for name in SESSION_COLUMNS if name != "runs"}
    return {
        "session": fields | _counts(row, session) | {"layout": str(reader.layout), "statuses": _statuses(row)},
        "runs": list(_runs_data(row, runs[:DATA_RUNS], reader)),
        "next": more,
    }


def _counts(row: CatalogSession, session: Session) -> dict[str, Any]:
    return {
        "source": row.source,
        "title": row.title,
        "session_name": session.session_name,
        "session_state": session.session_state,
        "run_count": row.run_count,
        "top_level_run_count": row.top_level_run_count,
        "forest_run_count": row.forest_run_count,
        "message_count": row.message_count,
        "own_message_count": row.own_message_count,
        "tool_call_count": row.tool_call_count,
        "tool_calls_by_name": row.tool_calls_by_name,
        "tool_error_count": row.tool_error_count,
        "run_tokens_sum": {
            "input_tokens": row.input_tokens or 0,
            "output_tokens": row.output_tokens or 0,
            "total_tokens": row.total_tokens or 0,
        },
        "cost": row.cost,
        "computed_cost": row.computed_cost,
        "has_summary": row.has_summary,
        "topics": session.topics or None,
    }


def _statuses(row: CatalogSession) -> list[str | None]:
    stored = outline(row).filter(stored=True).exclude(kind="bad").order_by("position")
    return [status or None for status in stored.values_list("status", flat=True)]


def _runs_data(row: CatalogSession, runs: list[CatalogRun], reader: Reader) -> Iterator[dict[str, Any]]:
    """Yield each run as data. The order of tool calls and half of the token counts are in the stored run alone."""
    for batch in _batches(runs):
        stored = reader.runs(row.session_id, [run.position for run in batch])
        yield from map(_run_data, batch, stored)


def _batches(runs: list[CatalogRun]) -> Iterator[list[CatalogRun]]:
    """Group runs so that the payload read at once is bounded; a larger run is read by itself."""
    batch: list[CatalogRun] = []
    for run in runs:
        if batch and sum(one.size for one in batch) + run.size > DATA_BATCH_BYTES:
            yield batch
            batch = []
        batch.append(run)
    if batch:
        yield batch


def _run_data(row: CatalogRun, run: Run | BadRun) -> dict[str, Any]:
    metrics = run.metrics if isinstance(run, Run) and run.kind != "workflow" else None
    return {
        "run_id": row.run_id,
        "kind": row.kind,
        "component_id": row.component_id,
        "parent_run_id": row.parent_run_id,
        "status": row.status or None,
        "created_at": row.created_at,
        "model": row.model,
        # Agno leaves zeros out when it stores metrics.
        "tokens": {} if metrics is None else {key: getattr(metrics, key) or 0 for key in DATA_TOKENS},
        "tool_calls": [tool.tool_name for tool in run.tools] if isinstance(run, Run) else [],
    }
