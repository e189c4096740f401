"""What the session page shows beside its inspector: one of three views of a window, what was found, the prompts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.text.within import Found, find_within
from agentos.catalog.windows import Tree, Window, find_run, prompts, top_level_window
from agentos.db.reader import Layout, Reader
from agentos.records import NOBODY, BadRun, ByPerson
from agentos.turns.lost import Overwritten, overwritten_in
from agentos.turns.speaking import known, people_in
from sessions_ui.presenters.budget import Budget
from sessions_ui.presenters.conversation import Mark, RunView, run_view
from sessions_ui.presenters.gaps import idle
from sessions_ui.presenters.lineage import put_back_tie
from sessions_ui.presenters.not_seen import not_seen
from sessions_ui.presenters.session_log import Log, session_log
from sessions_ui.presenters.session_place import Asked, Cursor
from sessions_ui.presenters.stored_runs import read_runs
from sessions_ui.presenters.timeline import Timeline, timeline
from sessions_ui.rendering.room import Room

WINDOW: Final = 20
# Characters of stored text on the page, about 90 kB of HTML besides its frame; things of a line or more; elements that
# texts become, and values that tool calls show as trees and tables.
PAGE_TEXT, EACH_TEXT, PIECES, ELEMENTS, NODES = 70_000, 6_000, 120, 1_000, 250
PROMPTS: Final = 70
GONE: Final = "This run is not in the source any more. Reload to see the session as it now is."


@dataclass(frozen=True)
class SpineEntry:
    """A run in the spine. `gap`: the idle time before it, in words; `by`: what of it a person wrote."""

    row: CatalogRun
    number: int
    gap: str
    by: ByPerson = NOBODY

    @property
    def bar(self) -> int:
        """Length of its bar in pixels, 4 to 32: by the figures of its tokens, 4 when they are unknown."""
        return min(32, 4 + 6 * len(str(self.row.total_tokens))) if self.row.total_tokens else 4


@dataclass(frozen=True)
class Prompt:
    """A run among the user's prompts, and what of it a person wrote."""

    row: CatalogRun
    by: ByPerson


@dataclass
class SessionView:
    """One view of a window. `older`, `newer`: cursors of those beside it. `lost`: a run asked for is not there.

    `not_back`: runs that another program has written over, and that could not be put back.
    """

    asked: Asked
    mark: Mark | None
    found: Found | None
    lost: bool = False
    spine: list[SpineEntry] = field(default_factory=list)
    runs: list[RunView] = field(default_factory=list)
    timeline: Timeline | None = None
    log: Log | None = None
    older: Cursor | int | None = None
    newer: Cursor | int | None = None
    prompts: list[Prompt] = field(default_factory=list)
    prompts_next: int | None = None
    not_back: list[Overwritten] = field(default_factory=list)
    room: Room = field(default_factory=lambda: Room(ELEMENTS))


def session_view(row: CatalogSession, reader: Reader, asked: Asked) -> SessionView:
    """Read the window of the session that is asked for, as the view that is asked for shows it."""
    found = find_within(row, asked.find, asked.hit) if asked.find else None
    mark = _mark(row, asked, found)
    view = SessionView(asked, mark, found, lost=bool(asked.run) and mark is None)
    if asked.prompts is not None:
        view.prompts, view.prompts_next = _prompts(row, asked.prompts)
    if asked.view == "log":
        log = session_log(row, reader, _budget(), before=asked.before, after=asked.after, mark=mark)
        view.log, view.older, view.newer = log, log.older, log.newer
        view.spine = [SpineEntry(run.row, run.number, "", run.by) for run in log.runs if not run.row.depth]
        return view
    window = _window(row, asked, mark)
    view.older, view.newer = window.older, window.newer
    if asked.view == "timeline":
        view.timeline = timeline(row, reader, window, mark)
        view.spine = _spine(window, {one.line.run.ordinal: one.line.by for one in view.timeline.rows if one.number})
    else:
        view.runs = _conversation(row, reader, window, mark)
        view.spine = _spine(window, {run.row.ordinal: run.by for run in view.runs})
        _tell_overwritten(view, row, reader)
    return view


def _prompts(row: CatalogSession, start: int) -> tuple[list[Prompt], int | None]:
    found, following = prompts(row, start, PROMPTS)
    people = people_in(row.source, row.session_id, [run.run_id for run in found if run.run_id])
    return [Prompt(run, people.get(run.run_id or "", NOBODY)) for run in found], following


def _tell_overwritten(view: SessionView, row: CatalogSession, reader: Reader) -> None:
    """Say of which runs another program has written over, where one may: Agno 2 does, where runs are a list."""
    if reader.layout == Layout.TABLE:
        return
    met = overwritten_in(row.source, row.session_id)
    view.not_back = [one for one in met if one.problem]
    back = {one.run_id: one for one in met if not one.problem}
    view.runs = [
        replace(run, lineage=[*run.lineage, put_back_tie(one.at, one.times)])
        if (one := back.get(run.row.run_id or ""))
        else run
        for run in view.runs
    ]


def _mark(row: CatalogSession, asked: Asked, found: Found | None) -> Mark | None:
    """Return what the URL links to; else, unless it names a window, the place that was found."""
    if asked.run:
        run = find_run(row, asked.run)
        return Mark(run, asked.message, asked.call) if run is not None else None
    if found is None or found.run is None or asked.before is not None or asked.after is not None:
        return None
    return Mark(found.run, found.spot.place if found.spot is not None else None)


def _window(row: CatalogSession, asked: Asked, mark: Mark | None) -> Window:
    before = asked.before.ordinal if asked.before is not None else None
    after = asked.after.ordinal if asked.after is not None else None
    around = mark.run.root_ordinal if mark is not None else None
    return top_level_window(row, before=before, after=after, around=around, limit=WINDOW)


def _spine(window: Window, by: Mapping[int, ByPerson]) -> list[SpineEntry]:
    roots = [None, *(tree.root for tree in window.trees)]
    return [
        SpineEntry(tree.root, tree.number, idle(roots[at], tree.root), by.get(tree.root.ordinal, NOBODY))
        for at, tree in enumerate(window.trees)
    ]


def _budget() -> Budget:
    return Budget(PAGE_TEXT, EACH_TEXT, nodes=NODES)


def _conversation(row: CatalogSession, reader: Reader, window: Window, mark: Mark | None) -> list[RunView]:
    """Return the views of the window's runs. What is linked to takes of the page's room first, then the newest runs."""
    stored = read_runs(reader, row.session_id, [tree.root for tree in window.trees])
    people = known(row.source, row.session_id, stored.values())
    unseen = not_seen([tree.root for tree in window.trees], stored, people, is_newest=window.newer is None)
    budget, room = _budget(), PIECES
    views: dict[int, RunView] = {}
    for tree in sorted(window.trees, key=lambda tree: _comes_first(tree, mark), reverse=True):
        run = stored.get(tree.root.ordinal, BadRun(None, GONE))
        view = run_view(tree, run, budget, mark, max(0, room), people)
        room -= 1 + sum(item.pieces for item in view.items) + len(view.below)
        views[tree.number] = view
    return [
        replace(views[entry.number], gap=entry.gap, not_seen=entry.row.ordinal in unseen)
        for entry in _spine(window, {})
    ]


def _comes_first(tree: Tree, mark: Mark | None) -> tuple[bool, int]:
    return mark is not None and mark.run.root_ordinal == tree.root.ordinal, tree.number
