"""A session's conversation: what the user saw, run by run, with tool calls, reasoning and failures in their places.

Everything is bounded twice: each text by its own limit, all texts of a page by a `Budget`. What is cut says so and is
whole on the run's own page.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from agentos.catalog.models import CatalogRun
from agentos.catalog.windows import Tree
from agentos.records import NOBODY, BadRun, ByPerson, Message, Run, WorkflowRunOutput, claimed
from sessions_ui.presenters.budget import Budget, Clipped
from sessions_ui.presenters.lineage import Tie, told_by
from sessions_ui.presenters.media import MediaBook, MediumView
from sessions_ui.presenters.tool_calls import ToolBook, ToolView
from sessions_ui.presenters.workflow_steps import StepView, steps_of

DELEGATE = "delegate_task_to_member"
# Items of one run; a run of 304 tool calls has them all on its own page.
ITEMS = 60
# Of a run with a message that is linked to, the items before it.
_BEFORE = 10
# Follow-up questions that are shown of a run, and characters of each.
_FOLLOWUPS, _FOLLOWUP = 5, 300
_NAME = 60
_NONE: Mapping[str, ByPerson] = {}


@dataclass(frozen=True)
class Item:
    """One thing in a run: `kind` is user, assistant, reasoning, tools, steps, system, structured or history.

    `place` is the number of the message it comes from among those of the run, from 1; None if it comes from none.
    """

    kind: str
    who: str = ""
    text: Clipped = field(default_factory=lambda: Clipped("", 0))
    created_at: int | None = None
    tools: list[ToolView] = field(default_factory=list)
    media: list[MediumView] = field(default_factory=list)
    steps: list[StepView] = field(default_factory=list)
    place: int | None = None
    anchor: str = ""
    is_marked: bool = False
    calls_left_out: int = 0

    @property
    def pieces(self) -> int:
        """How many things of a line or more it shows."""
        return 1 + len(self.tools) + len(self.steps) + len(self.media)


@dataclass(frozen=True)
class Mark:
    """What is linked to: a run, and in it the message of this number from 1, or the call of this number from 0."""

    run: CatalogRun
    message: int | None = None
    call: int | None = None

    def is_at(self, row: CatalogRun, item: Item) -> bool:
        """Whether an item of the run is what is linked to."""
        if row.ordinal != self.run.ordinal:
            return False
        called = self.call is not None and any(tool.number == self.call for tool in item.tools)
        return called or (self.message is not None and item.place == self.message)


@dataclass(frozen=True)
class RunView:
    """A top-level run as the conversation shows it. `by`: what of it a person wrote; what it only says of that, it
    `claims`. `not_seen`: the agent has certainly not read that person's answer yet.
    """

    row: CatalogRun
    number: int
    items: list[Item]
    below: list[CatalogRun]
    below_left_out: int
    skipped: int = 0
    left_out: int = 0
    gap: str = ""
    is_marked: bool = False
    problem: str = ""
    bad_text: Clipped | None = None
    error: Clipped | None = None
    waiting_for: list[str] = field(default_factory=list)
    citations: list[dict[str, str]] = field(default_factory=list)
    followups: list[str] = field(default_factory=list)
    media: list[MediumView] = field(default_factory=list)
    lineage: list[Tie] = field(default_factory=list)
    missing_members: bool = False
    by: ByPerson = NOBODY
    claims: str = ""
    not_seen: bool = False


def run_view(
    tree: Tree,
    run: Run | BadRun,
    budget: Budget,
    mark: Mark | None = None,
    room: int = ITEMS,
    people: Mapping[str, ByPerson] = _NONE,
) -> RunView:
    """Return the view of one top-level run, of `room` pieces at most; those around what is marked if there are more.

    `people`: what they wrote of which runs, by id. What a run says of that and nobody knows, it only `claims`.
    """
    is_marked = mark is not None and mark.run.root_ordinal == tree.root.ordinal
    below, below_left_out = _members(tree, room)
    if isinstance(run, BadRun):
        bad = budget.take(run.raw if isinstance(run.raw, str) else repr(run.raw)[:10_000])
        return RunView(
            tree.root, tree.number, [], below, below_left_out, is_marked=is_marked, problem=run.problem, bad_text=bad
        )
    media = MediaBook(run)
    items = _anchored(tree.root, items_of(run, budget, media, ToolBook(run)), mark)
    shown, skipped = _shown(items, room, mark)
    calls = run.tool_calls
    return RunView(
        row=tree.root,
        number=tree.number,
        items=shown,
        skipped=skipped,
        left_out=len(items) - skipped - len(shown),
        is_marked=is_marked,
        below=below,
        below_left_out=below_left_out,
        error=budget.take(run.content_text or "No message is stored.") if run.status == "ERROR" else None,
        waiting_for=[call.name for call in calls if call.status == "waiting"][:10] if run.status == "PAUSED" else [],
        citations=citations_of(run),
        followups=[text[:_FOLLOWUP] for text in run.followups[:_FOLLOWUPS] if text.strip()],
        media=media.rest()[0],
        lineage=told_by(run, budget),
        missing_members=any(call.name == DELEGATE for call in calls) and not tree.below,
        by=people.get(run.run_id or "", NOBODY),
        claims="" if run.run_id in people else claimed(run)[:_NAME],
    )


def _members(tree: Tree, room: int) -> tuple[list[CatalogRun], int]:
    return tree.below[:room], tree.left_out + max(0, len(tree.below) - room)


def _anchored(row: CatalogRun, items: Iterable[Item], mark: Mark | None) -> list[Item]:
    """Return the items, each message's first one with the anchor it is linked by; and say which are linked to."""
    found: list[Item] = []
    anchors: set[str] = set()
    for item in items:
        anchor = f"m{row.ordinal}-{item.place}" if item.place is not None else ""
        is_marked = mark is not None and mark.is_at(row, item)
        found.append(replace(item, anchor="" if anchor in anchors else anchor, is_marked=is_marked))
        anchors.add(anchor)
    return found


def _shown(items: list[Item], room: int, mark: Mark | None) -> tuple[list[Item], int]:
    """Return the items there is room for, and how many are before them: some, when something further on is marked."""
    marked = next((at for at, item in enumerate(items) if item.is_marked), 0)
    start = max(0, marked - _BEFORE) if len(items) > ITEMS else 0
    left = min(room, ITEMS)
    shown: list[Item] = []
    for at in range(start, len(items)):
        if left <= 0 and at > marked:
            break
        shown.append(_cut(items[at], max(left, _BEFORE), mark.call if mark is not None and at == marked else None))
        left -= shown[-1].pieces
    return shown, start


def _cut(item: Item, room: int, call: int | None) -> Item:
    """Return the item with as many of its tool calls as there is room for, those around `call` if it is one of them."""
    if len(item.tools) <= room:
        return item
    called = next((at for at, tool in enumerate(item.tools) if tool.number == call), 0)
    start = max(0, min(called - _BEFORE // 2, len(item.tools) - room))
    return replace(item, tools=item.tools[start : start + room], calls_left_out=len(item.tools) - room)


def items_of(
    run: Run, budget: Budget, book: MediaBook, tools: ToolBook, *, everything: bool = False, start: int = 1
) -> Iterator[Item]:
    """Yield what happened in the run, in order. `everything`: system messages and copied history as well.

    `start`: the number of the first message that is wanted. What of the media `book` still holds at the end belongs to
    no item.
    """
    messages = run.messages
    own = [message for message in messages if not message.from_history]
    if everything and len(own) < len(messages) and start == 1:
        yield Item("history", text=Clipped("", len(messages) - len(own)))
    if not any(message.role == "user" for message in own) and run.input_text and start == 1:
        given = book.take(run.input_media)
        yield Item("user", run.user_id or "", budget.take(run.input_text), run.created_at, media=given)
    for place, message in enumerate(messages, 1):
        if place < start:
            book.skip(message.media)
        elif not message.from_history:
            items = _message_items(run, message, tools, budget, book, everything)
            yield from (replace(item, place=place) for item in items)
    if unasked := tools.unasked():
        yield Item("tools", tools=tools.views(unasked, budget))
    yield from _closing_items(run, own, budget)


def _message_items(
    run: Run, message: Message, tools: ToolBook, budget: Budget, book: MediaBook, everything: bool
) -> Iterator[Item]:
    who = run.component_name or run.component_id or ""
    if message.role == "user":
        given = book.take(message.media)
        yield Item("user", run.user_id or "", budget.take(message.text), message.created_at, media=given)
    elif message.role in ("system", "developer"):
        if everything:
            yield Item("system", text=budget.take(message.text), created_at=message.created_at)
    elif message.role == "tool":
        return  # shown with the call it answers
    else:
        if message.reasoning_content:
            yield Item("reasoning", who, budget.take(message.reasoning_content), message.created_at)
        if message.text.strip():
            yield Item("assistant", who, budget.take(message.text), message.created_at)
        if asked := tools.asked_by(message):
            yield Item("tools", who, created_at=message.created_at, tools=tools.views(asked, budget))


def _closing_items(run: Run, own: list[Message], budget: Budget) -> Iterator[Item]:
    who = run.component_name or run.component_id or ""
    if run.reasoning_content and not any(message.reasoning_content for message in own):
        yield Item("reasoning", who, budget.take(run.reasoning_content))
    if run.reasoning_steps:
        steps = "\n\n".join(
            "\n".join(filter(None, (step.title, step.reasoning, step.action, step.result)))
            for step in run.reasoning_steps
        )
        yield Item("reasoning", who, budget.take(steps))
    if isinstance(run, WorkflowRunOutput) and run.step_results:
        yield Item("steps", who, steps=list(steps_of(run.step_results, budget)))
    said = any(message.role in ("assistant", "model") and message.text.strip() for message in own)
    if run.content is not None and not said and run.status != "ERROR":
        kind = "assistant" if isinstance(run.content, str) else "structured"
        yield Item(kind, who, budget.take(run.content_text), run.created_at)


def citations_of(run: Run) -> list[dict[str, str]]:
    """Return what the answer cites: titles, and links where they are http or https."""
    if run.citations is None:
        return []
    pages = [
        {"title": (page.title or page.url or "")[:300], "url": url if url.startswith(("http://", "https://")) else ""}
        for page in run.citations.urls[:30]
        for url in ((page.url or "")[:2000],)
    ]
    return pages + [
        {"title": (one.document_title or one.file_name or "")[:300], "url": ""} for one in run.citations.documents[:30]
    ]
