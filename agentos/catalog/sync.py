"""Keeps the catalog in step with sources that others write: by a mark for each session, in bounded slices.

A pass walks all sessions of a source by id and compares marks; it can stop anywhere and goes on where it stopped.
"""

import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from agentos.catalog.deriving import Derivation
from agentos.catalog.keys import index_key
from agentos.catalog.models import CatalogRun, CatalogSession, SourceState
from agentos.db.reader import Reader, Stamp
from agentos.db.sources import Source, SourceUnavailable, all_sources, check

BATCH = 500
THROTTLE_SECONDS = {"sqlite": 1.0, "postgresql": 3.0}
LEASE = timedelta(seconds=30)
# Structural columns of a run that stays where it is in the source but may move in the forest.
_PLACE = ("ordinal", "root_ordinal", "depth", "position")


@dataclass
class SyncReport:
    """What a slice of a pass did. `done`: the pass is complete. `problem`: a plain sentence, "" when all went well."""

    seen: int = 0
    changed: int = 0
    removed: int = 0
    done: bool = False
    problem: str = ""


def refresh_session(source: Source, session_id: str) -> CatalogSession | None:
    """Bring one session up to date, if its mark changed; None, and its row removed, if the source has it no more.

    Raises:
        SourceUnavailable: the source cannot be read; the row stays as it was.
    """
    reader = Reader(source)
    stamp = reader.stamp(session_id)
    row = CatalogSession.objects.one(source.name, session_id)
    if stamp is None:
        if row is not None:
            row.delete()
        return None
    if row is not None and row.mark == stamp.mark:
        return row
    return _derive(reader, stamp, row)


def refresh_source(source: Source, *, budget: float | None = None) -> SyncReport:
    """Go on with the pass over the source, for `budget` seconds or to its end. Another process's pass is left alone."""
    report = SyncReport()
    state = _lease(source)
    if state is None:
        return report
    try:
        _go_on(source, state, report, None if budget is None else time.monotonic() + budget)
        state.problem = ""
    except SourceUnavailable as error:
        state.problem = report.problem = str(error)
        state.pulse = ""
    finally:
        state.leased_until, state.checked_at = None, timezone.now()
        state.save()
    return report


def keep_fresh(budget: float = 0.7) -> list[SourceState]:
    """Give every source whose turn it is a slice of `budget` seconds in all; return the states of all sources."""
    deadline = time.monotonic() + budget
    sources = all_sources()
    states = {state.source: state for state in SourceState.objects.filter(source__in=[one.name for one in sources])}
    for source in sources:
        state = states.get(source.name)
        if state is None or _is_due(source, state):
            refresh_source(source, budget=max(0.05, deadline - time.monotonic()))
            states.pop(source.name, None)
    missing = [source.name for source in sources if source.name not in states]
    if missing:
        states |= {state.source: state for state in SourceState.objects.filter(source__in=missing)}
    return [states[source.name] for source in sources if source.name in states]


def rebuild(source: Source) -> None:
    """Throw the catalog of a source away; the next pass makes it anew."""
    CatalogSession.objects.filter(source=source.name).delete()
    SourceState.objects.filter(source=source.name).delete()


def _is_due(source: Source, state: SourceState) -> bool:
    if state.checked_at is None or state.cursor is not None:
        return True
    age = (timezone.now() - state.checked_at).total_seconds()
    return age < 0 or age > THROTTLE_SECONDS[source.vendor]


def _lease(source: Source) -> SourceState | None:
    """Claim the source for this process; None if another one is at it."""
    state, _ = SourceState.objects.get_or_create(source=source.name)
    now = timezone.now()
    free = SourceState.objects.filter(Q(leased_until=None) | Q(leased_until__lt=now), source=source.name)
    return state if free.update(leased_until=now + LEASE) else None


def _go_on(source: Source, state: SourceState, report: SyncReport, deadline: float | None) -> None:
    pulse = _pulse(source)
    if state.cursor is None:
        if pulse and pulse == state.pulse:
            report.done = True
            return
        looked = check(source)
        if not looked.ok:
            raise SourceUnavailable(looked.problem)
        state.session_count, state.layout = looked.session_count, looked.layout or ""
        # As it was before the pass: whatever is written while it walks makes the next one look again.
        state.pulse, state.pass_started_at = pulse, timezone.now()
    reader = Reader(source)
    while True:
        stamps = reader.stamps(state.cursor, BATCH)
        if not stamps:
            break
        if not _compare(reader, state, stamps, report, deadline):
            return  # out of time: the next slice begins at the cursor
    _finish(state, report)


def _compare(
    reader: Reader, state: SourceState, stamps: list[Stamp], report: SyncReport, deadline: float | None
) -> bool:
    """Refresh what changed among `stamps`, moving the cursor along; False when time ran out before the end."""
    keys = {index_key(stamp.session_id): stamp for stamp in stamps}
    rows = {row.session_key: row for row in CatalogSession.objects.of_source(state.source).filter(session_key__in=keys)}
    for key, stamp in keys.items():
        row = rows.get(key)
        report.seen += 1
        if row is None or row.mark != stamp.mark:
            _derive(reader, stamp, row, state.pass_number)
            report.changed += 1
            if deadline is not None and time.monotonic() > deadline:
                state.cursor = stamp.session_id
                state.indexed_count = CatalogSession.objects.of_source(state.source).count()
                _mark_seen(state, [k for k in keys if k in rows])
                return False
    _mark_seen(state, list(keys))
    state.cursor = stamps[-1].session_id
    state.leased_until = timezone.now() + LEASE
    state.save(update_fields=["cursor", "leased_until"])
    return deadline is None or time.monotonic() <= deadline or len(stamps) < BATCH


def _mark_seen(state: SourceState, keys: list[str]) -> None:
    rows = CatalogSession.objects.of_source(state.source).filter(session_key__in=keys)
    rows.exclude(seen_pass=state.pass_number).update(seen_pass=state.pass_number)


def _finish(state: SourceState, report: SyncReport) -> None:
    gone = CatalogSession.objects.of_source(state.source).exclude(seen_pass=state.pass_number)
    # Rows made outside of the pass, by our own writes, may stand where it had already been.
    gone = gone.exclude(indexed_at__gte=state.pass_started_at)
    report.removed = gone.count()
    gone.delete()
    report.done = True
    state.cursor = None
    state.pass_number += 1
    state.full_pass_at = timezone.now()
    state.indexed_count = CatalogSession.objects.of_source(state.source).count()


def _derive(reader: Reader, stamp: Stamp, row: CatalogSession | None, pass_number: int = 0) -> CatalogSession | None:
    """Derive the session anew and store it, unless another process stored it meanwhile."""
    session = reader.session(stamp.session_id)
    if session is None:
        return row
    known = list(CatalogRun.objects.filter(session=row)) if row is not None else []
    derivation = Derivation(reader, session, known)
    runs = derivation.runs()
    values = derivation.session(stamp, runs)
    if pass_number:
        values["seen_pass"] = pass_number
    return _store(reader.source.name, stamp.session_id, row, values, runs, known)


def _store(
    source: str,
    session_id: str,
    row: CatalogSession | None,
    values: dict[str, object],
    runs: list[CatalogRun],
    known: list[CatalogRun],
) -> CatalogSession:
    with transaction.atomic():
        stored, created = CatalogSession.objects.select_for_update().get_or_create(
            source=source, session_key=index_key(session_id), defaults=values
        )
        if not created:
            if row is None or stored.mark != row.mark:
                return stored  # another process was faster
            for name, value in values.items():
                setattr(stored, name, value)
            stored.save()
        _store_runs(stored, runs, known)
    return stored


def _store_runs(session: CatalogSession, runs: list[CatalogRun], known: list[CatalogRun]) -> None:
    kept = {run.pk for run in runs if run.pk}
    gone = [run.pk for run in known if run.pk not in kept]
    for start in range(0, len(gone), BATCH):
        CatalogRun.objects.filter(pk__in=gone[start : start + BATCH]).delete()
    places = dict(_places(session, kept))
    moved = [run for run in runs if run.pk and places.get(run.pk) != tuple(getattr(run, name) for name in _PLACE)]
    CatalogRun.objects.bulk_update(moved, _PLACE, batch_size=100)
    new = [run for run in runs if not run.pk]
    for run in new:
        run.session = session
    CatalogRun.objects.bulk_create(new, batch_size=BATCH)


def _places(session: CatalogSession, kept: set[int]) -> list[tuple[int, tuple[int, ...]]]:
    """Return where the kept rows stand in the database: the objects were put in new places already."""
    if not kept:
        return []
    return [(pk, tuple(place)) for pk, *place in CatalogRun.objects.filter(session=session).values_list("pk", *_PLACE)]


def _pulse(source: Source) -> str:
    """Return a text that stays the same while nobody writes to the source; "" when that cannot be told cheaply."""
    if source.vendor != "sqlite":
        return ""
    seen = []
    for path in (Path(source.path), Path(f"{source.path}-wal")):
        try:
            found = path.stat()
        except OSError:
            continue
        seen.append(f"{found.st_ino}/{found.st_mtime_ns}/{found.st_size}")
    return " ".join(seen)
