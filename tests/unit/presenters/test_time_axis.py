"""One axis of time: bars inside it, later ones never to the left, idle times drawn short and never negative."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_ui.presenters.time_axis import LEAST, WIDTH, Axis, Span

moments = st.floats(0, 1e10, allow_nan=False)
near = st.floats(1_790_000_000, 1_790_000_900, allow_nan=False)
# Ends may lie before starts: clocks run backwards.
spans = st.lists(st.builds(Span, near, near) | st.builds(Span, moments, moments), max_size=30)


@given(spans)
def test_every_bar_is_inside_the_axis(found: list[Span]) -> None:
    axis = Axis(found)
    for span in found:
        x, width = axis.bar(span)
        assert 0 <= x <= WIDTH and LEAST <= width <= WIDTH
        assert x + width <= WIDTH + 1e-6


@given(spans, st.lists(moments | near, max_size=20))
def test_later_is_never_to_the_left(found: list[Span], asked: list[float]) -> None:
    axis = Axis(found)
    places = [axis.at(moment) for moment in sorted(asked)]
    assert all(0 <= place <= WIDTH for place in places)
    assert all(before <= behind + 1e-6 for before, behind in itertools.pairwise(places))


@given(spans)
def test_idle_times_are_positive_and_inside(found: list[Span]) -> None:
    gaps = Axis(found).gaps
    assert all(gap.seconds > 0 and gap.width > 0 for gap in gaps)
    assert all(gap.x >= 0 and gap.x + gap.width <= WIDTH + 1e-6 for gap in gaps)
    assert all(one.x + one.width <= other.x + 1e-6 for one, other in itertools.pairwise(gaps))


def test_an_idle_night_takes_little_room() -> None:
    axis = Axis([Span(0, 10), Span(30_000, 30_010)])
    assert [(round(gap.x), round(gap.seconds)) for gap in axis.gaps] == [(47, 29_990)]
    assert axis.bar(Span(0, 10))[1] == pytest.approx(47)
    assert axis.at(15_005) == pytest.approx(50)


@pytest.mark.parametrize("found", [[], [Span(5, 5)], [Span(5, 5), Span(900, 900)], [Span(9, 3)]])
def test_moments_without_a_length_have_a_place(found: list[Span]) -> None:
    axis = Axis(found)
    assert all(0 <= axis.bar(span)[0] <= WIDTH - LEAST for span in found)
