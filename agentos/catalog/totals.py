"""Counts over all listed sessions of a source, made beforehand: the list of everything shows them without counting.

Whoever follows a source calls `refresh_if_due` when something of it changed. They are kept in `SourceState.totals`.
"""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock, Thread
from typing import Any, Final

from django.db import connections

from agentos.catalog.counting import COLUMNS, TERMS, Answer, Question, Value, count
from agentos.catalog.models import CatalogSession, SourceState

# Fewer sessions than this are counted when they are asked for, which is exact to the moment.
LIVE = 2_000
# Values of a facet that are kept of each source, so that those of several sources can be added.
TOP = 100
# Making them takes at most this share of the time, and they are made no more often than this.
_SHARE: Final = 0.05
_EVERY_SECONDS: Final = 15.0
# How long one statement over all sessions may take.
_SECONDS: Final = 120.0
_CLOCKS_DIFFER_BY: Final = 3600
# What bars are kept by, in seconds: each divides the next, and all lengths of drawn bars that are not shorter.
HOUR: Final = 3_600
# Of the last month it is known by the hour how many there were.
RECENT_SECONDS: Final = 31 * 86_400
_STEPS: Final = (300, 3_600, 86_400, 2_592_000)
_PLACES: Final = 864

_busy: set[str] = set()
_lock = Lock()


@dataclass(frozen=True, eq=False)
class Totals:
    """What all sessions of some sources are; one object as long as it holds.

    `made_at`: unix seconds of the oldest count.
    `values`: of each facet, the most frequent first. `more`: facets that have others besides. `bars`: place (unix
    seconds) to sessions and sessions with errors, `step` seconds each; `hours`: likewise, of RECENT_SECONDS.
    """

    made_at: float = 0.0
    sessions: int = 0
    errors: int = 0
    values: dict[str, list[Value]] = field(default_factory=dict)
    more: frozenset[str] = frozenset()
    step: int = 0
    bars: dict[int, tuple[int, int]] = field(default_factory=dict)
    hours: dict[int, tuple[int, int]] = field(default_factory=dict)


# When the totals of each source were made that were last asked for, and what they are together.
_latest: list[tuple[dict[str, float], Totals | None]] = [({}, None)]


def until() -> int:
    """Return the unix second up to which times are believed: clocks differ, but not by more than an hour."""
    return int(time.time()) + _CLOCKS_DIFFER_BY


def refresh(source: str) -> None:
    """Count all sessions of the source and keep the totals. Takes seconds for a million sessions."""
    began = time.monotonic()
    rows, most = CatalogSession.objects.of_source(source).listed(), until()
    everything = Question(rows, facets=(*COLUMNS, *TERMS), bars=True, until=most, steps=_STEPS, places=_PLACES)
    lately = rows.filter(updated_at__gte=most - RECENT_SECONDS)
    found = count(
        [everything, Question(lately, bars=True, until=most, steps=(HOUR,))], limit=None, top=TOP, seconds=_SECONDS
    )
    if found is None:
        return
    kept = _packed(*found) | {"made_at": time.time(), "took": time.monotonic() - began}
    SourceState.objects.filter(source=source).update(totals=kept, totals_at=kept["made_at"])


def refresh_if_due(source: str) -> None:
    """Begin a refresh in a thread of its own if the totals are old, and none is under way in this process.

    For few sessions there is nothing to do: they are counted live. Costs one small statement otherwise.
    """
    state = SourceState.objects.filter(source=source).only("totals", "indexed_count").first()
    if state is None or state.indexed_count < LIVE or not _is_due(state.totals):
        return
    with _lock:
        if source in _busy:
            return
        _busy.add(source)
    Thread(target=_refresh_alone, args=(source,), name=f"totals of {source}").start()


def of_states(states: Iterable[SourceState]) -> Totals | None:
    """Return the totals of these sources together; None when one has none yet, or they are few enough to count."""
    made = {state.source: state.totals_at for state in states}
    if not made or not all(made.values()):
        return None
    if _latest[0][0] != made:
        _latest[0] = (made, _together(list(made)))
    return _latest[0][1]


def _together(sources: list[str]) -> Totals | None:
    kept = list(SourceState.objects.filter(source__in=sources).values_list("totals", flat=True))
    if not all("hours" in one for one in kept) or sum(one["sessions"] for one in kept) < LIVE:
        return None
    step = max(one["step"] for one in kept)
    return Totals(
        made_at=min(one["made_at"] for one in kept),
        sessions=sum(one["sessions"] for one in kept),
        errors=sum(one["errors"] for one in kept),
        values={name: _added(one["values"].get(name, []) for one in kept) for name in (*COLUMNS, *TERMS)},
        more=frozenset(name for one in kept for name in one["more"]),
        step=step,
        bars=_summed((one["bars"] for one in kept), step),
        hours=_summed((one["hours"] for one in kept), HOUR),
    )


def _is_due(totals: dict[str, Any]) -> bool:
    if not totals:
        return True
    age = time.time() - totals["made_at"]
    return bool(age < 0 or age > max(_EVERY_SECONDS, totals["took"] / _SHARE))


def _refresh_alone(source: str) -> None:
    try:
        refresh(source)
    finally:
        connections.close_all()
        with _lock:
            _busy.discard(source)


def _summed(kept: Iterable[list[list[int]]], step: int) -> dict[int, tuple[int, int]]:
    bars: dict[int, tuple[int, int]] = {}
    for place, sessions, errors in (bar for one in kept for bar in one):
        at = place // step * step
        known = bars.get(at, (0, 0))
        bars[at] = (known[0] + sessions, known[1] + errors)
    return bars


def _packed(found: Answer, lately: Answer) -> dict[str, Any]:
    return {
        "sessions": found.sessions,
        "errors": found.errors,
        "values": {
            name: [[one.value, one.count, one.label, one.kind] for one in values[:TOP]]
            for name, values in found.values.items()
        },
        "more": [name for name, values in found.values.items() if len(values) > TOP],
        "step": found.step,
        "bars": [[place, *numbers] for place, numbers in sorted(found.bars.items())],
        "hours": [[place, *numbers] for place, numbers in sorted(lately.bars.items())],
    }


def _added(kept: Iterable[list[list[Any]]]) -> list[Value]:
    counts: Counter[tuple[str, str, str]] = Counter()
    for values in kept:
        for value, number, label, kind in values:
            counts[value, label, kind] += number
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return [Value(value, number, label, kind) for (value, label, kind), number in ordered]
