"""Idle times between runs, in words."""

import pytest

from agentos.catalog.models import CatalogRun
from sessions_ui.presenters.gaps import began, idle, words


def run(created_at: int | None, duration: float | None = None) -> CatalogRun:
    return CatalogRun(created_at=created_at, duration=duration)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(12, "12 s"), (59.4, "59 s"), (90, "2 min"), (1320, "22 min"), (7800, "2 h 10"), (172_800, "2 days")],
)
def test_words(seconds: float, said: str) -> None:
    assert words(seconds).replace("\xa0", " ") == said


@pytest.mark.parametrize(
    ("before", "behind", "said"),
    [
        (run(1_790_000_000), run(1_790_000_030), ""),
        (run(1_790_000_000, 30), run(1_790_000_100), "1 min idle"),
        (run(1_790_000_000, 3_000), run(1_790_000_100), ""),
        (run(1_790_000_000), run(1_789_990_000), "began 2 h 47 before the run above"),
        (run(None), run(1_790_000_000), ""),
        (run(1_790_000_000), run(0), ""),
        (run(1_790_000_000), run(-5), ""),
        (run(1_790_000_000_000), run(1_790_000_300), "5 min idle"),
        (run(1), run(1_790_000_300), ""),
    ],
)
def test_between_runs(before: CatalogRun, behind: CatalogRun, said: str) -> None:
    assert idle(before, behind).replace("\xa0", " ") == said


def test_before_the_first_there_is_none() -> None:
    assert idle(None, run(1_790_000_000)) == ""
    assert began(run(10**15)) is None
