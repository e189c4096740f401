"""How far behind its sources the catalog is, and for how long."""

from collections.abc import Iterable

from agentos.catalog.models import SourceState


def unindexed(states: Iterable[SourceState]) -> int:
    """Return how many sessions of the sources the catalog has not met yet, as far as is known."""
    return sum(
        max(0, state.session_count - state.indexed_count)
        for state in states
        if not state.is_complete and state.session_count is not None
    )


def seconds_left(state: SourceState) -> float | None:
    """Return how long the rest of a catalog that is being made will take; None when that is not known."""
    return unindexed([state]) / state.rate if state.rate and not state.is_complete else None


def roughly(seconds: float) -> str:
    """Return roughly how long that is: "about 40 s", "about 3 min", "about 2 h"."""
    for upto, unit, name in ((100, 1, "s"), (6_000, 60, "min")):
        if seconds < upto:
            return f"about {max(1, round(seconds / unit))} {name}"
    return f"about {round(seconds / 3600)} h"
