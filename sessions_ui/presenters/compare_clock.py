"""Both sides on one scale of time: runs one behind the other without the idle time between them, their tools below."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from agentos.catalog.models import CatalogRun
from agentos.records import BadRun, Run

BARS: Final = 60
"""Tool calls drawn of each side."""

LEAST: Final = 0.6
_TICKS = 4
Timed = tuple[CatalogRun, Run | BadRun | None]


@dataclass(frozen=True)
class Bar:
    """A bar in hundredths of the width. `seconds`: what it stands for."""

    x: float
    width: float
    seconds: float
    is_error: bool = False


@dataclass(frozen=True)
class Track:
    """One side: its runs and its tool calls. `seconds`: together; `unknown`: runs whose duration is not stored."""

    runs: list[Bar] = field(default_factory=list)
    tools: list[Bar] = field(default_factory=list)
    seconds: float = 0.0
    unknown: int = 0


@dataclass(frozen=True)
class Clock:
    """Two tracks on one scale. `ticks`: where they are, in hundredths, and the seconds they stand for."""

    a: Track
    b: Track
    ticks: list[tuple[float, float]]


def clock(a: Sequence[Timed], b: Sequence[Timed]) -> Clock | None:
    """Return both on one scale; None where no run of either has a duration."""
    longest = max(_seconds(a), _seconds(b))
    if longest <= 0:
        return None
    step = _step(longest / _TICKS)
    ticks = [(round(100 * at * step / longest, 2), at * step) for at in range(int(longest / step) + 1)]
    return Clock(_track(a, longest), _track(b, longest), [tick for tick in ticks if tick[0] <= 92])


def _seconds(runs: Sequence[Timed]) -> float:
    return sum(_duration(row) for row, _ in runs)


def _duration(row: CatalogRun) -> float:
    return row.duration if row.duration is not None and math.isfinite(row.duration) and row.duration > 0 else 0.0


def _track(runs: Sequence[Timed], longest: float) -> Track:
    track = Track(seconds=_seconds(runs), unknown=sum(row.duration is None for row, _ in runs))
    start = 0.0
    for row, run in runs:
        seconds = _duration(row)
        if seconds:
            track.runs.append(_bar(start, seconds, longest, row.status == "ERROR"))
        if isinstance(run, Run):
            track.tools.extend(_tools(row, run, start, longest))
        start += seconds
    del track.tools[BARS:]
    return track


def _tools(row: CatalogRun, run: Run, start: float, longest: float) -> Iterator[Bar]:
    """Yield the bars of a run's calls: where they began if that is stored, else one behind the other."""
    room, behind = _duration(row), 0.0
    for call in run.tool_calls[:BARS]:
        seconds = call.duration
        if seconds is None or not math.isfinite(seconds) or seconds < 0:
            continue
        metrics = call.execution.metrics if call.execution is not None else None
        began = metrics.start_time if metrics is not None else None
        offset = began - row.created_at if began is not None and row.created_at is not None else behind
        offset = max(0.0, min(offset, room - seconds))
        behind = offset + seconds
        yield _bar(start + offset, min(seconds, room), longest, call.error)


def _bar(start: float, seconds: float, longest: float, is_error: bool) -> Bar:
    width = max(LEAST, 100 * seconds / longest)
    return Bar(round(max(0.0, min(100 * start / longest, 100 - width)), 2), round(width, 2), seconds, is_error)


def _step(least: float) -> float:
    """Return the next round number of seconds."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * by for by in (1, 2, 5, 10) if power * by >= least * 0.999)
