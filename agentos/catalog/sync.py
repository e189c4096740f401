"""Keeps the catalog in step with sources that others write: by a mark for each session, in bounded slices.

A look (`following.py`) asks what changed lately. A pass walks all sessions of a source by id and compares marks; it can
stop anywhere and goes on where it stopped.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from agentos.catalog import totals
from agentos.catalog.apart import Apart
from agentos.catalog.following import candidates, changed, look_again
from agentos.catalog.keys import index_key
from agentos.catalog.models import CatalogSession, SourceState
from agentos.catalog.storing import BATCH, Ahead, note_problem, refresh, remove
from agentos.db.pulse import pulse
from agentos.db.reader import Reader, Stamp
from agentos.db.sources import Source, SourceUnavailable, check
from agentos.masking import config as masking
from agentos.masking.reader import MaskedReader

LEASE = timedelta(seconds=30)
# How long the pulse of a server may keep a pass from being made.
LATE_PULSE = timedelta(seconds=60)
# Passes over a source that is written to all the time take at most this share of the time, but one is made every few
# minutes. Over few sessions they cost next to nothing.
_PASS_SHARE = 0.1
_LONGEST_WAIT = timedelta(minutes=5)
_SMALL = 2_000
# How much of the newest slice's rate is taken into the kept one.
_NEWEST_SHARE = 0.3

# Sessions that are refreshed together: where there is time, and where a deadline is near (seconds).
_AT_ONCE = 100
_AT_ONCE_IN_TIME = 8
_NEAR = 1.0
# How often a session is read again at once that is written meanwhile; then it waits for the next look.
_TRIES = 3


@dataclass
class SyncReport:
    """What a slice of a pass did. `done`: the pass is complete. `problem`: a plain sentence, "" when all went well.

    `failed`: sessions that could not be derived; the row of each says why. `runs`: those of the changed sessions.
    """

    seen: int = 0
    changed: int = 0
    runs: int = 0
    removed: int = 0
    failed: int = 0
    done: bool = False
    problem: str = ""

    def followed_by(self, other: "SyncReport") -> "SyncReport":
        """Return what this slice and the next one did together."""
        return SyncReport(
            seen=self.seen + other.seen,
            changed=self.changed + other.changed,
            runs=self.runs + other.runs,
            removed=self.removed + other.removed,
            failed=self.failed + other.failed,
            done=other.done,
            problem=other.problem,
        )


def refresh_session(source: Source, session_id: str, known: CatalogSession | None = None) -> CatalogSession | None:
    """Bring one session up to date, if its mark or what masks it changed; None, its row removed, if the source lost it.

    `known`: its row, from whoever has just read it.

    Raises:
        SourceUnavailable: the source cannot be read; the row stays as it was.
    """
    reader = MaskedReader(source)
    row = known or CatalogSession.objects.one(source.name, session_id)
    for _ in range(_TRIES):
        stamp = reader.stamp(session_id)
        if stamp is None:
            if row is not None:
                row.delete()
            return None
        if not _differs(row, stamp, reader):
            break
        row = refresh(reader, stamp, row)
        if row is None or not _differs(row, stamp, reader):
            break
    return row


def refresh_source(
    source: Source, *, budget: float | None = None, patient: bool = False, apart: Apart | None = None
) -> SyncReport:
    """Go on with the pass over the source, for `budget` seconds or to its end. Another process's pass is left alone.

    With `patient`, what changed lately is looked at first, and a new pass begins only when it is time for one.
    `apart`: processes that refresh what is new.
    """
    report = SyncReport()
    state = _lease(source)
    if state is None:
        return report
    began = time.monotonic()
    deadline = None if budget is None else began + budget
    try:
        if patient and state.is_complete:
            _look(source, state, report, deadline)
        if state.cursor is None and patient and _is_too_soon(state):
            report.done = True
        else:
            _go_on(source, state, report, deadline, apart)
        state.problem, state.failing_since = "", None
    except SourceUnavailable as error:
        state.problem = report.problem = str(error)
        state.failing_since = state.failing_since or timezone.now()
        _forget_what_was_seen(source, state)
    except BaseException:
        _forget_what_was_seen(source, state)
        raise
    finally:
        _note_rate(state, report.seen, time.monotonic() - began)
        state.leased_until, state.checked_at = None, timezone.now()
        state.save()
    return report


def rebuild(source: Source) -> None:
    """Throw the catalog of a source away; the next pass makes it anew.

    Raises:
        SourceUnavailable: the source cannot be read, so the catalog of it is kept.
    """
    looked = check(source)
    if not looked.ok:
        raise SourceUnavailable(looked.problem)
    remove(CatalogSession.objects.of_source(source.name))
    SourceState.objects.filter(source=source.name).delete()


def _lease(source: Source) -> SourceState | None:
    """Claim the source for this process; None if another one is at it."""
    masking.look()
    # Without the totals, which have a writer of their own: saving this state leaves them as they are.
    state, _ = SourceState.objects.defer("totals", "totals_at").get_or_create(source=source.name)
    now = timezone.now()
    free = SourceState.objects.filter(Q(leased_until=None) | Q(leased_until__lt=now), source=source.name)
    return state if free.update(leased_until=now + LEASE) else None


def _forget_what_was_seen(source: Source, state: SourceState) -> None:
    """After a fault: or the look and the pass that it cut off would count as done."""
    look_again(source)
    state.pulse = ""


def _note_rate(state: SourceState, seen: int, took: float) -> None:
    """Keep how many sessions a second a pass gets through; a slice that met none says nothing about that."""
    if seen and took > 0:
        rate = seen / took
        state.rate = rate if not state.rate else state.rate + _NEWEST_SHARE * (rate - state.rate)


def _look(source: Source, state: SourceState, report: SyncReport, deadline: float | None) -> None:
    """Refresh the sessions that changed lately; those that the deadline cuts off, at the next look."""
    reader, found = MaskedReader(source), changed(source, candidates(source))
    for start in range(0, len(found), _AT_ONCE_IN_TIME):
        if start and _is_over(deadline):
            look_again(source)
            return
        _refresh_some(reader, state, found[start : start + _AT_ONCE_IN_TIME], report)
    if found:
        totals.refresh_if_due(state.source)


def _refresh_some(reader: Reader, state: SourceState, session_ids: list[str], report: SyncReport) -> None:
    """Refresh a few sessions together; those that the source has no more go."""
    keys = {index_key(session_id): session_id for session_id in session_ids}
    rows = CatalogSession.objects.of_source(state.source).filter(session_key__in=keys)
    known = {keys[row.session_key]: row for row in rows}
    stamps = reader.stamps_of(session_ids)
    ahead = Ahead(reader, [(stamp, known.get(stamp.session_id)) for stamp in stamps], len(session_ids))
    for stamp in stamps:
        _refresh(reader, state, stamp, known.pop(stamp.session_id, None), report, ahead.take)
    for row in known.values():
        row.delete()
        state.indexed_count -= 1
        report.removed += 1


def _go_on(source: Source, state: SourceState, report: SyncReport, deadline: float | None, apart: Apart | None) -> None:
    if state.cursor is None:
        now = pulse(source)
        is_masked = state.masked_by == masking.current().token
        if now and now == state.pulse and is_masked and _may_trust_pulse(source, state, deadline):
            report.done = True
            return
        looked = check(source)
        if not looked.ok:
            raise SourceUnavailable(looked.problem)
        state.session_count, state.layout = looked.session_count, looked.layout or ""
        # As it was before the pass: whatever is written while it walks makes the next one look again.
        state.pulse, state.pass_started_at, state.seen_count = now, timezone.now(), 0
        state.pass_masked_by = masking.current().token
    reader = MaskedReader(source)
    while stamps := reader.stamps(state.cursor, BATCH if apart is None else 2 * BATCH):
        _compare(reader, state, stamps, report, deadline, apart)
        _save_progress(state)
        if _is_over(deadline):
            return  # the next slice begins at the cursor
    _finish(state, report)
    if state.sweeping and not _is_over(deadline):
        _go_on(source, state, report, deadline, apart)


def _may_trust_pulse(source: Source, state: SourceState, deadline: float | None) -> bool:
    """Whether an unchanged pulse is enough: a server's is late, which does for a page but not when asked outright."""
    if source.vendor == "sqlite":
        return True
    age = timezone.now() - (state.full_pass_at or state.pass_started_at or timezone.now())
    return deadline is not None and age < LATE_PULSE


def _is_too_soon(state: SourceState) -> bool:
    """Whether a pass has to wait: it may take a share of the time at most. Looks follow what is new meanwhile."""
    if not state.full_pass_at or not state.pass_started_at or state.sweeping or not state.pulse:
        return False
    if state.masked_by != masking.current().token:
        return False
    took = state.full_pass_at - state.pass_started_at
    wait = min(took / _PASS_SHARE, _LONGEST_WAIT)
    return state.indexed_count > _SMALL and timezone.now() - state.full_pass_at < wait


def _is_over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() > deadline


def _compare(
    reader: Reader,
    state: SourceState,
    stamps: list[Stamp],
    report: SyncReport,
    deadline: float | None,
    apart: Apart | None,
) -> None:
    """Refresh what changed among `stamps`, moving the cursor along, until the deadline; at least one is done."""
    keys = {index_key(stamp.session_id): stamp for stamp in stamps}
    rows = (
        CatalogSession.objects.of_source(state.source)
        .filter(session_key__in=keys)
        .only("session_key", "mark", "masked_by")
    )
    known = {row.session_key: row for row in rows}
    different = [(stamp, known.get(key)) for key, stamp in keys.items() if _differs(known.get(key), stamp, reader)]
    has_time = deadline is None or deadline - time.monotonic() > _NEAR
    if apart and has_time and apart.takes(different):
        ahead = Ahead(reader, different, len(different), apart.refresh)
    else:
        ahead = Ahead(reader, different, _AT_ONCE if has_time else _AT_ONCE_IN_TIME)
    met = _Met(state)
    renewed = time.monotonic()
    try:
        for key, stamp in keys.items():
            row = known.get(key)
            changed = _differs(row, stamp, reader)
            if changed:
                row = _refresh(reader, state, stamp, row, report, ahead.take)
            report.seen += 1
            met.add(stamp, key if row is not None else None)
            if changed and time.monotonic() - renewed > LEASE.total_seconds() / 4:
                met.note()
                _save_progress(state)
                renewed = time.monotonic()
            if changed and ahead.is_empty and _is_over(deadline):
                break
    finally:
        met.note()


class _Met:
    """Sessions that a pass has come by since it last noted so. What moves the cursor on marks their rows as seen."""

    def __init__(self, state: SourceState) -> None:
        self._state = state
        self._keys: list[str] = []
        self._last: str | None = None

    def add(self, stamp: Stamp, key: str | None) -> None:
        """Come by a session; `key` is that of its row, if it has one."""
        self._last = stamp.session_id
        if key is not None:
            self._keys.append(key)

    def note(self) -> None:
        """Mark the rows, and only then move the cursor: a sweep takes rows behind it that are not marked for gone."""
        state = self._state
        if state.sweeping:
            rows = CatalogSession.objects.of_source(state.source).filter(session_key__in=self._keys)
            rows.update(seen_pass=state.pass_number)
        state.seen_count += len(self._keys)
        state.cursor = state.cursor if self._last is None else self._last
        self._keys, self._last = [], None


def _differs(row: CatalogSession | None, stamp: Stamp, reader: Reader) -> bool:
    return row is None or (row.mark, row.masked_by) != (stamp.mark, reader.masked_by)


def _refresh(
    reader: Reader,
    state: SourceState,
    stamp: Stamp,
    row: CatalogSession | None,
    report: SyncReport,
    refresh: Callable[[Stamp, CatalogSession | None], CatalogSession | None],
) -> CatalogSession | None:
    """Let `refresh` do it. A session that cannot be read while the source can is tried twice; then its row says why."""
    report.changed += 1
    try:
        stored = refresh(stamp, row)
    except SourceUnavailable as error:
        reader.stamp(stamp.session_id)  # raises if it is the source that cannot be read
        again = row is None or row.problem != str(error)
        stored = note_problem(reader, stamp, str(error), again=again)
        state.pulse = "" if again else state.pulse
    report.failed += stored is not None and bool(stored.problem)
    report.runs += 0 if stored is None else stored.run_count
    state.indexed_count += row is None and stored is not None
    return stored


def _save_progress(state: SourceState) -> None:
    state.leased_until = timezone.now() + LEASE
    state.save()


def _finish(state: SourceState, report: SyncReport) -> None:
    """End the pass. Sessions that vanished are looked for only when there must be some: by one more pass, a sweep."""
    rows = CatalogSession.objects.of_source(state.source)
    if state.sweeping:
        # Rows made outside of the pass, by our own writes, may stand where it had already been.
        gone = rows.exclude(seen_pass=state.pass_number).exclude(indexed_at__gte=state.pass_started_at)
        report.removed += remove(gone)
    state.indexed_count = rows.count()
    state.sweeping = not state.sweeping and state.indexed_count > state.seen_count
    state.cursor, state.masked_by = None, state.pass_masked_by
    state.pass_number += 1
    state.full_pass_at = timezone.now()
    if state.sweeping:
        state.pulse = ""
    report.done = not state.sweeping
    totals.refresh_if_due(state.source)
