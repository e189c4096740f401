"""Two sessions or two runs side by side: their numbers, a window of rows aligned by turn, both on one scale of time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.http import QueryDict

from agentos.catalog.models import CatalogRun
from agentos.records import NOBODY, BadRun, ByPerson, Run
from agentos.turns.speaking import known
from sessions_ui.presenters.compare_clock import Clock, Timed, clock
from sessions_ui.presenters.compare_numbers import Number, Setting, numbers, settings
from sessions_ui.presenters.compare_rows import (
    Block,
    Cell,
    Drawing,
    Row,
    Verdict,
    blocks_of,
    question_and_answer,
    unreadable,
)
from sessions_ui.presenters.compare_sides import Side
from sessions_ui.presenters.compare_turns import (
    PAYLOAD,
    TURNS,
    WINDOW,
    Cursor,
    Outline,
    OutlinePair,
    behind,
    cursor_at,
    outlines,
    pairs_of,
)
from sessions_ui.presenters.received import instructions_of
from sessions_ui.presenters.session_state import lasting_state
from sessions_ui.presenters.stored_runs import read_runs
from sessions_ui.rendering.differences import Line, line_diff
from sessions_ui.rendering.room import Room
from sessions_ui.rendering.value_changes import Changes, value_changes

STATE_PATHS, PROMPT_LINES, RUN_ROWS = 40, 60, 40
DIFFERENCES: Final = "differences"
_ANSWERS: Final = frozenset({"agent", "structured"})
GONE: Final = "This run is not in the source any more."


@dataclass(frozen=True)
class TurnRows:
    """What stands side by side of one pair of turns: its rows."""

    pair: OutlinePair
    rows: list[Row]

    @property
    def key(self) -> str:
        """What its anchor is called."""
        return "-".join(str(one.number if one is not None else 0) for one in (self.pair.a, self.pair.b))

    @property
    def label(self) -> str:
        """The turn's number; of two that differ both."""
        found = [str(one.number) for one in (self.pair.a, self.pair.b) if one is not None]
        return " · ".join(dict.fromkeys(found))


@dataclass
class Comparison:
    """Everything the page shows. `both`, `only_a`, `only_b`: how many there are of all turns that were aligned.

    `passed`: pairs that were left out because they seem alike. `beyond`: turns behind TURNS, which were not aligned.
    """

    a: Side
    b: Side
    numbers: list[Number]
    settings: list[Setting]
    state: Changes
    has_states: tuple[bool, bool]
    turns: list[TurnRows] = field(default_factory=list)
    clock: Clock | None = None
    both: int = 0
    only_a: int = 0
    only_b: int = 0
    passed: int = 0
    beyond: int = 0
    before: Cursor | None = None
    after: Cursor | None = None
    only_differences: bool = False
    prompt: list[Line] | None = None
    room: Room = field(default_factory=lambda: Room(0))

    @property
    def shown_different(self) -> int:
        """How many of the turns shown have a row that differs, or stand alone."""
        return sum(any(row.verdict != "same" for row in turn.rows) for turn in self.turns)

    @property
    def is_run(self) -> bool:
        """Whether runs are compared."""
        return self.a.run is not None

    @property
    def noun(self) -> str:
        """What the rows are of."""
        return "message" if self.is_run else "turn"

    @property
    def total(self) -> int:
        """How many turns, or messages of runs, there are together."""
        return self.both + self.only_a + self.only_b


def comparison(a: Side, b: Side, query: QueryDict) -> Comparison:
    """Return what the page shows: `after` or `before` a cursor, `rows=differences` without what seems alike.

    Raises:
        SourceUnavailable: a source cannot be read (any more).
    """
    left = _Turns.of(a)
    right = _Turns.of(b)
    pairs = pairs_of(left.outlines, right.outlines)
    states = [_state(side) for side in (a, b)]
    durations = [one.duration for one in left.outlines], [one.duration for one in right.outlines]
    page = Comparison(
        a,
        b,
        numbers(a, b, durations),
        settings(a, b),
        value_changes(states[0] or {}, states[1] or {}, STATE_PATHS),
        (states[0] is not None, states[1] is not None),
        both=sum(pair.a is not None and pair.b is not None for pair in pairs),
        only_a=sum(pair.b is None for pair in pairs),
        only_b=sum(pair.a is None for pair in pairs),
        beyond=left.beyond + right.beyond,
        only_differences=query.get("rows") == DIFFERENCES,
    )
    _fill(page, pairs, left, right, query)
    page.prompt = _prompt(a, b)
    return page


class _Turns:
    """One side's turns: the runs of a session, or what one run said and did."""

    def __init__(self, side: Side, outlines: list[Outline], beyond: int, blocks: list[Block] | None = None) -> None:
        self.side, self.outlines, self.beyond, self.blocks = side, outlines, beyond, blocks
        self.runs: dict[int, Run | BadRun] = {}
        self.rows: dict[int, CatalogRun] = {}
        self.people = self._known([side.record] if side.record is not None else [])

    def _known(self, runs: Iterable[Run | BadRun]) -> dict[str, ByPerson]:
        return known(self.side.session.source, self.side.session.session_id, runs)

    @classmethod
    def of(cls, side: Side) -> "_Turns":
        """Read a side's outlines."""
        if side.record is None:
            found, total = outlines(side.session)
            return cls(side, found, total - len(found))
        if isinstance(side.record, BadRun):
            return cls(side, [], 0, [])
        blocks = blocks_of(side.record)
        found = [Outline(at + 1, block.turn, at, facts=(block,)) for at, block in enumerate(blocks[:TURNS])]
        return cls(side, found, len(blocks) - len(found), blocks)

    def read(self, wanted: Sequence[Outline]) -> None:
        """Read the runs of these turns."""
        if self.blocks is not None or not wanted:
            return
        ordinals = [one.row for one in wanted]
        rows = CatalogRun.objects.filter(session=self.side.session, ordinal__in=ordinals).defer("tool_names", "traits")
        self.rows = {row.ordinal: row for row in rows}
        self.runs = read_runs(self.side.reader, self.side.session.session_id, list(self.rows.values()))
        self.people = self._known(self.runs.values())

    def timed(self, turns: Sequence[TurnRows]) -> list[Timed]:
        """Return the runs that are shown, with their rows."""
        if self.blocks is not None:
            return [(self.side.run, self.side.record)] if self.side.run is not None else []
        shown = [one for turn in turns for one in (turn.pair.a, turn.pair.b) if one is not None]
        mine = {id(one) for one in self.outlines}
        ordinals = [one.row for one in shown if id(one) in mine and one.row in self.rows]
        return [(self.rows[ordinal], self.runs.get(ordinal)) for ordinal in ordinals]

    def cells(self, outline: Outline | None) -> tuple[list[Block | None], Cell | None]:
        """Return the blocks of a turn: one of a run, a question and an answer of a session; or why there are none."""
        if outline is None:
            return [], None
        if self.blocks is not None:
            return [self.blocks[outline.row]], None
        run = self.runs.get(outline.row)
        if not isinstance(run, Run):
            return [], unreadable(run if run is not None else BadRun(None, GONE))
        return list(question_and_answer(blocks_of(run))), None


def _fill(page: Comparison, pairs: list[OutlinePair], left: _Turns, right: _Turns, query: QueryDict) -> None:
    """Draw a window of the pairs, as far as the page has room."""
    limit = RUN_ROWS if page.is_run else WINDOW
    start = behind(pairs, Cursor.read(query.get("after", "")))
    end = Cursor.read(query.get("before", ""))
    if end is not None:
        start = max(0, behind(pairs, end) - limit)
    chosen, stop = _chosen(pairs, start, limit, only_differences=page.only_differences)
    left.read([one for at in chosen if (one := pairs[at].a) is not None])
    right.read([one for at in chosen if (one := pairs[at].b) is not None])
    drawing = Drawing()
    for at in chosen:
        if page.turns and drawing.is_full:
            stop = at
            break
        page.turns.append(TurnRows(pairs[at], _rows(pairs[at], left, right, drawing)))
    page.room = drawing.room
    page.passed = sum(1 for pair in pairs[start:stop]) - len(page.turns)
    page.before = cursor_at(pairs, start) if start else None
    page.after = cursor_at(pairs, stop) if stop < len(pairs) else None
    page.clock = clock(left.timed(page.turns), right.timed(page.turns))


def _chosen(pairs: list[OutlinePair], start: int, limit: int, *, only_differences: bool) -> tuple[list[int], int]:
    """Return the places of the pairs of a window, and the place behind it; fewer when their runs are large."""
    found: list[int] = []
    rooms = [PAYLOAD, PAYLOAD]
    for at in range(start, len(pairs)):
        pair = pairs[at]
        if only_differences and pair.seems_alike:
            continue
        rooms = [room - (one.size if one is not None else 0) for room, one in zip(rooms, (pair.a, pair.b), strict=True)]
        if found and (len(found) >= limit or min(rooms) < 0):
            return found, at
        found.append(at)
    return found, len(pairs)


def _rows(pair: OutlinePair, left: _Turns, right: _Turns, drawing: Drawing) -> list[Row]:
    (mine, bad), (other, worse) = left.cells(pair.a), right.cells(pair.b)
    rows: list[Row] = []
    if bad is not None or worse is not None:
        return [_unread(pair, (left, mine, bad), (right, other, worse), drawing)]
    for at in range(max(len(mine), len(other))):
        a, b = (side[at] if at < len(side) else None for side in (mine, other))
        if a is not None or b is not None:
            row = drawing.row(a, b)
            rows.append(
                replace(row, a=_placed(row.a, pair.a, left), b=_placed(row.b, pair.b, right), is_first=not rows)
            )
    return rows


def _unread(
    pair: OutlinePair,
    left: tuple[_Turns, list[Block | None], Cell | None],
    right: tuple[_Turns, list[Block | None], Cell | None],
    drawing: Drawing,
) -> Row:
    """Return the row of a pair of which a run cannot be read: what the other one answered stands beside it."""
    cells = []
    for outline, (turns, blocks, bad) in ((pair.a, left), (pair.b, right)):
        block = next((one for one in reversed(blocks) if one is not None), None)
        readable = drawing.row(block, None).a if block is not None else None
        cells.append(_placed(bad or readable, outline, turns))
    verdict: Verdict = "only A" if pair.b is None else "only B" if pair.a is None else "differs"
    return Row(verdict, cells[0], cells[1], ["unread"])


def _placed(cell: Cell | None, outline: Outline | None, turns: _Turns) -> Cell | None:
    """Return the cell with the run it is of."""
    if cell is None or outline is None:
        return cell
    run = turns.side.run if turns.blocks is not None else turns.rows.get(outline.row)
    has_figures = turns.blocks is None and cell.kind != "user"
    by = turns.people.get(run.run_id or "", NOBODY) if run is not None else NOBODY
    wrote = by.asked if cell.kind == "user" else by.answered if cell.kind in _ANSWERS else ""
    return replace(cell, run=run, number=outline.number, has_figures=has_figures, by=by if wrote else NOBODY)


def _state(side: Side) -> dict[str, Any] | None:
    """Return the state at the side's end, None where none is stored."""
    if side.record is None:
        stored = side.stored.session_state if side.stored is not None else None
    else:
        stored = side.record.session_state if isinstance(side.record, Run) else None
    return lasting_state(side.session, stored)[0]


def _prompt(a: Side, b: Side) -> list[Line] | None:
    """Return how the instructions of two runs differ; None where sessions are compared or a run has none."""
    if not isinstance(a.record, Run) or not isinstance(b.record, Run):
        return None
    one, other = instructions_of(a.record), instructions_of(b.record)
    return None if one is None or other is None else line_diff(one, other, PROMPT_LINES)
