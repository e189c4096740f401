"""Geometry of small charts: everything is computed here, so that an SVG needs neither script nor style."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

SPARK_WIDTH: Final = 88
SPARK_HEIGHT: Final = 20


@dataclass(frozen=True)
class Spark:
    """A line over days: `path` is the `d` of an SVG path, "" where every day is 0; `sentence` says the same."""

    path: str
    sentence: str


def spark(values: Sequence[int], last: date, noun: str = "session") -> Spark:
    """Draw how many there were on each of the last days, `last` being today, on SPARK_WIDTH x SPARK_HEIGHT pixels."""
    total, most = sum(values), max(values, default=0)
    days = f"in the last {len(values)} days"
    if not most:
        return Spark("", f"No {noun} {days}")
    top = last - timedelta(days=len(values) - 1 - list(values).index(most))
    counted = f"{total:,} {noun}{'' if total == 1 else 's'} {days}"
    said = f"{counted}, most on {short_day(top)}: {most:,}" if total > most else f"{counted}, on {short_day(top)}"
    return Spark(line(values, most, SPARK_WIDTH, SPARK_HEIGHT), said)


def line(values: Sequence[float | None], most: float, width: float, height: float) -> str:
    """Return the `d` of a path over values from 0 to `most`, evenly spread, a pixel away from the edges.

    None is a gap. A value between gaps is a line without length, which round caps show as a dot.
    """
    step = (width - 2) / max(1, len(values) - 1)
    # Divided one by one: what a tiny `most` would scale by is more than a number can hold.
    room, most = height - 2, most if most > 0 else math.inf
    drawn: list[str] = []
    for at, value in enumerate(values):
        if value is None:
            continue
        begins = at == 0 or values[at - 1] is None
        alone = begins and (at + 1 == len(values) or values[at + 1] is None)
        place = f"{round(1 + at * step, 1):g} {round(height - 1 - value / most * room, 1):g}"
        drawn.append(f"{'M' if begins else 'L'}{place}{'h0' if alone else ''}")
    return "".join(drawn)


def short_day(day: date) -> str:
    """Return a day as 3 Nov."""
    return f"{day:%-d %b}"
