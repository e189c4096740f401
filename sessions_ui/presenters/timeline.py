"""The timeline of a window of runs: lines on one axis of time, with geometry that can stand in attributes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from django.urls import reverse

from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.windows import Tree, Window
from agentos.db.reader import Reader
from sessions_ui.presenters.conversation import Mark
from sessions_ui.presenters.gaps import idle, words
from sessions_ui.presenters.stored_runs import read_runs
from sessions_ui.presenters.time_axis import Axis
from sessions_ui.presenters.timeline_lines import Line, lines_of, with_span_of_below

LINES: Final = 200
# Of each top-level run, the members whose runs are read besides it: how many, and their stored bytes.
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
    """A line of the timeline. `gap`: the idle time before it, in words. `left_out`: lines that follow it unseen."""

    line: Line
    number: int | None
    bar: Bar | None
    url: str
    anchor: str
    gap: str = ""
    left_out: int = 0
    is_marked: bool = False

    @property
    def indent(self) -> int:
        """How far to the right it stands."""
        return min(self.line.depth, 8)


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


def timeline(session: CatalogSession, reader: Reader, window: Window, mark: Mark | None) -> Timeline:
    """Return the timeline of a window; its runs are read."""
    rows = [row for tree in window.trees for row in (tree.root, *_members(tree))]
    runs = read_runs(reader, session.session_id, rows)
    whole = [with_span_of_below(lines_of(tree, runs)) for tree in window.trees]
    shown = _fair(whole, LINES, mark)
    axis = Axis(line.span for lines, _ in shown for line in lines if line.span is not None)
    base = reverse("session", args=[session.source, session.quoted_id])
    found: list[Row] = []
    before: CatalogRun | None = None
    for tree, (lines, left_out) in zip(window.trees, shown, strict=True):
        found += _rows(session, tree, lines, left_out, axis, base, mark, idle(before, tree.root))
        before = tree.root
    is_timed = any(line.span is not None for lines, _ in shown for line in lines)
    gaps = [GapMark(round(gap.x, 2), round(gap.width, 2), words(gap.seconds)) for gap in axis.gaps]
    return Timeline(found, gaps, int(axis.start) if is_timed else None, int(axis.end) if is_timed else None)


def _members(tree: Tree) -> list[CatalogRun]:
    """Return the members whose runs are read: those inside the run cost nothing more, others are bounded."""
    found: list[CatalogRun] = []
    size = 0
    for row in tree.below[:_MEMBERS]:
        size += row.size if row.stored else 0
        if size <= _MEMBERS_BYTES:
            found.append(row)
    return found


def _fair(whole: Sequence[list[Line]], room: int, mark: Mark | None) -> list[tuple[list[Line], int]]:
    """Return of each run's lines as many as fit when all have the same room, and how many are left out.

    What is marked is there, if need be in place of the last line.
    """
    each = room
    while each > 1 and sum(min(len(lines), each) for lines in whole) > room:
        each -= 1
    shown = []
    for lines in whole:
        part = lines[:each]
        marked = next((line for line in lines[each:] if mark is not None and _is_at(mark, line)), None)
        if marked is not None:
            part[-1] = marked
        shown.append((part, len(lines) - len(part)))
    return shown


def _is_at(mark: Mark, line: Line) -> bool:
    if line.run.ordinal != mark.run.ordinal:
        return False
    if mark.call is not None:
        return line.call == mark.call
    if mark.message is not None:
        return line.message == mark.message and line.kind == "model"
    return line.message is None and line.call is None and line.kind != "step"


def _rows(
    session: CatalogSession, tree: Tree, lines: list[Line], left_out: int, axis: Axis, base: str, mark: Mark | None, gap: str
) -> list[Row]:  # fmt: skip
    return [
        Row(
            line=line,
            number=tree.number if at == 0 else None,
            bar=_bar(line, axis),
            url=_url(session, tree, line, base),
            anchor=_anchor(tree, line, at),
            gap=gap if at == 0 else "",
            left_out=left_out if at == len(lines) - 1 else 0,
            is_marked=mark is not None and _is_at(mark, line),
        )
        for at, line in enumerate(lines)
    ]


def _anchor(tree: Tree, line: Line, at: int) -> str:
    """Return the id of a row: the same as that of what it stands for in the conversation."""
    if at == 0:
        return f"run-{tree.number}"
    if line.call is not None:
        return f"c{line.run.ordinal}-{line.call}"
    return f"m{line.run.ordinal}-{line.message}" if line.message is not None else f"l{tree.root.ordinal}-{at}"


def _bar(line: Line, axis: Axis) -> Bar | None:
    if line.span is None:
        return None
    x, width = axis.bar(line.span)
    style = _STYLES.get(line.status) or (line.kind if line.kind in ("model", "tool") else "whole")
    return Bar(round(x, 2), round(width, 2), style)


def _url(session: CatalogSession, tree: Tree, line: Line, base: str) -> str:
    """Return where a line leads: a run to its page, a message or call to its place in the conversation or the log."""
    if line.message is None and line.call is None:
        return reverse("run", args=[session.source, session.quoted_id, line.run.quoted_id])
    asked: dict[str, str | int] = {"run": line.run.quoted_id}
    if line.message is not None:
        asked["message"] = line.message
    if line.call is not None:
        asked["call"] = line.call
    if line.run.depth:
        asked["view"] = "log"
    anchor = f"c{line.run.ordinal}-{line.call}" if line.call is not None else f"m{line.run.ordinal}-{line.message}"
    return f"{base}?{urlencode(asked)}#{anchor if not line.run.depth else f'm{line.run.ordinal}-{line.message or 0}'}"
