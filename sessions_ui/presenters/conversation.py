"""A session's conversation: what the user saw, run by run, with tool calls, reasoning and failures in their places.

Everything is bounded twice: each text by its own limit, all texts of a page by a `Budget`. What is cut says so and is
whole on the run's own page.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from agentos.catalog.models import CatalogRun
from agentos.catalog.windows import Tree
from agentos.records import (
    BadRun,
    Media,
    Message,
    Run,
    StepOutput,
    ToolCall,
    WorkflowRunOutput,
)
from sessions_ui.rendering import clip

DELEGATE = "delegate_task_to_member"
# Items of one run; a run of 304 tool calls has them all on its own page.
ITEMS = 60
STEPS = 80


@dataclass
class Budget:
    """Characters of stored text that a page may still show, and how many one text may have.

    `folded`: how many a text may have that shows only when a tool call or a step is opened.
    """

    left: int
    each: int
    folded: int = 2_000

    def take(self, text: str, each: int | None = None) -> "Clipped":
        """Return as much of `text` as may be shown."""
        shown, total = clip(text, max(0, min(self.left, self.each if each is None else each)))
        self.left -= len(shown)
        return Clipped(shown, total)


@dataclass(frozen=True)
class Clipped:
    """A text as far as it is shown, and its length in characters."""

    text: str
    total: int

    @property
    def is_cut(self) -> bool:
        """Whether there is more than is shown."""
        return self.total > len(self.text)


@dataclass(frozen=True)
class ToolView:
    """A tool call as one line that opens."""

    name: str
    brief: str
    status: str
    duration: float | None
    arguments: Clipped
    result: Clipped | None
    note: str

    @property
    def is_error(self) -> bool:
        """Whether it failed."""
        return self.status == "error"


@dataclass(frozen=True)
class MediumView:
    """An attachment as a labelled chip. Its bytes are never sent with the page."""

    kind: str
    name: str
    media_type: str
    size: int | None
    elsewhere: str


@dataclass(frozen=True)
class StepView:
    """A step of a workflow with those inside it flattened: `depth` tells how deep."""

    name: str
    kind: str
    executor: str
    depth: int
    status: str
    content: Clipped
    error: str


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


@dataclass(frozen=True)
class RunView:
    """A top-level run as the conversation shows it."""

    row: CatalogRun
    number: int
    items: list[Item]
    below: list[CatalogRun]
    below_left_out: int
    left_out: int = 0
    problem: str = ""
    bad_text: Clipped | None = None
    error: Clipped | None = None
    waiting_for: list[str] = field(default_factory=list)
    citations: list[dict[str, str]] = field(default_factory=list)
    media: list[MediumView] = field(default_factory=list)
    lineage: list[str] = field(default_factory=list)
    missing_members: bool = False

    @property
    def bar(self) -> int:
        """Length of the run's bar in the spine, in pixels: by the figures of its tokens, 4 when they are unknown."""
        return min(32, 4 + 6 * len(str(self.row.total_tokens))) if self.row.total_tokens else 4


def run_view(tree: Tree, run: Run | BadRun, budget: Budget) -> RunView:
    """Return the view of one top-level run."""
    if isinstance(run, BadRun):
        bad = budget.take(run.raw if isinstance(run.raw, str) else repr(run.raw)[:10_000])
        return RunView(tree.root, tree.number, [], tree.below, tree.left_out, problem=run.problem, bad_text=bad)
    items = list(items_of(run, budget))
    calls = run.tool_calls
    return RunView(
        row=tree.root,
        number=tree.number,
        items=items[:ITEMS],
        left_out=max(0, len(items) - ITEMS),
        below=tree.below,
        below_left_out=tree.left_out,
        error=budget.take(run.content_text or "No message is stored.") if run.status == "ERROR" else None,
        waiting_for=[call.name for call in calls if call.status == "waiting"][:10] if run.status == "PAUSED" else [],
        citations=citations_of(run),
        media=[medium_view(medium) for medium in run.output_media][:20],
        lineage=lineage_of(run),
        missing_members=any(call.name == DELEGATE for call in calls) and not tree.below,
    )


def items_of(run: Run, budget: Budget, *, everything: bool = False) -> Iterator[Item]:
    """Yield what happened in the run, in order. `everything`: system messages and copied history as well."""
    messages = run.messages
    own = [message for message in messages if not message.from_history]
    if everything and len(own) < len(messages):
        yield Item("history", text=Clipped("", len(messages) - len(own)))
    calls = {call.id: call for call in run.tool_calls}
    if not any(message.role == "user" for message in own) and run.input_text:
        media = [medium_view(medium) for medium in run.input_media][:20]
        yield Item("user", run.user_id or "", budget.take(run.input_text), run.created_at, media=media)
    for place, message in enumerate(messages, 1):
        if not message.from_history:
            items = _message_items(run, message, calls, budget, everything)
            yield from (replace(item, place=place) for item in items)
    unasked = [call for call in calls.values() if call.request is None and call.execution is not None]
    if unasked:
        yield Item("tools", tools=[tool_view(call, budget) for call in unasked])
    yield from _closing_items(run, own, budget)


def _message_items(
    run: Run, message: Message, calls: dict[str | None, ToolCall], budget: Budget, everything: bool
) -> Iterator[Item]:
    who = run.component_name or run.component_id or ""
    if message.role == "user":
        media = [medium_view(one) for one in (*message.images, *message.audio, *message.videos, *message.files)][:20]
        yield Item("user", run.user_id or "", budget.take(message.text), message.created_at, media=media)
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
        asked = [calls[id_] for request in message.tool_calls for id_ in request.ids[:1] if id_ in calls]
        if asked:
            yield Item("tools", who, created_at=message.created_at, tools=[tool_view(call, budget) for call in asked])


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


def steps_of(outputs: list[StepOutput], budget: Budget) -> Iterator[StepView]:
    """Yield the steps depth first, without recursion, at most STEPS of them."""
    waiting = [(output, 0) for output in reversed(outputs)]
    shown = 0
    while waiting and shown < STEPS:
        output, depth = waiting.pop()
        shown += 1
        inside = output.steps
        failed = output.success is False
        yield StepView(
            name=output.step_name or "Unnamed step",
            kind=output.step_type or "",
            executor=output.executor_name or "",
            depth=min(depth, 12),
            status="ERROR" if failed else "PAUSED" if output.is_paused else "COMPLETED",
            content=budget.take("" if inside else output.content_text, budget.folded),
            error=(output.error or "")[:500],
        )
        waiting.extend((step, depth + 1) for step in reversed(inside))


def tool_view(call: ToolCall, budget: Budget) -> ToolView:
    """Return a tool call's line and what it opens to."""
    arguments, result = call.arguments, call.result
    execution = call.execution
    return ToolView(
        name=call.name or "unnamed tool",
        brief=" ".join(arguments[:200].split())[:120],
        status=str(call.status),
        duration=call.duration,
        arguments=budget.take(arguments, budget.folded),
        result=None if result is None else budget.take(result, budget.folded),
        note=(execution.confirmation_note or "")[:500] if execution is not None else "",
    )


def medium_view(medium: Media) -> MediumView:
    """Return an attachment's chip. Where it lies, if not here, is shown as text and never fetched."""
    kind = type(medium).__name__.lower()
    name = getattr(medium, "filename", None) or getattr(medium, "name", None) or medium.id or kind
    elsewhere = medium.url or medium.filepath or ""
    return MediumView(kind, str(name)[:120], (medium.mime or "")[:80], _size(medium), str(elsewhere)[:300])


def _size(medium: Media) -> int | None:
    content = medium.raw.get("content")
    if not isinstance(content, str):
        return None
    return len(content) if (medium.mime or "").startswith("text/") else len(content) * 3 // 4


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


def lineage_of(run: Run) -> list[str]:
    """Return sentences about where the run comes from."""
    found = []
    if run.regenerated_from:
        found.append(f"Regenerated from run {run.regenerated_from[:80]}.")
    elif run.forked_from_run_id:
        found.append(f"Forked from run {run.forked_from_run_id[:80]}.")
    if run.forked_from_session_id:
        found.append(f"Copied from session {run.forked_from_session_id[:80]}.")
    if run.status == "REGENERATED":
        found.append("A later run replaced this one.")
    return found
