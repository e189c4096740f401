"""The session page: its window of the conversation, its tabs, and its twin as data."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.windows import Window, outline, top_level_window
from agentos.db.reader import Reader
from agentos.records import SESSION_COLUMNS, BadRun, Run, Session, readable
from sessions_ui.presenters.budget import Budget
from sessions_ui.presenters.conversation import RunView, run_view

WINDOW = 20
# Characters of stored text on the page: about 90 kB of HTML besides its frame.
PAGE_TEXT, EACH_TEXT = 70_000, 6_000
TREE_ROWS = 200
DATA_RUNS = 500
DATA_BATCH_BYTES = 2_000_000
DATA_TOKENS = ("input_tokens", "output_tokens", "total_tokens", "reasoning_tokens", "cache_read_tokens")
RAW_CHARACTERS = 40_000
TABS = (
    ("runs", "Run tree"),
    ("tools", "Tools"),
    ("state", "State"),
    ("summary", "Summary"),
    ("metadata", "Metadata"),
    ("raw", "Raw"),
)
RAW_COLUMNS = ("session_data", "agent_data", "team_data", "workflow_data", "metadata", "summary", "runs")


@dataclass(frozen=True)
class RawColumn:
    """A column as it is stored, as far as it is shown; `total` in characters."""

    name: str
    text: str
    total: int


@dataclass
class SessionPage:
    """Everything the session page shows of one session."""

    row: CatalogSession
    session: Session
    tab: str
    window: Window
    runs: list[RunView]
    tree: list[CatalogRun] = field(default_factory=list)
    tree_next: int | None = None
    tools: list[dict[str, Any]] = field(default_factory=list)
    raw: list[RawColumn] = field(default_factory=list)


def clean_tab(value: str) -> str:
    """Return `value` if it names a tab, else the first one."""
    return value if value in dict(TABS) else "runs"


def ordinal(query: QueryDict, name: str) -> int | None:
    """Return a cursor out of the URL, None for anything that is none."""
    value = query.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None


def session_page(row: CatalogSession, session: Session, reader: Reader, query: QueryDict) -> SessionPage:
    """Read the window of runs that is shown, and what the chosen tab shows."""
    tab = clean_tab(query.get("tab", ""))
    before, after = ordinal(query, "before"), ordinal(query, "after")
    window = top_level_window(row, before=before, after=after, limit=WINDOW)
    budget = Budget(PAGE_TEXT, EACH_TEXT)
    stored = reader.runs(row.session_id, [tree.root.position for tree in window.trees])
    # The newest run is what people come for: it takes from the budget first.
    views = [run_view(tree, run, budget) for tree, run in reversed(list(zip(window.trees, stored, strict=True)))]
    page = SessionPage(row, session, tab, window, views[::-1])
    if tab == "runs":
        page.tree, page.tree_next = _tree(row, ordinal(query, "from"))
    elif tab == "tools":
        page.tools = tool_totals(row)
    elif tab == "raw":
        page.raw = [_raw(reader, row, name) for name in RAW_COLUMNS]
    return page


def _tree(row: CatalogSession, start: int | None) -> tuple[list[CatalogRun], int | None]:
    runs = list(outline(row).filter(ordinal__gte=start or 0)[: TREE_ROWS + 1])
    return runs[:TREE_ROWS], runs[TREE_ROWS].ordinal if len(runs) > TREE_ROWS else None


def tool_totals(row: CatalogSession) -> list[dict[str, Any]]:
    """Return how often each tool was called, most often first."""
    counts = row.tool_calls_by_name if isinstance(row.tool_calls_by_name, dict) else {}
    return [{"name": name, "count": count} for name, count in sorted(counts.items(), key=lambda item: -item[1])]


def _raw(reader: Reader, row: CatalogSession, name: str) -> RawColumn:
    text, total = reader.raw_text(row.session_id, name, RAW_CHARACTERS)
    return RawColumn(name, readable(text), total)


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
