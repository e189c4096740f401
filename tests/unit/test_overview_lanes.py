"""Geometry of the overview's lanes: nothing leaves the drawing, the unknown is a gap, and sums add up."""

import re
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentos.catalog.hours import HOUR, bucket_of
from agentos.catalog.overview import SPANS, Clocked, Sums, _clock, _fill
from agentos.catalog.rollup_models import CatalogHour
from sessions_ui.presenters.lanes import HEIGHT, WIDTH, bars, lanes, marks, rows

NUMBERS = st.one_of(st.none(), st.floats(0, 1e12, allow_nan=False), st.integers(0, 10**12))


@given(st.lists(NUMBERS, min_size=1, max_size=100))
@example([5e-308])
def test_bars_stay_inside_and_the_unknown_has_none(values: list[float | None]) -> None:
    most = max((value for value in values if value is not None), default=0)
    drawn = re.findall(r"M([\d.e+-]+) ([\d.e+-]+)v-([\d.e+-]+)h([\d.e+-]+)v", bars(values, [0.0] * len(values), most))
    assert len(drawn) == sum(1 for value in values if value)
    for left, foot, height, width in (map(float, bar) for bar in drawn):
        assert left >= 0 and left + width <= WIDTH + 0.1
        assert foot - height >= 0 and foot <= HEIGHT


@given(st.integers(-(10**11), 10**11), st.sampled_from(sorted(SPANS)))
def test_a_clock_holds_its_moment_and_steps_meet(until: int, name: str) -> None:
    clock = _clock(SPANS[name], until)
    length = clock.span.step * HOUR
    assert clock.end - length <= until < clock.end
    assert [step.start for step in clock.steps] == list(range(clock.start, clock.end, length))
    assert clock.start % length == 0
    assert len(rows(clock)) == clock.span.steps
    assert all(0 <= mark.x <= 100 for mark in marks(clock))


@given(st.lists(st.tuples(st.integers(-400, 400), st.integers(0, 50), st.integers(0, 50)), unique_by=lambda it: it[0]))
def test_every_hour_is_in_one_step_or_before(found: list[tuple[int, int, int]]) -> None:
    clock = _clock(SPANS["7d"], 1_790_000_000)
    first = clock.start // HOUR
    inside = [one for one in found if first - 168 <= first + one[0] < clock.end // HOUR]
    _fill(clock, (CatalogHour(hour=first + at, runs=runs, tokens=tokens) for at, runs, tokens in inside))
    now, before = ([one for one in inside if (one[0] >= 0) is is_now] for is_now in (True, False))
    assert sum(step.runs for step in clock.steps) == clock.whole.runs == sum(runs for _, runs, _ in now)
    assert clock.before.runs == sum(runs for _, runs, _ in before)
    assert clock.whole.tokens == (sum(tokens for *_, tokens in now) if now else None)


def clocked(*sums: Sums) -> Clocked:
    clock = _clock(SPANS["24h"], 1_790_000_000)
    for at, one in enumerate(sums):
        one.start = clock.steps[at].start
        clock.steps[at] = one
    clock.whole = sums[0] if sums else clock.whole
    return clock


def test_what_is_not_known_is_said_and_drawn_as_a_gap() -> None:
    _, errors, durations, tokens, cost = lanes(clocked(Sums(runs=3, cost_unknown=3)))
    assert (durations.figure, tokens.figure, cost.figure) == ("unknown", "unknown", "unknown")
    assert cost.remark == "3 runs unknown"
    assert not any(one.path for lane in (durations, tokens, cost) for one in lane.series)
    assert errors.figure.startswith("0.0")


def test_without_runs_there_is_nothing_to_know() -> None:
    assert [lane.figure for lane in lanes(clocked())] == ["0", "none", "none", "none", "none"]


def test_figures_and_what_changed() -> None:
    clock = clocked(
        Sums(runs=110, failed=11, tokens=300, input_tokens=200, cached_tokens=50, output_tokens=100, cost=2.0)
    )
    clock.whole.durations = Counter({bucket_of(2.0): 95, bucket_of(30.0): 15})
    clock.before = Sums(runs=100, tokens=600, cost=1.0)
    runs, errors, durations, tokens, cost = lanes(clock)
    assert (runs.figure, runs.remark, runs.peak) == ("110", "+10\u202f%", "peak 110")
    assert errors.figure == "10.0\u202f%"
    assert [float(word.split("\xa0")[0]) for word in durations.figure.split("  ")] == pytest.approx([2, 30], rel=0.1)
    assert (tokens.figure, tokens.remark) == ("300", "-50\u202f%, 25.0\u202f% from cache")
    assert (cost.figure, cost.remark) == ("$2.00", "+100\u202f%")
    assert "19" not in runs.sentence and "110 runs, 11 of them with errors" in runs.sentence
