"""The session's state after a run, and what changed since another: of the runs that were chosen, no others are read."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from django.utils.safestring import SafeString

from agentos.agents.state import lasting
from agentos.catalog.keys import unquote_id
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.windows import find_run
from agentos.db.reader import Reader
from agentos.records import TRANSIENT_STATE, TRANSIENT_WORKFLOW_STATE, BadRun, Run, Session
from sessions_ui.presenters.run_page import bounded
from sessions_ui.presenters.stored_runs import read_runs
from sessions_ui.rendering.json_tree import json_tree
from sessions_ui.rendering.value_changes import Changes, value_changes

NOW: Final = "now"
"""How the URL names the state as the session itself holds it."""

READ_BYTES: Final = 4_000_000
"""Bytes of runs that are read unasked; a run that is named in the URL is read whatever its size."""

CHANGED_PATHS: Final = 60
# Characters of strings and values of the tree; fewer where they would take more than TREE_BYTES and TREE_ELEMENTS.
TREES: Final = ((6_000, 250), (1_500, 100), (300, 15))
TREE_BYTES, TREE_ELEMENTS = 90_000, 1_600
GONE: Final = "This run is not in the source any more."


@dataclass(frozen=True)
class Moment:
    """When the state is looked at: after a run, `number` of the session's own runs from 1, or now (`run` is None).

    `number` is None for a run inside another. `state`: what is stored there without what holds only during a run, None
    when nothing is. `transient`: how many keys were left out. `unread`: the run is too large to be read unasked.
    """

    run: CatalogRun | None
    number: int | None = None
    state: dict[str, Any] | None = None
    transient: int = 0
    unread: bool = False
    problem: str = ""

    @property
    def key(self) -> str:
        """How the URL names it."""
        return NOW if self.run is None else self.run.quoted_id

    @property
    def field(self) -> str:
        """What a person types for it: a number where there is one."""
        return str(self.number) if self.number is not None else self.key


@dataclass(frozen=True)
class SessionState:
    """What the State tab shows: the state at `to`, and how it differs from that at `since`, an earlier moment.

    `since` is None where there is nothing before. `total`: the session's own runs. `previous`, `following`: what the
    URL calls the moments beside `to`, "" at the ends. `differs_now`: whether the session holds something else now than
    its last run left behind, None when that is not known. `lost`: runs that were asked for and are not there.
    """

    to: Moment
    since: Moment | None
    total: int
    tree: SafeString
    changes: Changes = field(default_factory=Changes)
    previous: str = ""
    following: str = ""
    differs_now: bool | None = None
    lost: tuple[str, ...] = ()

    @property
    def is_compared(self) -> bool:
        """Whether both moments have a state."""
        return self.since is not None and self.since.state is not None and self.to.state is not None


def session_state(row: CatalogSession, session: Session, reader: Reader, since: str, to: str) -> SessionState:
    """Return the state at `to` beside that at `since`, each a run's number or id, or NOW.

    "" is the last run, and the run before that one; where the last run stored no state, NOW and that run.

    Raises:
        SourceUnavailable: the source cannot be read (any more).
    """
    total = CatalogRun.objects.filter(session=row, depth=0).count()
    chosen, lost_to = _chosen(row, to, total)
    earlier, lost_since = _chosen(row, since, total)
    at = chosen or _numbered(row, total)
    before = earlier or _before(row, at, total)
    filled = _filled(row, session, reader, at, before, {moment.key for moment in (chosen, earlier) if moment})
    at, before = filled[0], filled[1] if before is not None else None
    if chosen is None and at.state is None and at.run is not None:
        at, before = _of_session(row, session), before if earlier is not None else at
    now = _of_session(row, session)
    is_last = at.run is not None and at.number == total and at.state is not None
    previous, following = _beside(at, total)
    return SessionState(
        to=at,
        since=before,
        total=total,
        tree=_tree(at.state),
        changes=_changes(before, at),
        previous=previous,
        following=following,
        differs_now=value_changes(at.state, now.state or {}, 0).count > 0 if is_last else None,
        lost=tuple(filter(None, (lost_to, lost_since))),
    )


def state_data(found: SessionState) -> dict[str, Any]:
    """Return what the tab shows as data, for programs; the state whole."""
    since, to = found.since, found.to
    return {
        "to": to.field,
        "from": None if since is None else since.field,
        "state": to.state,
        "before": None if since is None else since.state,
        "compared": found.is_compared,
        "changed": found.changes.count,
        "changes_partial": found.changes.is_partial,
        "runs": found.total,
        "not_found": list(found.lost),
    }


def _tree(state: dict[str, Any] | None) -> SafeString:
    """Draw a state, as much of it as the page has room for: hostile keys take far more room than their characters."""
    drawings = (json_tree(bounded(state, characters), 3, values) for characters, values in TREES)
    return next(filter(_fits, drawings), json_tree(f"{len(state or {}):,} keys, too much to be shown here"))


def _fits(drawn: SafeString) -> bool:
    return len(drawn) <= TREE_BYTES and drawn.count("<") <= 2 * TREE_ELEMENTS


def _changes(before: Moment | None, at: Moment) -> Changes:
    if before is None or before.state is None or at.state is None:
        return Changes()
    return value_changes(before.state, at.state, CHANGED_PATHS)


def _beside(at: Moment, total: int) -> tuple[str, str]:
    """Return what the URL calls the moments before and after this one."""
    if at.run is None:
        return str(total) if total else "", ""
    if at.number is None:
        return "", ""
    return str(at.number - 1) if at.number > 1 else "", str(at.number + 1) if at.number < total else NOW


def _chosen(row: CatalogSession, text: str, total: int) -> tuple[Moment | None, str]:
    """Return the moment a URL names, None for none; and the text if there is no such run."""
    text = text.strip()
    if text in ("", NOW):
        return (Moment(None) if text else None), ""
    if text.isascii() and text.isdecimal() and len(text) < 8:
        return (_numbered(row, int(text)), "") if 0 < int(text) <= total else (None, text)
    run = find_run(row, unquote_id(text))
    return (Moment(run, _number(row, run)), "") if run is not None else (None, text[:80])


def _numbered(row: CatalogSession, number: int) -> Moment:
    """Return the moment after the session's own run of this number, from 1; now if there is none."""
    roots = CatalogRun.objects.filter(session=row, depth=0).order_by("ordinal")
    run = roots[number - 1 : number].first() if number > 0 else None
    return Moment(run, number if run is not None else None)


def _number(row: CatalogSession, run: CatalogRun) -> int | None:
    """Return the run's number among the session's own, None for one inside another."""
    roots = CatalogRun.objects.filter(session=row, depth=0, ordinal__lte=run.ordinal)
    return roots.count() if run.depth == 0 else None


def _before(row: CatalogSession, at: Moment, total: int) -> Moment | None:
    """Return the moment after the session's own run before this one."""
    if at.run is not None and at.number is None:
        number = CatalogRun.objects.filter(session=row, depth=0, ordinal__lt=at.run.root_ordinal).count()
    else:
        number = total if at.run is None else (at.number or 0) - 1
    return _numbered(row, number) if number > 0 else None


def _filled(
    row: CatalogSession, session: Session, reader: Reader, at: Moment, before: Moment | None, asked: set[str]
) -> list[Moment]:
    """Return the moments with their states: of the runs that were `asked` for, of others while READ_BYTES last."""
    moments = [moment for moment in (at, before) if moment is not None]
    room, wanted = READ_BYTES, {}
    for moment in moments:
        if moment.run is not None:
            room -= moment.run.size
            if moment.key in asked or room >= 0:
                wanted[moment.run.ordinal] = moment.run
    runs = read_runs(reader, row.session_id, list(wanted.values())) if wanted else {}
    return [
        _of_session(row, session) if one.run is None else _of_run(row, one, one.run, wanted, runs) for one in moments
    ]


def _of_run(
    row: CatalogSession,
    moment: Moment,
    run: CatalogRun,
    wanted: Container[int],
    runs: Mapping[int, Run | BadRun],
) -> Moment:
    if run.ordinal not in wanted:
        return replace(moment, unread=True)
    stored = runs.get(run.ordinal)
    if not isinstance(stored, Run):
        return replace(moment, problem=GONE if stored is None else stored.problem)
    state, transient = lasting_state(row, stored.session_state)
    return replace(moment, state=state, transient=transient)


def _of_session(row: CatalogSession, session: Session) -> Moment:
    state, transient = lasting_state(row, session.session_state)
    return Moment(None, state=state, transient=transient)


def lasting_state(row: CatalogSession, state: dict[str, Any] | None) -> tuple[dict[str, Any] | None, int]:
    """Return a state without the keys that Agno sets for the time of a run (format §2.1), and how many those were."""
    if state is None:
        return None, 0
    kept = lasting(state, TRANSIENT_WORKFLOW_STATE if row.session_type == "workflow" else TRANSIENT_STATE)
    return kept, len(state) - len(kept)
