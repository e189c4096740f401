"""Unix seconds from clocks that may be wrong."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from agentos.records import as_datetime


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (1780000001, datetime(2026, 5, 28, 20, 26, 41, tzinfo=UTC)),
        (1780000001.5, datetime(2026, 5, 28, 20, 26, 41, 500_000, tzinfo=UTC)),
        (1780000001_000, datetime(2026, 5, 28, 20, 26, 41, tzinfo=UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-86_400, datetime(1969, 12, 31, tzinfo=UTC)),
        (4_102_444_800, datetime(2100, 1, 1, tzinfo=UTC)),
    ],
)
def test_times(stored: float, expected: datetime) -> None:
    assert as_datetime(stored) == expected


@pytest.mark.parametrize(
    "stored", [None, True, "1780000001", [], {}, math.nan, math.inf, 10**40, -(10**11), 1e300, 10**18]
)
def test_no_times(stored: Any) -> None:
    assert as_datetime(stored) is None
