"""The geometry of the list's histogram: everything is computed here, so that the SVG needs neither script nor style."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.utils.timezone import localtime

from agentos.catalog.histogram import Bar, Histogram

# Pixels from the top of the drawing to its baseline.
BASELINE = 56
_LABELS = 8
_DAY = 86_400
_SPANS = (("day", _DAY), ("hour", 3600), ("minute", 60))


@dataclass(frozen=True)
class DrawnBar:
    """A bar with its place: `x` and `width` in percent of the drawing, `top` and `height` in pixels.

    `outside`: it is not in the chosen range of days.
    """

    start: int
    count: int
    errors: int
    x: float
    width: float
    top: float
    height: float
    error_top: float
    error_height: float
    outside: bool = False


@dataclass(frozen=True)
class Mark:
    """A label of the axis, at `x` percent."""

    x: float
    label: str


@dataclass(frozen=True)
class Brush:
    """The chosen range of days: where it begins and ends, in percent of the drawing."""

    left: float
    right: float

    @property
    def width(self) -> float:
        """How wide it is, in percent."""
        return round(self.right - self.left, 3)


@dataclass(frozen=True)
class Drawing:
    """The histogram as it is drawn. `step` says how long a bar is, `peak` how many sessions the highest has.

    `first` and `last`: unix seconds at the drawing's ends.
    """

    bars: list[DrawnBar]
    marks: list[Mark]
    step: str
    peak: int
    first: int = 0
    last: int = 0
    brush: Brush | None = None


def drawn(histogram: Histogram, first_day: date | None = None, last_day: date | None = None) -> Drawing:
    """Return the drawing of a histogram; bars that are not within the chosen days, ends included, are outside."""
    if not histogram.bars:
        return Drawing([], [], "", 0)
    peak = max(bar.count for bar in histogram.bars)
    slot = 100 / len(histogram.bars)
    first, last = histogram.bars[0].start, histogram.bars[-1].start + histogram.step
    begin, end = _second(first_day) or first, (_second(last_day) or last - _DAY) + _DAY
    bars = [
        _bar(bar, at * slot, slot, peak, not begin < bar.start + histogram.step <= end + histogram.step - 1)
        for at, bar in enumerate(histogram.bars)
        if bar.count
    ]
    brush = Brush(_share(begin, first, last), _share(end, first, last)) if first_day or last_day else None
    return Drawing(bars, _marks(histogram, slot), _words(histogram.step), peak, first, last, brush)


def _second(day: date | None) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) if day else 0


def _share(moment: int, first: int, last: int) -> float:
    return round(min(100.0, max(0.0, (moment - first) / (last - first) * 100)), 3)


def _bar(bar: Bar, x: float, slot: float, peak: int, outside: bool) -> DrawnBar:
    height = max(1.0, round(bar.count / peak * (BASELINE - 2), 1))
    # One failure among thousands is still a pixel.
    failed = max(1.0, round(height * bar.errors / bar.count, 1)) if bar.errors else 0.0
    width = slot * 0.88 if slot > 1 else slot
    return DrawnBar(
        bar.start, bar.count, bar.errors, round(x, 3), round(width, 3),
        round(BASELINE - height, 1), height, round(BASELINE - failed, 1), failed, outside,
    )  # fmt: skip


def _marks(histogram: Histogram, slot: float) -> list[Mark]:
    """Label every so many bars; at short bars only those that begin a day, as far as there are any."""
    starts = [(at * slot, localtime(datetime.fromtimestamp(bar.start, UTC))) for at, bar in enumerate(histogram.bars)]
    if histogram.step < _DAY:
        midnights = [(x, moment) for x, moment in starts if (moment.hour, moment.minute) == (0, 0)]
        if len(midnights) > 1:
            return [Mark(round(x, 3), f"{moment:%a %-d}") for x, moment in _thinned(midnights)]
    form = "%H:%M" if histogram.step < _DAY else "%-d %b" if histogram.step < 30 * _DAY else "%b %Y"
    return [Mark(round(x, 3), moment.strftime(form)) for x, moment in _thinned(starts)]


def _thinned(found: list[tuple[float, datetime]]) -> list[tuple[float, datetime]]:
    every = -(-len(found) // _LABELS) or 1
    # A label that begins at the very end would be cut off.
    return [(x, moment) for x, moment in found[::every] if x <= 94]


def _words(step: int) -> str:
    for unit, seconds in _SPANS:
        if step >= seconds:
            return f"{step // seconds}\N{NO-BREAK SPACE}{unit}{'s' if step >= 2 * seconds else ''}"
    return ""
