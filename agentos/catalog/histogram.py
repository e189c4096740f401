"""Sessions over time, in bars of a round length."""

from dataclasses import dataclass, field

from agentos.catalog.counting import BARS, STEPS


@dataclass(frozen=True)
class Bar:
    """One bar: from `start` (unix seconds) on there are `count` sessions, `errors` of them with a failed run."""

    start: int
    count: int
    errors: int


@dataclass(frozen=True)
class Histogram:
    """Sessions by the time they were last updated. `step`: seconds a bar."""

    step: int = 0
    bars: list[Bar] = field(default_factory=list)


def in_bars(counted: dict[int, tuple[int, int]], step: int) -> Histogram:
    """Return the histogram of what was counted by places of `step` seconds: at most BARS bars, those that are last."""
    if not counted:
        return Histogram()
    first, last = min(counted), max(counted)
    longer = [one for one in STEPS if one % step == 0]
    step = next((one for one in longer if last // one - first // one < BARS), longer[-1])
    sums: dict[int, tuple[int, int]] = {}
    for place, (sessions, errors) in counted.items():
        known = sums.get(place // step, (0, 0))
        sums[place // step] = (known[0] + sessions, known[1] + errors)
    begin = max(first // step, last // step - BARS + 1)
    return Histogram(step, [Bar(at * step, *sums.get(at, (0, 0))) for at in range(begin, last // step + 1)])
