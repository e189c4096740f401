"""The hit that is chosen on the search page, in its surroundings: what was said before it and after.

Bounded whatever the size of the run: a few items of it, each cut; of the runs beside it what the catalog keeps of
their beginnings.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Final, Self

from django.http import Http404, HttpRequest
from django.urls import reverse

from agentos.catalog.keys import unquote_id
from agentos.catalog.models import CatalogRun, CatalogSession, CatalogText
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.text.extract import KINDS, LIMIT
from agentos.catalog.text.matching import positive
from agentos.catalog.text.snippets import pattern, says, spans
from agentos.db.sources import SourceUnavailable
from agentos.records import Run
from sessions_ui.permissions import OnHold, get_session_or_404
from sessions_ui.presenters.budget import Budget, Clipped
from sessions_ui.presenters.conversation import Item, items_of
from sessions_ui.presenters.fetched_run import FetchedRun, fetch_run, tool_book
from sessions_ui.presenters.media import MediaBook
from sessions_ui.presenters.run_page import place_of
from sessions_ui.presenters.tool_calls import ToolView
from sessions_ui.rendering.room import Room

BEFORE: Final = 3
AFTER: Final = 4
"""Items shown around the chosen one."""

PAGE_TEXT, EACH_TEXT, NODES, ELEMENTS, CALLS = 60_000, 4_000, 300, 800, 6
NOT_FOUND: Final = "There is no such hit, or it is not yours to see."
# Messages that are looked at for those before the chosen one: answers to tools and copied history show nothing.
_LOOKED_BACK: Final = 12
_LOOKED_AHEAD: Final = 400
_LEAD: Final = 400
# Which items of a run a kind of text stands in.
_ITEMS: Final = {
    "user": ("user",),
    "answer": ("assistant", "structured", "steps"),
    "reasoning": ("reasoning",),
    "tool_call": ("tools",),
    "tool_result": ("tools",),
}


@dataclass(frozen=True)
class Chosen:
    """A hit as the URL names it: `source/qid/kind`, behind it the run's quoted id and the message's number from 1."""

    source: str
    qid: str
    kind: str
    qrun: str = ""
    place: int | None = None

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return what the text names, None for anything else."""
        parts = text.split("/")
        if not 3 <= len(parts) <= 5 or not all(parts[:3]) or parts[2] not in KINDS:
            return None
        source, qid, kind, qrun, place = [*parts, "", ""][:5]
        number = int(place) if place.isascii() and place.isdecimal() and len(place) < 8 else None
        return cls(source, qid, kind, qrun, number or None)

    def __str__(self) -> str:
        """How it stands in a URL."""
        parts = [self.source, self.qid, self.kind, self.qrun, str(self.place or "")]
        return "/".join(parts).rstrip("/")


@dataclass
class FoundBudget(Budget):
    """A budget that shows of a longer text the part in which the words stand."""

    looked_for: re.Pattern[str] | None = None

    def take(self, text: str, each: int | None = None) -> Clipped:
        """Return as much of `text` as may be shown, from a little before the first of the words."""
        room = max(0, min(self.left, self.each if each is None else each))
        start = self._start(text, room)
        if not start:
            return super().take(text, each)
        self.nodes = 0  # no tree or table can be made of a part of one
        shown = super().take(text[start:], each)
        return Clipped(f"… {shown.text}", len(text))

    def _start(self, text: str, room: int) -> int:
        if self.looked_for is None or len(text) <= room:
            return 0
        found = spans(text[:LIMIT], self.looked_for)
        return max(0, found[0][0] - min(_LEAD, room // 4)) if found and found[0][1] > room else 0


@dataclass(frozen=True)
class AroundItem:
    """An item of the run. `open_call`: the number of the tool call that is shown open, None for none."""

    item: Item
    is_chosen: bool = False
    open_call: int | None = None
    calls_left_out: int = 0


@dataclass(frozen=True)
class Around:
    """A chosen hit in its surroundings; of one that cannot be shown only `problem`, a sentence.

    Of a hit in the session itself `own` is the text, and there are no items. `previous` and `following`: the runs
    beside it, where the items reach that far.
    """

    chosen: Chosen
    problem: str = ""
    session: CatalogSession | None = None
    row: CatalogRun | None = None
    number: int = 0
    items: list[AroundItem] = field(default_factory=list)
    own: Clipped | None = None
    previous: CatalogRun | None = None
    following: CatalogRun | None = None
    is_first: bool = True
    is_last: bool = True
    looked_for: re.Pattern[str] | None = None
    room: Room = field(default_factory=lambda: Room(ELEMENTS))


def around(request: HttpRequest, text: str, query: ListQuery) -> Around | None:
    """Return what stands around the hit that `text` names, if the reader may see it; None if it names none."""
    chosen = Chosen.read(text)
    if chosen is None:
        return None
    looked_for = pattern((one.text, one.prefix) for one in positive(query.node))
    budget = FoundBudget(PAGE_TEXT, EACH_TEXT, folded=EACH_TEXT // 2, nodes=NODES, looked_for=looked_for)
    try:
        session = get_session_or_404(request, chosen.source, chosen.qid)
        if not chosen.qrun:
            return _own(chosen, session, budget)
        return _in_run(chosen, fetch_run(session, unquote_id(chosen.qrun)), budget)
    except Http404:
        return Around(chosen, NOT_FOUND)
    except (OnHold, SourceUnavailable) as error:
        return Around(chosen, str(error))


def _own(chosen: Chosen, session: CatalogSession, budget: FoundBudget) -> Around:
    """Return a text of the session itself, as it is indexed."""
    texts = CatalogText.objects.filter(session=session, run=None).only("parts", "body").order_by("pk")
    found = [
        text.body[start : start + length]
        for text in texts
        for kind, _, start, length in text.parts
        if kind == chosen.kind
    ]
    looked_for = budget.looked_for
    said = next((one for one in found if looked_for is not None and says(one, looked_for)), next(iter(found), ""))
    # A long text is indexed in parts.
    own = Clipped(budget.take(said).text, sum(map(len, found)))
    return Around(chosen, session=session, own=own, looked_for=looked_for)


def _in_run(chosen: Chosen, fetched: FetchedRun, budget: FoundBudget) -> Around:
    row, run = fetched.row, fetched.run
    place = place_of(row)
    found = Around(chosen, session=fetched.session, row=row, number=place.number, looked_for=budget.looked_for)
    if not isinstance(run, Run):
        return replace(found, problem=run.problem)
    start = _start(chosen, run)
    asked = items_of(run, budget, MediaBook(run), tool_book(fetched, run), start=start)
    items, at, is_last = _window(asked, chosen)
    first = max(0, at - BEFORE)
    is_first = start == 1 and first == 0
    beside = row.depth == 0
    return replace(
        found,
        items=[_shown(item, first + n == at, chosen, budget) for n, item in enumerate(items[first:])],
        is_first=is_first,
        is_last=is_last,
        previous=place.previous if is_first and beside else None,
        following=place.following if is_last and beside else None,
    )


def _start(chosen: Chosen, run: Run) -> int:
    """Return the number of the message that is looked at first."""
    if chosen.place is not None:
        return max(1, chosen.place - _LOOKED_BACK)
    # What comes from no message stands behind them all, but for what the run was given.
    return 1 if chosen.kind in ("user", "run_name") else max(1, len(run.messages) - _LOOKED_BACK)


def _window(items: Iterable[Item], chosen: Chosen) -> tuple[list[Item], int, bool]:
    """Return the items up to a few behind the chosen one, where that is among them, and whether the run ends there."""
    waiting = iter(items)
    kept: list[Item] = []
    near: int | None = None
    for item in islice(waiting, _LOOKED_AHEAD):
        kept.append(item)
        if item.place == chosen.place and item.kind in _ITEMS.get(chosen.kind, ()):
            behind = list(islice(waiting, AFTER + 1))
            return kept + behind[:AFTER], len(kept) - 1, len(behind) <= AFTER
        if near is None and chosen.place is not None and item.place == chosen.place:
            near = len(kept) - 1
        if near is not None and len(kept) > near + AFTER:
            break
    at = near or 0
    return kept[: at + AFTER + 1], at, len(kept) <= at + AFTER + 1 and next(waiting, None) is None


def _shown(item: Item, is_chosen: bool, chosen: Chosen, budget: FoundBudget) -> AroundItem:
    """Return the item with a few of its tool calls: of the chosen one those beginning with the one that was found."""
    called = next((at for at, tool in enumerate(item.tools) if is_chosen and _says(tool, chosen, budget)), None)
    first = min(called or 0, max(0, len(item.tools) - CALLS))
    tools = item.tools[first : first + CALLS]
    is_open = is_chosen and bool(item.tools)
    return AroundItem(
        replace(item, tools=tools),
        is_chosen=is_chosen,
        open_call=item.tools[called or 0].number if is_open else None,
        calls_left_out=len(item.tools) - len(tools),
    )


def _says(tool: ToolView, chosen: Chosen, budget: FoundBudget) -> bool:
    if budget.looked_for is None:
        return False
    text = tool.result if chosen.kind == "tool_result" else tool.arguments
    said = text.clipped.text if text is not None else ""
    return says(said if chosen.kind == "tool_result" else f"{tool.name} {said}", budget.looked_for)


def message_url(session: CatalogSession, row: CatalogRun | None, chosen: Chosen) -> str:
    """Return the page on which a hit stands: its message on the run's, else the session's, at its tab."""
    at = [session.source, session.quoted_id]
    if row is None:
        tab = f"?tab={chosen.kind}" if chosen.kind in ("summary", "state", "metadata") else ""
        return reverse("session", args=at) + tab
    # A long run shows its messages a window at a time.
    window = f"?from={chosen.place}" if chosen.place and chosen.place > 50 else ""
    anchor = f"{window}#m{chosen.place}" if chosen.place else ""
    return reverse("run", args=[*at, row.quoted_id]) + anchor


def chosen_of(session: CatalogSession, kind: str, run: CatalogRun | None, place: int | None) -> Chosen:
    """Return the name of a hit."""
    qrun = run.quoted_id if run is not None else ""
    return Chosen(session.source, session.quoted_id, kind, qrun, place if run is not None else None)


def as_data(found: Around | None) -> dict[str, Any] | None:
    """Return the surroundings for programs."""
    if found is None or found.session is None:
        return None if found is None else {"problem": found.problem}
    items = [_item_data(one) for one in found.items]
    if found.own is not None:
        items = [{"kind": found.chosen.kind, "message": None, "text": found.own.text, "is_hit": True}]
    return {
        "source": found.session.source,
        "session_id": found.session.session_id,
        "run_id": found.row.run_id if found.row is not None else None,
        "problem": found.problem,
        "items": items,
        "is_first": found.is_first,
        "is_last": found.is_last,
    }


def _item_data(one: AroundItem) -> dict[str, Any]:
    said = {"kind": one.item.kind, "message": one.item.place, "text": one.item.text.text, "is_hit": one.is_chosen}
    calls = [
        {
            "name": tool.name,
            "arguments": tool.arguments.clipped.text,
            "result": tool.result.clipped.text if tool.result is not None else None,
        }
        for tool in one.item.tools
    ]
    return said | ({"calls": calls} if calls else {})
