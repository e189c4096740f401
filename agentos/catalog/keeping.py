"""Keeps the catalog in step while somebody looks at it: in a thread of the web process, or within the requests.

`AGENTOS_FOLLOW` says which. With the thread a page reads what is known, by one statement, and waits only where nothing
is known yet or nobody has looked for long.
"""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.conf import settings
from django.utils import timezone

from agentos.catalog import pricing, rollups
from agentos.catalog.follower import IDLE_SECONDS, Follower
from agentos.catalog.models import SourceState
from agentos.catalog.sync import refresh_source
from agentos.db.sources import Source, all_sources
from agentos.prepared import Prepared

THROTTLE_SECONDS: Final = {"sqlite": 1.0, "postgresql": 1.0}
# A server that does not answer costs a page the time it takes to find that out.
DOWN_SECONDS: Final = {"sqlite": 1.0, "postgresql": 15.0}
# What one look takes at most within a request at a source whose catalog is complete, and at all sources together.
_SLICE_SECONDS: Final = 0.25
_ROUND_SECONDS: Final = 0.7
# What a page waits at most for the first look of the thread: where nothing is known yet, or what is known is old.
_FIRST_WAIT: Final = 0.7
_OLD_WAIT: Final = 0.25
# What goes into sums by day and thing after a look: within a request, and in the thread.
_SUMS_IN_REQUEST: Final = 0.05
# What goes into costs after a change of the price table.
_COSTS_IN_THREAD: Final = 0.5
_COSTS_IN_REQUEST: Final = 0.1
_SUMS_IN_THREAD: Final = 0.25
# What others do with what a look found, likewise.
_AFTER_IN_REQUEST: Final = 0.05
_AFTER_IN_THREAD: Final = 0.25
FollowUp = Callable[[float | None], object]
_follow_ups: Final[list[FollowUp]] = []


def follow_up(work: FollowUp) -> None:
    """Have `work` called after each look from now on, with the seconds it may take (None: as long as it needs).

    Rooms above this one have things to do with new sessions.
    """
    if work not in _follow_ups:
        _follow_ups.append(work)


def afterwards(budget: float | None) -> None:
    """Do what others want done with what was found."""
    for work in _follow_ups:
        work(budget)


def states_for_page() -> list[SourceState]:
    """Return the states of all sources, in their order, for a page that somebody looks at; have them followed.

    Raises:
        SourceError: the setting that names the sources cannot be read.
    """
    if settings.AGENTOS_FOLLOW == "request":
        return keep_fresh()
    sources = all_sources()
    states = _states(sources)
    wait = _wait_for(sources, states)
    follower.ask(wait)
    return _states(sources) if wait else states


def follow() -> None:
    """Have the sources followed for a while, whether somebody looks at a page or not; as a worker asks all the time."""
    if settings.AGENTOS_FOLLOW == "thread":
        follower.ask()


def keep_fresh(budget: float = _ROUND_SECONDS) -> list[SourceState]:
    """Give every source whose turn it is a slice of `budget` seconds in all; return the states of all sources."""
    sources = all_sources()
    states = _states(sources)
    if not _due(sources, states):
        return states
    _go_on(sources, states, budget, _SLICE_SECONDS)
    pricing.reprice(_COSTS_IN_REQUEST)
    rollups.refresh(_SUMS_IN_REQUEST)
    afterwards(_AFTER_IN_REQUEST)
    return _states(sources)


def look_round() -> bool:
    """Do what the thread does each time; return whether there is more to do at once: a catalog is being made."""
    sources = all_sources()
    more = _go_on(sources, _states(sources), _ROUND_SECONDS, _ROUND_SECONDS)
    priced = pricing.reprice(_COSTS_IN_THREAD)
    rollups.refresh(_SUMS_IN_THREAD, hurry=not more)
    afterwards(_AFTER_IN_THREAD)
    return more or not priced


# Totals are large, and few pages need them.
_NAMES: Final = [one.attname for one in SourceState._meta.concrete_fields if one.name != "totals"]
_STATES: Final = Prepared(lambda: SourceState.objects.values_list(*_NAMES))
# Starts when a page first asks, never before.
follower: Final = Follower(look_round)


def known_states() -> list[SourceState]:
    """Return the states of all sources that were ever followed, without their totals, by one statement."""
    return [SourceState.from_db("default", _NAMES, row) for row in _STATES.rows()]


def _states(sources: list[Source]) -> list[SourceState]:
    states = {state.source: state for state in known_states()}
    return [states[source.name] for source in sources if source.name in states]


def _due(sources: list[Source], states: list[SourceState]) -> list[tuple[Source, SourceState | None]]:
    known = {state.source: state for state in states}
    both = [(source, known.get(source.name)) for source in sources]
    return [(source, state) for source, state in both if _is_due(source, state)]


def _go_on(sources: list[Source], states: list[SourceState], budget: float, at_most: float) -> bool:
    """Give those whose turn it is their slices, of `at_most` seconds where the catalog is complete.

    Returns whether a catalog that is being made came some way.
    """
    deadline, more = time.monotonic() + budget, False
    for source, state in _due(sources, states):
        left = max(0.05, deadline - time.monotonic())
        is_complete = state is not None and state.is_complete
        report = refresh_source(source, budget=min(left, at_most) if is_complete else left, patient=True)
        more = more or (report.seen > 0 and not (is_complete or report.done or report.problem))
    return more


def _wait_for(sources: list[Source], states: list[SourceState]) -> float:
    """Return the seconds that a page may wait for a first look."""
    if len(states) < len(sources) or any(not state.is_complete and not state.problem for state in states):
        return _FIRST_WAIT
    answering = [state for state in states if not state.problem]
    return _OLD_WAIT if any(_age(state.checked_at) > IDLE_SECONDS for state in answering) else 0.0


def _is_due(source: Source, state: SourceState | None) -> bool:
    if state is None or state.checked_at is None or not (state.is_complete or state.problem):
        return True
    age = _age(state.checked_at)
    return age < 0 or age > (DOWN_SECONDS if state.problem else THROTTLE_SECONDS)[source.vendor]


def _age(moment: datetime | None) -> float:
    return (timezone.now() - moment).total_seconds() if moment else float("inf")
