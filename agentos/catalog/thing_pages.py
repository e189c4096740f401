"""Pages of things by keyset, from a table or from memory: a page begins behind a thing, whatever changed before it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from agentos.catalog.figures import Tally
from agentos.catalog.paging import STALE_CURSOR, Cursor, turned
from agentos.catalog.rollup_models import CatalogThing

# Where the unknown stands in an order: below all that is known.
_UNKNOWN: Final = {"tokens": -(2**62), "cost": -1e300}
_TYPES: Final = {"folded": str, "cost": float}
Thing = TypeVar("Thing", CatalogThing, Tally)


@dataclass(frozen=True)
class Slice(Generic[Thing]):
    """A page of things, `total` of all pages; cursors are None at the ends, `problem` is a sentence about a bad one."""

    rows: list[Thing] = field(default_factory=list)
    total: int = 0
    next: str | None = None
    previous: str | None = None
    problem: str = ""


class Things(Protocol[Thing]):
    """Things of one kind, wherever they are."""

    def total(self) -> int:
        """Return how many there are."""

    def behind(self, column: str, start: Cursor | None, *, descending: bool, limit: int) -> list[Thing]:
        """Return the first of those that stand behind `start` in the order of a column, then of the key."""


def read(things: Things[Thing], column: str, descending: bool, cursor: str | None, limit: int) -> Slice[Thing]:
    """Return the page of things by a column that `cursor` names; the first page without one."""
    start, problem = _start(cursor, column)
    found = things.behind(column, start, descending=descending != (start is not None and start.back), limit=limit + 1)
    page = turned(found, start, limit, lambda row: (_rank(row, column), row.key))
    return Slice(page[0], things.total(), page[1], page[2], problem)


class Kept:
    """Things in a table."""

    def __init__(self, rows: "QuerySet[CatalogThing]") -> None:
        self._rows = rows

    def total(self) -> int:
        """Count them."""
        return self._rows.count()

    def behind(self, column: str, start: Cursor | None, *, descending: bool, limit: int) -> list[CatalogThing]:
        """Read them in their order."""
        unknown = _UNKNOWN.get(column)
        rows = self._rows.annotate(rank=F(column) if unknown is None else Coalesce(F(column), Value(unknown)))
        sign, way = ("-", "lt") if descending else ("", "gt")
        if start is not None:
            same = Q(**{"rank": start.value, f"key__{way}": start.pk})
            # The second condition is for the index, which the first cannot be looked up in.
            rows = rows.filter(Q(**{f"rank__{way}": start.value}) | same, **{f"rank__{way}e": start.value})
        return list(rows.order_by(f"{sign}rank", f"{sign}key")[:limit])


class Counted:
    """Things in memory."""

    def __init__(self, rows: Sequence[Tally]) -> None:
        self._rows = rows

    def total(self) -> int:
        """Count them."""
        return len(self._rows)

    def behind(self, column: str, start: Cursor | None, *, descending: bool, limit: int) -> list[Tally]:
        """Sort them."""
        placed = sorted(((_rank(row, column), row.key, row) for row in self._rows), reverse=descending, key=_place)
        if start is not None:
            at = (start.value, start.pk)
            placed = [one for one in placed if (_place(one) < at if descending else _place(one) > at)]
        return [row for _, _, row in placed[:limit]]


def _place(placed: tuple[Any, str, Tally]) -> tuple[Any, str]:
    return placed[:2]


def _rank(row: CatalogThing | Tally, column: str) -> Any:
    value = getattr(row, column)
    return _UNKNOWN[column] if value is None else value


def _start(cursor: str | None, column: str) -> tuple[Cursor | None, str]:
    if not cursor:
        return None, ""
    try:
        start = Cursor.decode(cursor, _TYPES.get(column, int), str)
    except (ValueError, TypeError, RecursionError):
        return None, STALE_CURSOR
    return (None, STALE_CURSOR) if start.value is None else (start, "")
