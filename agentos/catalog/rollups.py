"""Keeps the sums by day, thing and hour exact: whatever changed is made anew from the catalog's rows.

Triggers note each day and hour that a change touches (`CatalogStale`), whoever makes it. A note is deleted and its
sums are made in one transaction, so a change that commits meanwhile leaves a note of its own.
"""

import math
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Max, OuterRef, Subquery, Sum
from django.utils import timezone

from agentos.catalog.figures import DAY, KINDS, SUMMED, figures, folded
from agentos.catalog.hours import HOUR, hours
from agentos.catalog.marks import LISTED
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.rollup_models import CatalogDay, CatalogHour, CatalogStale, CatalogThing, RollupState

# The sums of a busy day are out of date all the time: at most this share of the time goes into making them anew, and
# this one into all together; where there is other work to do, no more than the first.
_SHARE: Final = 0.05
_SHARE_OF_ALL: Final = 0.5
# Notes read at once.
_AT_ONCE: Final = 2_000
# Where nothing is out of date, that is written down this often, in seconds: looks ask every second.
_NOTED_EVERY: Final = 5.0
_KEYS: Final = 500
# Of PostgreSQL's advisory locks; any number that nobody else here uses.
_LOCK: Final = 0x5E55_0001
# Until when (monotonic seconds) a place is let be by this process.
_until: Final[dict[tuple[str, int], float]] = {}


def as_of() -> datetime | None:
    """Return when the kept sums were last up to date, None while they never were."""
    return RollupState.objects.values_list("as_of", flat=True).first()


def refresh(budget: float | None = 0.25, *, hurry: bool = True) -> RollupState:
    """Make anew what is out of date, for about `budget` seconds (None: all of it), the oldest notes first.

    Returns how fresh the sums are. With a budget they are let be for a while after work, longer without `hurry`.
    Another process at it is left alone.
    """
    state, _ = RollupState.objects.get_or_create(pk=1)
    began = time.monotonic()
    if budget is not None and _age(state.made_at) < state.took / (_SHARE_OF_ALL if hurry else _SHARE):
        return state
    made: set[tuple[str, int]] = set()
    as_of = _work(None if budget is None else began + budget, made)
    if not made and _age(state.as_of) < _NOTED_EVERY:
        return state
    state.as_of = as_of or state.as_of
    state.made_at, state.took = timezone.now(), time.monotonic() - began
    state.save()
    return state


def _age(moment: datetime | None) -> float:
    """Return the seconds since then; never, and a clock that was put back, count as long ago."""
    age = (timezone.now() - moment).total_seconds() if moment else math.inf
    return age if age >= 0 else math.inf


def _work(deadline: float | None, made: set[tuple[str, int]]) -> datetime | None:
    """Work until nothing is out of date; return when that was so, None when the time or another process ended it.

    What is made goes into `made`. What is noted again meanwhile is left: somebody writes all the time.
    """
    began, passed_over = timezone.now(), set[tuple[str, int]]() if deadline is None else _let_be()
    while True:
        looked = timezone.now()
        noted = _stale()
        stale = [place for place in noted if place not in made | passed_over]
        if not stale:
            return None if passed_over.intersection(noted) else began if noted else looked
        for place in stale:
            started = time.monotonic()
            if not _renew(*place):
                return None
            made.add(place)
            if deadline is not None:
                ended = time.monotonic()
                _until[place] = ended + (ended - started) / _SHARE
                if ended > deadline:
                    return None


def _let_be() -> set[tuple[str, int]]:
    """Return the places that this process has worked on too lately."""
    now = time.monotonic()
    for place, until in list(_until.items()):
        if until < now:
            _until.pop(place, None)
    return set(_until)


def _stale() -> list[tuple[str, int]]:
    """Return days and hours that are out of date in the order of their notes, so that none waits for ever."""
    return list(dict.fromkeys(CatalogStale.objects.order_by("pk").values_list("grain", "at")[:_AT_ONCE]))


def _renew(grain: str, at: int) -> bool:
    """Make the sums of a day or hour anew; False if another process is at such work."""
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
                if not cursor.fetchone()[0]:
                    return False
        CatalogStale.objects.filter(grain=grain, at=at).delete()
        _renew_day(at) if grain == "d" else _renew_hour(at)
    return True


def within(column: str, at: int, length: int) -> dict[str, int]:
    """Return the filter for times that SQL's division by `length`, which rounds towards zero, puts at `at`."""
    if at > 0:
        return {f"{column}__gte": at * length, f"{column}__lt": (at + 1) * length}
    if at < 0:
        return {f"{column}__gt": (at - 1) * length, f"{column}__lte": at * length}
    return {f"{column}__gt": -length, f"{column}__lt": length}


def _renew_hour(hour: int) -> None:
    CatalogHour.objects.filter(hour=hour).delete()
    runs = CatalogRun.objects.filter(**within("created_at", hour, HOUR), session__aside=LISTED)
    CatalogHour.objects.bulk_create(hours(runs))


def _renew_day(day: int) -> None:
    sessions = CatalogSession.objects.filter(**within("updated_at", day, DAY)).listed()
    for kind in KINDS:
        old = {row.key: row for row in CatalogDay.objects.filter(kind=kind, day=day)}
        new = {row.key: row for row in figures(kind, sessions).by_day()}
        changed = [row for key, row in new.items() if key not in old or _values(row) != _values(old[key])]
        gone = [row for key, row in old.items() if key not in new]
        _store(changed)
        for keys in _batches([row.pk for row in gone]):
            CatalogDay.objects.filter(pk__in=keys).delete()
        for keys in _batches([row.key for row in (*changed, *gone)]):
            _sum_up(kind, keys)


def _values(row: CatalogDay) -> list[Any]:
    return [row.label, *(getattr(row, name) for name in SUMMED)]


def _store(rows: Sequence[CatalogDay]) -> None:
    CatalogDay.objects.bulk_create(
        rows, _KEYS, update_conflicts=True, unique_fields=["kind", "day", "key"], update_fields=["label", *SUMMED]
    )


def _sum_up(kind: str, keys: Sequence[str]) -> None:
    """Sum the days of these things anew; one without days is no more."""
    days = CatalogDay.objects.filter(kind=kind, key__in=keys)
    label = CatalogDay.objects.filter(kind=kind, key=OuterRef("key")).order_by("-day").values("label")[:1]
    sums = {name: (Max if name == "last_seen" else Sum)(name) for name in SUMMED}
    totals = days.order_by().values("key").annotate(label=Subquery(label), **{f"of_{k}": v for k, v in sums.items()})
    things = [_thing(kind, dict(row)) for row in totals]
    CatalogThing.objects.bulk_create(
        things, _KEYS, update_conflicts=True, unique_fields=["kind", "key"], update_fields=["label", "folded", *SUMMED]
    )
    CatalogThing.objects.filter(kind=kind, key__in=set(keys) - {thing.key for thing in things}).delete()


def _thing(kind: str, row: dict[str, Any]) -> CatalogThing:
    sums = {name: row[f"of_{name}"] for name in SUMMED}
    return CatalogThing(kind=kind, key=row["key"], label=row["label"], folded=folded(row["label"]), **sums)


def _batches(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (items[start : start + _KEYS] for start in range(0, len(items), _KEYS))
