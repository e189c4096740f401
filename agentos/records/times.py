"""Unix seconds, as Agno stores them and as broken clocks and foreign writers do."""

import math
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["as_datetime"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# Seconds beyond this (the year 5138) can only be milliseconds; milliseconds beyond a thousandfold of it are nonsense.
_LAST_SECOND: Final = 100_000_000_000


def as_datetime(value: object) -> datetime | None:
    """Return the time in UTC of unix seconds (or milliseconds, recognised by their size), or None for anything else.

    Takes integers and floats, negative ones too. Booleans, text, NaN and absurd numbers are no times.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if abs(value) > _LAST_SECOND * 1000:
        return None
    seconds = value / 1000 if abs(value) > _LAST_SECOND else value
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None
