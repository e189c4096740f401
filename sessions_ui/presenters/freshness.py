"""What a page says of how fresh it is, source by source."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.timezone import localtime, now

from agentos.catalog.freshness import roughly, seconds_left
from agentos.catalog.models import SourceState


@dataclass(frozen=True)
class Freshness:
    """A source that the catalog is not in step with: `words` stand behind its name.

    `is_problem`: it cannot be read. `has_rows`: something of it is shown all the same.
    """

    source: str
    words: str
    is_problem: bool
    has_rows: bool


def behind(states: list[SourceState]) -> list[Freshness]:
    """Return the sources that cannot be read, and those whose sessions are not all indexed yet."""
    found = []
    for state in states:
        if state.problem or not state.is_complete:
            words = _unreadable(state) if state.problem else _indexing(state)
            found.append(Freshness(state.source, words, bool(state.problem), state.indexed_count > 0))
    return found


def _unreadable(state: SourceState) -> str:
    if state.failing_since is None:
        return f"cannot be read: {state.problem}"
    return f"cannot be read since {_time_of(state.failing_since)}: {state.problem}"


def _indexing(state: SourceState) -> str:
    total = "an unknown number" if state.session_count is None else f"{state.session_count:,}"
    seconds = seconds_left(state)
    left = "" if seconds is None else f", {roughly(seconds)} left"
    return f"is behind: indexed {state.indexed_count:,} of {total}{left}."


def _time_of(moment: datetime) -> str:
    """Return the time of day, with the day unless that is today."""
    local = localtime(moment)
    return f"{local:%H:%M}" if local.date() == localtime(now()).date() else f"{local:%-d %b %Y, %H:%M}"
