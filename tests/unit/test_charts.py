"""Geometry of small charts, and the sentences that say the same."""

from datetime import date

import pytest

from sessions_ui.presenters.charts import line, spark

TODAY = date(2026, 11, 19)


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ([], ""),
        ([None, None], ""),
        ([0, 5, 10], "M1 19L50 10L99 1"),
        ([5], "M1 10h0"),
        ([10, None, 10], "M1 1h0M99 1h0"),
        ([10, 0, None, 5, 10], "M1 1L25.5 19M74.5 10L99 1"),
        ([0, 0], "M1 19L99 19"),
    ],
)
def test_a_line_has_gaps_and_dots(values: list[float | None], path: str) -> None:
    assert line(values, 10, 100, 20) == path


def test_a_line_over_nothing_lies_at_the_bottom() -> None:
    assert line([0, 0], 0, 100, 20) == "M1 19L99 19"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([], "No session in the last 0 days"),
        ([0, 0, 0], "No session in the last 3 days"),
        ([0, 1, 0], "1 session in the last 3 days, on 18 Nov"),
        ([0, 0, 4], "4 sessions in the last 3 days, on 19 Nov"),
        ([1, 1_200, 3], "1,204 sessions in the last 3 days, most on 18 Nov: 1,200"),
        ([2, 2, 0], "4 sessions in the last 3 days, most on 17 Nov: 2"),
    ],
)
def test_a_spark_says_what_it_draws(values: list[int], sentence: str) -> None:
    drawn = spark(values, TODAY)
    assert drawn.sentence == sentence
    assert bool(drawn.path) == any(values)


def test_a_spark_may_be_of_something_else() -> None:
    assert spark([0, 2], TODAY, "run").sentence == "2 runs in the last 2 days, on 19 Nov"
