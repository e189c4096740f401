"""The session page: one of its three views, and the inspector with its tabs."""

from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.safestring import SafeString

from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.windows import outline
from agentos.db.reader import Reader
from agentos.records import ByPerson, Session, readable
from agentos.turns.speaking import people_in
from sessions_ui.presenters.health import SessionHealth, of_session
from sessions_ui.presenters.session_metrics import SessionMetrics, session_metrics
from sessions_ui.presenters.session_place import Asked
from sessions_ui.presenters.session_state import SessionState, session_state
from sessions_ui.presenters.session_views import SessionView, session_view
from sessions_ui.rendering.run_tree import drawn_tree

TREE_ROWS = 100
RAW_CHARACTERS = 40_000
TABS = (
    ("runs", "Run tree"),
    ("tools", "Tools"),
    ("metrics", "Metrics"),
    ("state", "State"),
    ("summary", "Summary"),
    ("metadata", "Metadata"),
    ("health", "Health"),
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
    view: SessionView | None = None
    tree: list[CatalogRun] = field(default_factory=list)
    tree_next: int | None = None
    people: dict[str, ByPerson] = field(default_factory=dict)
    tools: list[dict[str, Any]] = field(default_factory=list)
    raw: list[RawColumn] = field(default_factory=list)
    health: SessionHealth | None = None
    state: SessionState | None = None
    metrics: SessionMetrics | None = None

    @property
    def drawn_tree(self) -> SafeString:
        """The rows of the run tree."""
        return drawn_tree(self.tree, reverse("session", args=[self.row.source, self.row.quoted_id]), self.people)


def ordinal(query: QueryDict, name: str) -> int | None:
    """Return a cursor out of the URL, None for anything that is none."""
    value = query.get(name, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None


def session_page(row: CatalogSession, session: Session, reader: Reader, asked: Asked, part: str = "") -> SessionPage:
    """Read what the page shows: the view that is asked for, and the inspector's tab; of a `part` alone if it names one.

    Parts are "view" and "inspector".
    """
    tab = asked.tab if asked.tab in dict(TABS) else TABS[0][0]
    page = SessionPage(row, session, tab)
    if part != "inspector":
        page.view = session_view(row, reader, asked)
    if part == "view":
        return page
    if tab == "runs":
        page.tree, page.tree_next = _tree(row, asked.start)
        roots = [run.run_id for run in page.tree if run.run_id and not run.depth]
        page.people = people_in(row.source, row.session_id, roots) if roots else {}
    elif tab == "tools":
        page.tools = tool_totals(row)
    elif tab == "state":
        page.state = session_state(row, session, reader, asked.since, asked.to)
    elif tab == "metrics":
        page.metrics = session_metrics(row, session)
    elif tab == "health":
        page.health = of_session(row)
    elif tab == "raw":
        page.raw = [_raw(reader, row, name) for name in RAW_COLUMNS]
    return page


def _tree(row: CatalogSession, start: int | None) -> tuple[list[CatalogRun], int | None]:
    rows = outline(row).defer("tool_names", "tool_failures", "traits", "usage", "mark", "run_key", "content_preview")
    runs = list(rows.filter(ordinal__gte=start or 0)[: TREE_ROWS + 1])
    return runs[:TREE_ROWS], runs[TREE_ROWS].ordinal if len(runs) > TREE_ROWS else None


def tool_totals(row: CatalogSession) -> list[dict[str, Any]]:
    """Return how often each tool was called, most often first."""
    counts = row.tool_calls_by_name if isinstance(row.tool_calls_by_name, dict) else {}
    return [{"name": name, "count": count} for name, count in sorted(counts.items(), key=lambda item: -item[1])]


def _raw(reader: Reader, row: CatalogSession, name: str) -> RawColumn:
    text, total = reader.raw_text(row.session_id, name, RAW_CHARACTERS)
    return RawColumn(name, readable(text), total)
