"""The timeline of a window of runs: what happened in each, on one axis of time, with geometry for attributes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final
from urllib.parse import urlencode

from django.urls import reverse

from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.windows import Tree, Window
from agentos.db.reader import Reader
from agentos.records import BadRun, ByPerson, Run
from agentos.turns.speaking import known
from sessions_ui.presenters.conversation import Mark
from sessions_ui.presenters.gaps import idle, words
from sessions_ui.presenters.stored_runs import read_runs
from sessions_ui.presenters.time_axis import Axis, Span
from sessions_ui.presenters.waterfall import Line, lines_of, runs_by_id

LINES: Final = 200
# Of one top-level run: the lines that are made, the members' runs that are read besides it, and their stored bytes.
_LINES_OF_ONE: Final = 1_000
_MEMBERS: Final = 60
_MEMBERS_BYTES: Final = 200_000
_STYLES: Final = {"ERROR": "error", "PAUSED": "waiting", "RUNNING": "live", "CANCELLED": "gone"}
# More idle times than this have no words above the axis; between runs they always have.
_WORDS: Final = 6


@dataclass(frozen=True)
class Bar:
    """A bar in hundredths of the axis. `style`: error, waiting, live, gone, model, tool or whole."""

    x: float
    width: float
    style: str

    @property
    def end(self) -> float:
        """Where it ends."""
        return round(self.x + self.width, 2)


@dataclass(frozen=True)
class Row:
    """A line of the timeline. `number`: of a top-level run. `gap`: the idle time before it, in words.

    `left_out`: lines that follow it unseen.
    """

    line: Line
    number: int | None
    bar: Bar | None
    url: str
    anchor: str
    gap: str = ""
    left_out: int = 0
    is_marked: bool = False


@dataclass(frozen=True)
class GapMark:
    """An idle time that is drawn short."""

    x: float
    width: float
    words: str


@dataclass(frozen=True)
class Timeline:
    """The rows, and their axis: when it begins and ends (unix seconds, None without any time) and its idle times."""

    rows: list[Row]
    gaps: list[GapMark]
    start: int | None
    end: int | None

    @property
    def has_words(self) -> bool:
        """Whether there is room for the idle times' words above the axis."""
        return len(self.gaps) <= _WORDS

    @property
    def sentence(self) -> str:
        """What the drawing shows, in a sentence."""
        runs = sum(row.number is not None for row in self.rows)
        idle_times = f", {len(self.gaps)} idle times drawn short" if self.gaps else ""
        return f"{len(self.rows)} lines of {runs} top-level run{'' if runs == 1 else 's'} on one axis{idle_times}"


_Timed = tuple[Line, Span | None]


def timeline(session: CatalogSession, reader: Reader, window: Window, mark: Mark | None) -> Timeline:
    """Return the timeline of a window; its runs are read."""
    rows = [row for tree in window.trees for row in (tree.root, *_members(tree))]
    runs = read_runs(reader, session.session_id, rows)
    people = known(session.source, session.session_id, runs.values())
    shown = _fair([_timed(tree, runs, people) for tree in window.trees], LINES, mark)
    spans = [span for lines, _ in shown for _, span in lines if span is not None]
    axis = Axis(spans)
    base = reverse("session", args=[session.source, session.quoted_id])
    found: list[Row] = []
    before: CatalogRun | None = None
    for tree, (lines, left_out) in zip(window.trees, shown, strict=True):
        drawn = _Drawn(session, tree, axis, base, mark)
        found += drawn.rows(lines, left_out, idle(before, tree.root))
        before = tree.root
    gaps = [GapMark(round(gap.x, 2), round(gap.width, 2), words(gap.seconds)) for gap in axis.gaps]
    return Timeline(found, gaps, int(axis.start) if spans else None, int(axis.end) if spans else None)


def _members(tree: Tree) -> list[CatalogRun]:
    """Return the members whose runs are read: those inside the run cost nothing more, others are bounded."""
    found: list[CatalogRun] = []
    size = 0
    for row in tree.below[:_MEMBERS]:
        size += row.size if row.stored else 0
        if size <= _MEMBERS_BYTES:
            found.append(row)
    return found


def _timed(tree: Tree, runs: dict[int, Run | BadRun], people: Mapping[str, ByPerson]) -> list[_Timed]:
    """Return the lines of a tree with their times. What has no end of its own ends with what is inside it."""
    read = runs_by_id([runs[row.ordinal] for row in (tree.root, *tree.below) if row.ordinal in runs])
    lines = list(islice(lines_of(tree.root, tree.below, read, people), _LINES_OF_ONE))
    timed: list[_Timed] = []
    ends: list[tuple[int, float]] = []
    for line in reversed(lines):
        inside = [end for depth, end in ends if depth > line.depth]
        ends = [(depth, end) for depth, end in ends if depth <= line.depth]
        span = None
        if line.began is not None:
            last = line.began + line.duration if line.duration is not None else max([line.began, *inside])
            span = Span(line.began, last)
            inside.append(last)
        ends.append((line.depth, max(inside, default=0.0)))
        timed.append((line, span))
    return timed[::-1]


def _fair(whole: Sequence[list[_Timed]], room: int, mark: Mark | None) -> list[tuple[list[_Timed], int]]:
    """Return of each run's lines as many as fit when all have the same room, and how many are left out.

    What is marked is there, if need be in place of the last line.
    """
    each = room
    while each > 1 and sum(min(len(lines), each) for lines in whole) > room:
        each -= 1
    shown = []
    for lines in whole:
        part = lines[:each]
        marked = next((line for line in lines[each:] if _is_at(mark, line[0])), None)
        if marked is not None:
            part[-1] = marked
        shown.append((part, len(lines) - len(part)))
    return shown


def _is_at(mark: Mark | None, line: Line) -> bool:
    if mark is None or line.run.ordinal != mark.run.ordinal:
        return False
    if mark.call is not None:
        return line.kind == "tool" and line.target == str(mark.call)
    if mark.message is not None:
        return line.kind == "model" and line.target == f"m{mark.message}"
    return line.kind == "run"


class _Drawn:
    """The rows of one top-level run."""

    def __init__(self, session: CatalogSession, tree: Tree, axis: Axis, base: str, mark: Mark | None) -> None:
        self._at = [session.source, session.quoted_id]
        self._tree, self._axis, self._base = tree, axis, base
        # A message without a line of its own, the user's for one, is at its run.
        self._mark = mark

    def rows(self, lines: list[_Timed], left_out: int, gap: str) -> Iterator[Row]:
        """Yield the rows; `gap` stands before the first."""
        is_there = any(_is_at(self._mark, line) for line, _ in lines)
        mark = self._mark if is_there or self._mark is None else Mark(self._mark.run)
        for at, (line, span) in enumerate(lines):
            yield Row(
                line=line,
                number=self._tree.number if at == 0 else None,
                bar=self._bar(line, span),
                url=self._url(line),
                anchor=self._anchor(line, at),
                gap=gap if at == 0 else "",
                left_out=left_out if at == len(lines) - 1 else 0,
                is_marked=_is_at(mark, line),
            )

    def _bar(self, line: Line, span: Span | None) -> Bar | None:
        if span is None:
            return None
        x, width = self._axis.bar(span)
        is_machine = line.kind in ("model", "tool") and not line.by.answered
        style = _STYLES.get(line.status) or (line.kind if is_machine else "whole")
        return Bar(round(x, 2), round(width, 2), style)

    def _anchor(self, line: Line, at: int) -> str:
        """Return the id of a row: that of what it stands for in the conversation, where it has one."""
        if at == 0:
            return f"run-{self._tree.number}"
        if line.kind == "tool":
            return f"run-{line.run.ordinal}-call-{line.target}"
        if line.kind == "model":
            return f"m{line.run.ordinal}-{line.target[1:]}"
        return f"line-{self._tree.root.ordinal}-{at}"

    def _url(self, line: Line) -> str:
        """Return where a row leads: a run or step to the run's page, a call of a model or tool to its place here."""
        if line.kind not in ("model", "tool"):
            page = reverse("run", args=[*self._at, line.run.quoted_id])
            return f"{page}#{line.target}" if line.kind == "step" else page
        if line.run.depth and line.kind == "tool":
            return reverse("tool_call", args=[*self._at, line.run.quoted_id, int(line.target)])
        number = line.target.removeprefix("m")
        asked = {"run": line.run.quoted_id, "call" if line.kind == "tool" else "message": number}
        if line.run.depth:
            asked["view"] = "log"
        return f"{self._base}?{urlencode(asked)}#here"
