"""Turns drawn side by side: what was asked, called and answered, with what differs marked, within a page's room."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from agentos.catalog.models import CatalogRun
from agentos.records import NOBODY, BadRun, ByPerson, RecordError, Run, ToolCall, loads
from sessions_ui.presenters.alignment import Turn, aligned
from sessions_ui.presenters.budget import Budget
from sessions_ui.presenters.contents import Content
from sessions_ui.presenters.conversation import Item, items_of
from sessions_ui.presenters.media import MediaBook
from sessions_ui.presenters.tool_calls import ToolBook
from sessions_ui.rendering.differences import Comparison, Line, Part, Parts, line_diff
from sessions_ui.rendering.room import Room

# Characters of a page's texts and of one of them; calls it lists, of a turn and in all; parts of its texts that are
# marked; lines of differences of calls, of one and in all; elements that its texts become.
TEXT, EACH_TEXT = 40_000, 4_000
CALLS, ALL_CALLS = 12, 100
PARTS, ALL_PARTS = 60, 800
DIFF_LINES, ALL_DIFF_LINES = 30, 100
LINE_CHARACTERS, LINE_PARTS = 240, 12
ELEMENTS: Final = 800
# Characters of a run that are looked at to compare it.
COMPARED, COMPARED_EACH = 400_000, 50_000

Verdict = Literal["same", "differs", "only A", "only B"]


@dataclass(frozen=True)
class Call:
    """A tool call, or a step of a workflow (`number` is None): one line. `mark`: what is not as on the other side."""

    name: str
    brief: str
    status: str
    duration: float | None
    number: int | None
    arguments: str
    result: str
    mark: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What makes two calls the same call."""
        return self.name, self.arguments


@dataclass(frozen=True)
class Block:
    """What one side said or did in one row: `kind` is user, agent, reasoning, tools, steps, structured or error.

    `total`: characters of its text, of which `text` may be the beginning.
    """

    kind: str
    who: str
    text: str = ""
    calls: tuple[Call, ...] = ()
    total: int = 0

    @property
    def turn(self) -> Turn:
        """What it is aligned by."""
        called = " ".join(f"{call.name} {call.brief}" for call in self.calls)
        return Turn(f"{self.text[:300]} {called}"[:600], self.kind)


@dataclass(frozen=True)
class Cell:
    """A block as it is drawn: `parts` of its text, `total` characters long; its calls, those `calls_left_out` not.

    `by`: the person who wrote it, in the agent's place or the user's name.
    """

    kind: str
    who: str
    parts: Parts = ()
    shown: int = 0
    total: int = 0
    calls: list[Call] = field(default_factory=list)
    calls_left_out: int = 0
    problem: str = ""
    has_figures: bool = False
    run: CatalogRun | None = None
    number: int = 0
    by: ByPerson = NOBODY

    @property
    def is_cut(self) -> bool:
        """Whether there is more text than is shown."""
        return self.total > self.shown


@dataclass(frozen=True)
class CallChange:
    """How a call's arguments or its result differ."""

    name: str
    what: str
    lines: list[Line]


@dataclass(frozen=True)
class Row:
    """A row of the comparison; `what` differs, in words."""

    verdict: Verdict
    a: Cell | None
    b: Cell | None
    what: list[str] = field(default_factory=list)
    changes: list[CallChange] = field(default_factory=list)
    is_first: bool = True


def blocks_of(run: Run) -> list[Block]:
    """Return everything a run said and did, in order, far enough to be compared."""
    budget = Budget(COMPARED, COMPARED_EACH, folded=200, nodes=0)
    book = ToolBook(run)
    blocks = [_block(item, book) for item in items_of(run, budget, MediaBook(run), book)]
    if run.status == "ERROR":
        failure = run.content_text or "No message is stored."
        blocks.append(Block("error", "", failure[:COMPARED_EACH], total=len(failure)))
    return [block for block in blocks if block.text or block.calls or block.kind == "user"]


def _block(item: Item, book: ToolBook) -> Block:
    if item.kind == "steps":
        calls = tuple(
            Call(step.name, step.remark, step.status, None, None, "", step.error or _text(step.content))
            for step in item.steps
        )
        return Block("steps", item.who, calls=calls)
    calls = tuple(_call(book.calls[view.number], view.brief, view.number) for view in item.tools)
    return Block("agent" if item.kind == "assistant" else item.kind, item.who, item.text.text, calls, item.text.total)


def _call(call: ToolCall, brief: str, number: int) -> Call:
    result = (call.result or "")[:COMPARED_EACH]
    name = call.name or "unnamed tool"
    return Call(name, brief, str(call.status), call.duration, number, call.arguments[:COMPARED_EACH], result)


def _text(content: Content) -> str:
    return content.clipped.text


def question_and_answer(blocks: Sequence[Block]) -> tuple[Block | None, Block | None]:
    """Return a turn as two blocks: what was asked, and everything that came of it but the reasoning."""
    asked = [block for block in blocks if block.kind == "user"]
    came = [block for block in blocks if block.kind not in ("user", "reasoning")]
    question = _joined("user", asked) if asked else None
    if not came:
        return question, None
    return question, _joined("error" if came[-1].kind == "error" else "agent", came)


def _joined(kind: str, blocks: Sequence[Block]) -> Block:
    return Block(
        kind,
        next((block.who for block in blocks if block.who), ""),
        "\n\n".join(block.text for block in blocks if block.text),
        tuple(call for block in blocks for call in block.calls),
        sum(block.total for block in blocks),
    )


class Drawing:
    """Draws rows of a page as long as its room lasts."""

    def __init__(self) -> None:
        self.budget = Budget(TEXT, EACH_TEXT)
        self.room = Room(ELEMENTS)
        self._comparison = Comparison()
        self._calls, self._parts, self._lines = ALL_CALLS, ALL_PARTS, ALL_DIFF_LINES

    @property
    def is_full(self) -> bool:
        """Whether the texts have used up their room."""
        return self.budget.left <= 0

    def row(self, a: Block | None, b: Block | None) -> Row:
        """Return two blocks as a row; at least one is there."""
        left, right = self._calls_of(a), self._calls_of(b)
        marked, changes = self._compared(left, right) if a is not None and b is not None else ((left, right), [])
        texts = self._texts(a, b)
        one = None if a is None else self._cell(a, texts[0], marked[0])
        other = None if b is None else self._cell(b, texts[1], marked[1])
        if a is None or b is None:
            return Row("only A" if b is None else "only B", one, other)
        what = list(_differing(a, b))
        return Row("differs" if what else "same", one, other, what, changes)

    def _texts(self, a: Block | None, b: Block | None) -> tuple[Parts, Parts]:
        one = self.budget.take(a.text).text if a is not None else ""
        other = self.budget.take(b.text).text if b is not None else ""
        if a is None or b is None or _same_text(a, b):
            return (Part(one),), (Part(other),)
        left, right = self._comparison.sides(one, other, max(1, min(PARTS, self._parts // 2)))
        self._parts -= len(left) + len(right)
        return left, right

    def _cell(self, block: Block, parts: Parts, calls: Sequence[Call]) -> Cell:
        shown = list(calls[: max(0, min(CALLS, self._calls))])
        self._calls -= len(shown)
        length = sum(len(part.text) for part in parts)
        return Cell(
            block.kind, block.who, parts, length, max(block.total, len(block.text)), shown, len(calls) - len(shown)
        )

    def _calls_of(self, block: Block | None) -> Sequence[Call]:
        return () if block is None else block.calls

    def _compared(
        self, left: Sequence[Call], right: Sequence[Call]
    ) -> tuple[tuple[list[Call], list[Call]], list[CallChange]]:
        """Return the calls of both sides with what is not as on the other, and how the arguments and results differ."""
        marked: tuple[list[Call], list[Call]] = ([], [])
        changes: list[CallChange] = []
        for i, j in aligned([Turn(call.arguments[:300], call.name) for call in left],
                            [Turn(call.arguments[:300], call.name) for call in right]):  # fmt: skip
            if i is None or j is None:
                marked[0].extend(replace(left[at], mark="only here") for at in (i,) if at is not None)
                marked[1].extend(replace(right[at], mark="only here") for at in (j,) if at is not None)
                continue
            one, other = left[i], right[j]
            names = [name for name in ("arguments", "result", "status") if getattr(one, name) != getattr(other, name)]
            words = " and ".join("outcome" if name == "status" else name for name in names)
            marked[0].append(replace(one, mark=words))
            marked[1].append(replace(other, mark=words))
            changes += [change for name in names if (change := self._change(one, other, name)) is not None]
        return marked, changes

    def _change(self, one: Call, other: Call, name: str) -> CallChange | None:
        if name == "status" or self._lines <= 0:
            return None
        lines = line_diff(_spread(getattr(one, name)), _spread(getattr(other, name)), min(DIFF_LINES, self._lines))
        self._lines -= len(lines)
        return CallChange(one.name, name, _short(lines))


def _differing(a: Block, b: Block) -> Iterable[str]:
    if not _same_text(a, b):
        yield "asked" if a.kind == "user" else "text"
    if [call.key for call in a.calls] != [call.key for call in b.calls]:
        yield "calls"
    elif [call.status for call in a.calls] != [call.status for call in b.calls]:
        yield "outcome"
    elif [call.result for call in a.calls] != [call.result for call in b.calls]:
        yield "results"
    if (a.kind == "error") != (b.kind == "error"):
        yield "end"


def _same_text(a: Block, b: Block) -> bool:
    return (a.text, a.total) == (b.text, b.total)


def _spread(text: str) -> str:
    """Return a text as it is best compared line by line: JSON on as many lines as it has values."""
    try:
        value = loads(text)
        return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict | list) else text
    except (RecordError, ValueError, RecursionError):
        return text


def _short(lines: Sequence[Line]) -> list[Line]:
    """Return the lines of a difference, LINE_CHARACTERS of each and LINE_PARTS of its changes."""
    found = []
    for line in lines:
        room, parts = LINE_CHARACTERS, []
        for part in line.parts[:LINE_PARTS]:
            parts += [Part(part.text[:room], part.is_changed)] if room > 0 else []
            room -= len(part.text)
        is_cut = room < 0 or len(line.parts) > LINE_PARTS
        found.append(replace(line, parts=(*parts, Part("…")) if is_cut else tuple(parts)))
    return found


def unreadable(bad: BadRun) -> Cell:
    """Return the cell of a run that cannot be read."""
    return Cell("bad", "", problem=bad.problem)
