"""From tokens to dollars. Nothing is guessed: where a price that is needed is not known, neither is the cost.

Which part of the tokens is what follows what providers bill. Reasoning is part of the output, audio part of the input
or the output; what a cache gave is part of the input or beside it, as the row says. A part that has no price of its own
makes the cost unknown, but for reasoning, which every provider bills as output unless it says otherwise.
"""

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from agentos.records import Usage, as_datetime

if TYPE_CHECKING:
    from agentos.prices.models import Price

MILLION: Final = 1_000_000
_WORDS: Final = {
    "input": "input",
    "output": "output",
    "cached": "cached input",
    "cache_write": "writing to the cache",
    "audio_input": "audio input",
    "audio_output": "audio output",
}
# Models and providers whose prices are kept at hand: names come from outside.
_AT_HAND: Final = 2_000


@dataclass(frozen=True)
class Priced:
    """What a line cost, in dollars; None with the reason, a sentence, where that is not known.

    `is_computed`: by the price table; else the provider told it, or it is unknown.
    """

    cost: float | None
    is_computed: bool = False
    why: str = ""


@dataclass
class PriceTable:
    """The rows of the table as they were when it was read; `token` names that state of it."""

    rows: Sequence["Price"] = ()
    token: str = ""
    _found: dict[tuple[str, str], list["Price"]] = field(default_factory=dict)

    def row_for(self, usage: Usage, at: int | None) -> "Price | None":
        """Return the row that holds for a line of a run created at `at` (unix seconds), None for no such row.

        The row that names the model most closely goes first, then one that names the provider, then the latest day.
        """
        day = _day(at)
        return next((row for row in self._candidates(usage.provider, usage.model) if _holds(row, day)), None)

    def price(self, usage: Usage, at: int | None) -> Priced:
        """Return what a line of a run created at `at` (unix seconds) cost."""
        if usage.cost is not None:
            return Priced(usage.cost)
        if not usage.is_known:
            return Priced(None, why="No tokens are stored.")
        if not usage.model:
            return Priced(None, why="No model is named.")
        row = self.row_for(usage, at)
        if row is None:
            return Priced(None, why=f"The price table has no row for {usage.model}.")
        parts = _parts(usage, row)
        missing = [_WORDS[name] for name, count in parts if count and getattr(row, name) is None]
        if missing:
            return Priced(None, why=f"The price of {', '.join(missing)} of {usage.model} is not in the table.")
        cost = sum((count * _of(row, name) for name, count in parts if count), Decimal(0)) / MILLION
        return Priced(float(cost), is_computed=True)

    def whole(self, usages: Iterable[Usage], at: int | None) -> Priced:
        """Return what all lines of a run cost together: unknown with the first reason if one of them is."""
        lines = [self.price(usage, at) for usage in usages]
        if not lines:
            return Priced(None, why="No tokens are stored.")
        for one in lines:
            if one.cost is None:
                return one
        return Priced(sum(one.cost or 0.0 for one in lines), any(one.is_computed for one in lines))

    def _candidates(self, provider: str, model: str) -> list["Price"]:
        key = provider.casefold(), model.casefold()
        if key not in self._found:
            if len(self._found) >= _AT_HAND:
                self._found.clear()
            fitting = [row for row in self.rows if matches(row.model, model) and _fits(row.provider, provider)]
            self._found[key] = sorted(fitting, key=_closeness, reverse=True)
        return self._found[key]


def matches(pattern: str, name: str) -> bool:
    """Whether a name is what the pattern says, whatever the case of its letters; `*` stands for anything."""
    parts = map(re.escape, pattern.casefold().split("*"))
    return re.fullmatch(".*".join(parts), name.casefold(), re.DOTALL) is not None


def _fits(pattern: str, provider: str) -> bool:
    return not pattern or matches(pattern, provider)


def _closeness(row: "Price") -> tuple[bool, int, bool, int, datetime.date]:
    letters = len(row.model.replace("*", ""))
    return "*" not in row.model, letters, bool(row.provider), len(row.provider.replace("*", "")), row.valid_from


def _day(at: int | None) -> datetime.date | None:
    moment = as_datetime(at) if at else None
    return moment.date() if moment is not None else None


def _holds(row: "Price", day: datetime.date | None) -> bool:
    return row.holds_always if day is None else row.valid_from <= day


def _parts(usage: Usage, row: "Price") -> list[tuple[str, int]]:
    """Return the tokens of a line by the price that each has; each is billed once."""
    read, written, cached, wrote, thought, heard, spoke = (count or 0 for count in usage.counts)
    if row.cached_inside:
        read = max(0, read - cached)
    read = max(0, read - heard)
    written = max(0, written - spoke)
    if row.reasoning is not None:
        written = max(0, written - thought)
    else:
        thought = 0
    return [
        ("input", read), ("output", written), ("cached", cached), ("cache_write", wrote), ("reasoning", thought),
        ("audio_input", heard), ("audio_output", spoke),
    ]  # fmt: skip


def _of(row: "Price", name: str) -> Decimal:
    price: Decimal | None = getattr(row, name)
    return price or Decimal(0)
