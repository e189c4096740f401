"""Geometry of the overview's lanes: several figures on one clock, each in a drawing of WIDTH x HEIGHT units.

The drawings are stretched to the width of the page, so nothing in them may depend on it: no text, no round marks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from agentos.catalog.hours import HOUR
from agentos.catalog.overview import Clocked, Sums
from sessions_ui.presenters.charts import line
from sessions_ui.templatetags.sessions import cost, duration, local_moment, tokens

WIDTH: Final = 1000
HEIGHT: Final = 84
# Of a step's width, what its bar takes; and the room above the highest bar.
_BAR: Final = 0.8
_TOP: Final = 4
_LABELS: Final = 8
NONE: Final = "none"
UNKNOWN: Final = "unknown"
_DAY: Final = 24 * HOUR

Values = Sequence[float | None]


@dataclass(frozen=True)
class Series:
    """One figure of a lane: `path` is the `d` of an SVG path, `style` its class, `label` its name in the legend."""

    path: str
    style: str
    label: str = ""


@dataclass(frozen=True)
class Lane:
    """A figure over time. `peak` says what the top of the drawing stands for, `sentence` what a reader hears."""

    name: str
    figure: str
    remark: str
    peak: str
    sentence: str
    series: list[Series] = field(default_factory=list)


@dataclass(frozen=True)
class Mark:
    """A label of the clock, `x` percent from its beginning."""

    x: float
    label: str


@dataclass(frozen=True)
class Row:
    """A step as the table has it; `words` say when it is."""

    words: str
    sums: Sums

    @property
    def share(self) -> str:
        """How many of the runs failed, "" without runs."""
        return percent(self.sums.failed, self.sums.runs) if self.sums.runs else ""

    @cached_property
    def p50(self) -> float | None:
        """Seconds that half of the runs did not exceed."""
        return self.sums.took(0.5)

    @cached_property
    def p95(self) -> float | None:
        """Seconds that nineteen of twenty runs did not exceed."""
        return self.sums.took(0.95)


def lanes(clock: Clocked) -> list[Lane]:
    """Return the lanes of a span, in their order."""
    return [_runs(clock), _errors(clock), _durations(clock), _tokens(clock), _cost(clock)]


def rows(clock: Clocked) -> list[Row]:
    """Return the steps for the table and for what is shown of each."""
    return [Row(_when(step.start, clock.span.step * HOUR), step) for step in clock.steps]


def marks(clock: Clocked) -> list[Mark]:
    """Label the beginnings of days, or of every so many steps."""
    length = clock.span.step * HOUR
    begun = ((at / clock.span.steps * 100, local_moment(step.start)) for at, step in enumerate(clock.steps))
    starts = [(x, moment) for x, moment in begun if moment is not None]
    form = "%-d %b"
    if length < _DAY:
        midnights = [(x, moment) for x, moment in starts if moment.hour < clock.span.step]
        starts, form = (midnights, "%a %-d") if len(midnights) > 2 else (starts, "%H:%M")
    every = -(-len(starts) // _LABELS) or 1
    return [Mark(round(x, 2), moment.strftime(form)) for x, moment in starts[::every] if x <= 96]


def percent(part: float, whole: float) -> str:
    """Return a share as 2.1 %."""
    return f"{part / whole * 100:.1f}\N{NARROW NO-BREAK SPACE}%"


def bars(values: Values, base: Values, most: float) -> str:
    """Return the `d` of bars from `base` to `base` + value, where the drawing's top is `most`; None is a gap."""
    if most <= 0:
        return ""
    slot = WIDTH / max(1, len(values))
    width, room = round(slot * _BAR, 2), HEIGHT - _TOP
    drawn = []
    for at, value in enumerate(values):
        if value is None or value <= 0:
            continue
        # What there is is seen, however little it is.
        height = max(1.0, round(value / most * room, 1))
        left, foot = round(at * slot + slot * (1 - _BAR) / 2, 2), round(HEIGHT - (base[at] or 0) / most * room, 1)
        drawn.append(f"M{left:g} {foot:g}v-{height:g}h{width:g}v{height:g}z")
    return "".join(drawn)


def _runs(clock: Clocked) -> Lane:
    runs, failed = _values(clock, lambda one: one.runs), _values(clock, lambda one: one.failed)
    most, nothing = _most(runs), [0.0] * len(runs)
    whole = clock.whole
    series = [Series(bars(runs, nothing, most), "bar"), Series(bars(failed, nothing, most), "bar-err")]
    sentence = f"{whole.runs:,} runs, {whole.failed:,} of them with errors; at most {most:,.0f} in a step"
    change = _change(whole.runs, clock.before.runs)
    return Lane("Runs", f"{whole.runs:,}", change, f"peak {most:,.0f}" if most else "", sentence, series)


def _errors(clock: Clocked) -> Lane:
    shares = [one.failed / one.runs if one.runs else None for one in clock.steps]
    most, whole = _most(shares), clock.whole
    figure = percent(whole.failed, whole.runs) if whole.runs else NONE
    drawn = line(shares, most or 1, WIDTH, HEIGHT - _TOP) if most else ""
    top = percent(most, 1) if most else ""
    sentence = f"Share of runs with errors: {figure}" + (f", at most {top} in a step" if top else "")
    counted = f"{whole.failed:,} run{'' if whole.failed == 1 else 's'}" if whole.runs else ""
    return Lane("Runs with errors", figure, counted, top, sentence, [Series(drawn, "line-err")])


def _durations(clock: Clocked) -> Lane:
    half, most_of = ([one.took(share) for one in clock.steps] for share in (0.5, 0.95))
    most = _most(most_of)
    words = [str(duration(clock.whole.took(share))) for share in (0.5, 0.95)] if clock.whole.durations else []
    series = [
        Series(line(half, most or 1, WIDTH, HEIGHT - _TOP), "line-1", "p50"),
        Series(line(most_of, most or 1, WIDTH, HEIGHT - _TOP), "line-2", "p95"),
    ]
    sentence = (
        f"Half of the runs took at most {words[0]}, nineteen of twenty {words[1]}" if words else "No duration is known"
    )
    figure = "  ".join(words) if words else _nothing(clock)
    known = sum(clock.whole.durations.values())
    remark = "" if known >= clock.whole.runs else f"{clock.whole.runs - known:,} runs unknown"
    return Lane("Duration, p50 and p95", figure, remark, str(duration(most)) if most else "", sentence, series)


def _tokens(clock: Clocked) -> Lane:
    out = _values(clock, lambda one: one.output_tokens)
    cached = [_at_most(one.cached_tokens, one.input_tokens) for one in clock.steps]
    fresh = [_less(one.input_tokens, one.cached_tokens) for one in clock.steps]
    upper = [(a or 0) + (b or 0) for a, b in zip(out, cached, strict=True)]
    most = _most([low + (high or 0) for low, high in zip(upper, fresh, strict=True)])
    series = [
        Series(bars(out, [0.0] * len(out), most), "bar-3", "out"),
        Series(bars(cached, out, most), "bar", "in, cached"),
        Series(bars(fresh, upper, most), "bar-2", "in"),
    ]
    whole = clock.whole
    figure = _nothing(clock) if whole.tokens is None else str(tokens(whole.tokens))
    from_cache = _from_cache(whole.cached_tokens or 0, whole.input_tokens or 0)
    remark = ", ".join(filter(None, (_change(whole.tokens, clock.before.tokens), from_cache)))
    sentence = f"{figure} tokens" + (f", {tokens(whole.output_tokens)} of them out" if whole.output_tokens else "")
    return Lane("Tokens", figure, remark, str(tokens(round(most))) if most else "", sentence, series)


def _cost(clock: Clocked) -> Lane:
    values = _values(clock, lambda one: one.cost)
    most, whole = _most(values), clock.whole
    figure = _nothing(clock) if whole.cost is None else str(cost(whole.cost))
    unknown = f"{whole.cost_unknown:,} runs unknown" if whole.cost_unknown else ""
    remark = ", ".join(filter(None, (_change(whole.cost, clock.before.cost), unknown)))
    series = [Series(bars(values, [0.0] * len(values), most), "bar")]
    sentence = f"Cost {figure}" + (f", of {whole.cost_unknown:,} runs it is not known" if whole.cost_unknown else "")
    return Lane("Cost", figure, remark, str(cost(most)) if most else "", sentence, series)


def _nothing(clock: Clocked) -> str:
    """Return what to say where there is no figure: of no runs there is none to know."""
    return UNKNOWN if clock.whole.runs else NONE


def _values(clock: Clocked, of: Callable[[Sums], float | None]) -> list[float | None]:
    return [of(one) for one in clock.steps]


def _most(values: Values) -> float:
    return max((value for value in values if value is not None), default=0)


def _at_most(value: int | None, limit: int | None) -> float | None:
    return None if value is None else min(value, limit or 0)


def _less(value: int | None, part: int | None) -> float | None:
    return None if value is None else max(0, value - (part or 0))


def _from_cache(cached: int, given: int) -> str:
    return f"{percent(cached, given)} from cache" if 0 < cached <= given else ""


def _change(now: float | None, before: float | None) -> str:
    """Return by how much more or less it was than in the span before, "" where that cannot be said."""
    if now is None or not before:
        return ""
    change = (now - before) / before * 100
    return f"{change:+,.0f}\N{NARROW NO-BREAK SPACE}%" if abs(change) < 1000 else ""


def _when(start: int, length: int) -> str:
    begin, end = local_moment(start), local_moment(start + length)
    if begin is None or end is None:
        return "out of the calendar"
    if length < _DAY:
        return f"{begin:%a %-d %b, %H:%M} to {end:%H:%M}"
    last = local_moment(start + length - HOUR) or end
    return f"{begin:%-d %b %Y}" if length == _DAY else f"{begin:%-d %b} to {last:%-d %b %Y}"
