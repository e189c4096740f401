"""One axis of time for a timeline, in hundredths of its width. Long idle times take little of it."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

WIDTH: Final = 100.0
# What a bar of no length is wide, and how wide idle times are drawn: each, and all of them together.
LEAST: Final = 0.6
_GAP, _ALL_GAPS = 6.0, 36.0
# An idle time is drawn short when it is longer than this, and than a third of all that is busy.
_SHORT: Final = 10.0


@dataclass(frozen=True)
class Span:
    """From when to when something lasted, in unix seconds. An end before the start is taken for the start."""

    start: float
    end: float


@dataclass(frozen=True)
class Gap:
    """An idle time that is drawn short: where, how wide, and how many seconds it stands for."""

    x: float
    width: float
    seconds: float


class Axis:
    """Where moments are on the axis: later ones never to the left of earlier ones."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans = sorted((span.start, max(span.start, span.end)) for span in spans)
        islands = _islands(self._spans)
        idle = [(end, start) for (_, end), (start, _) in pairwise(islands)]
        busy = sum(end - start for start, end in islands)
        short = [(end, start) for end, start in idle if start - end > max(_SHORT, busy / 3)]
        self.start = islands[0][0] if islands else 0.0
        self.end = islands[-1][1] if islands else 0.0
        linear = busy + sum(start - end for end, start in idle if (end, start) not in short)
        each = min(_GAP, _ALL_GAPS / len(short)) if short else 0.0
        if short and linear <= 0:
            each = WIDTH / len(short)
        self._scale = (WIDTH - each * len(short)) / linear if linear > 0 else 0.0
        self._lay(short, each)

    def _lay(self, short: list[tuple[float, float]], each: float) -> None:
        """Note the moments at which the scale changes, where they are, and the idle times drawn short."""
        self._moments, self._places = [self.start], [0.0]
        self.gaps: list[Gap] = []
        for end, start in short:
            x = min(WIDTH - each, self._places[-1] + (end - self._moments[-1]) * self._scale)
            self.gaps.append(Gap(x, each, start - end))
            self._moments += [end, start]
            self._places += [x, x + each]

    def at(self, moment: float) -> float:
        """Return where a moment is, from 0 to WIDTH."""
        number = bisect_right(self._moments, moment) - 1
        if number < 0:
            return 0.0
        since = moment - self._moments[number]
        if number % 2 and number + 1 < len(self._moments):
            # Inside an idle time: from its beginning to its end.
            gap = self.gaps[number // 2]
            return gap.x + gap.width * since / gap.seconds
        return max(0.0, min(WIDTH, self._places[number] + since * self._scale))

    def bar(self, span: Span) -> tuple[float, float]:
        """Return where the bar of a span begins and how wide it is: LEAST at least, and inside the axis."""
        x = self.at(span.start)
        width = max(LEAST, self.at(max(span.start, span.end)) - x)
        return max(0.0, min(x, WIDTH - width)), min(width, WIDTH)


def _islands(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the times in which something happened, apart from each other and in order."""
    islands: list[tuple[float, float]] = []
    for start, end in spans:
        if islands and start <= islands[-1][1]:
            islands[-1] = islands[-1][0], max(islands[-1][1], end)
        else:
            islands.append((start, end))
    return islands
