"""Keyset paging: a page begins behind a row, not after a number of rows, so page 10,000 costs what page 1 costs."""

import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import connection
from django.db.models import BooleanField, F, Func, Value

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from agentos.catalog.models import CatalogSession
    from agentos.catalog.queries import SessionQuerySet

# The columns a list may be sorted by, as the URL names them. Each has an index.
SORTS = {
    "updated": "updated_at",
    "created": "created_at",
    "title": "title",
    "component": "component_key",
    "user": "user_key",
    "runs": "top_level_run_count",
    "messages": "own_message_count",
    "tools": "tool_call_count",
    "errors": "error_count",
    "tool_errors": "tool_error_count",
    "tokens": "total_tokens",
    "tokens_in": "input_tokens",
    "tokens_out": "output_tokens",
    "cost": "cost",
    "duration": "duration",
    "size": "stored_bytes",
}
_TEXTS = ("title", "component_key", "user_key")
_FRACTIONS = ("cost", "duration")
DEFAULT_SORT = "-updated"
STALE_CURSOR = "This page link cannot be read, so the list begins at its top."
Row = TypeVar("Row")


@dataclass(frozen=True)
class Page:
    """Rows in order. `next` and `previous` are cursors, None at the ends; `problem` a sentence about a bad cursor."""

    rows: "list[CatalogSession]" = field(default_factory=list)
    next: str | None = None
    previous: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class Cursor:
    """Where a page begins: behind the row with this value and key, reading on or (`back`) the other way."""

    value: Any
    pk: int | str
    back: bool

    def encode(self) -> str:
        """Return it as it stands in a URL."""
        packed = json.dumps([self.value, self.pk, self.back], separators=(",", ":"))
        return urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, like: Any, key: type[int | str] = int) -> "Cursor":
        """Raises ValueError or TypeError for anything but a cursor over values of the type `like` and such keys."""
        value, pk, back = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if type(pk) is not key or type(back) is not bool:
            raise ValueError
        if value is not None and (type(value) is bool or not isinstance(value, like)):
            raise ValueError
        if not _is_askable(value) or not _is_askable(pk):
            raise ValueError
        return cls(value, pk, back)


def _is_askable(value: Any) -> bool:
    """Whether every database can be asked for rows behind `value`. Raises UnicodeEncodeError for half a surrogate pair.

    A cursor is text from a URL, so it may hold what no row does: NaN, infinity, more than 64 bits, NUL.
    """
    if isinstance(value, str):
        return "\0" not in value.encode().decode()
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or bool(abs(value) < 2**63)


def clean_sort(sort: str) -> str:
    """Return `sort` if it names an order (with "-" for descending), else the default one."""
    return sort if sort.removeprefix("-") in SORTS else DEFAULT_SORT


def column_of(sort: str) -> str:
    """Return the column that an order, with "-" for descending, sorts by."""
    return SORTS[clean_sort(sort).removeprefix("-")]


def page_of(rows: "SessionQuerySet", sort: str, cursor: str | None, limit: int) -> Page:
    """Return the page of `rows` in the order `sort` that `cursor` names; the first page without one.

    Takes one statement; up to two more where a page begins among equal values, or reaches rows without one.
    """
    sort = clean_sort(sort)
    column = column_of(sort)
    rows, by, key = rows.by_update() if column == "updated_at" else (rows, column, "id")
    order = _Order(rows, column, sort.startswith("-"), by, key)
    start, problem = _read(cursor, order)
    found = order.read(start, start is not None and start.back, limit + 1)
    return Page(*turned(found, start, limit, lambda row: (getattr(row, order.column), row.pk)), problem)


def turned(
    rows: list[Row], start: Cursor | None, limit: int, place: Callable[[Row], tuple[Any, int | str]]
) -> tuple[list[Row], str | None, str | None]:
    """Return the page that was read from `start` on, in the list's order, and the cursors of the next and previous one.

    `rows` are one more than `limit` if there are that many; `place` gives the value and key of a row.
    """
    back = start is not None and start.back
    more, rows = len(rows) > limit, rows[:limit]
    if not rows:
        return [], None, None
    if back:
        rows.reverse()
    following, before = Cursor(*place(rows[-1]), False).encode(), Cursor(*place(rows[0]), True).encode()
    return rows, following if back or more else None, before if (start and not back) or (back and more) else None


@dataclass(frozen=True)
class _Order:
    """Rows by a column, then by id; those without a value behind all others, by id. `by` and `key`: both in a query.

    They are read in parts, each along the index of (column, id) from a place in it, for no database reads an index with
    its missing values last in both directions. PostgreSQL enters it at a pair; SQLite does not where one of the two is
    its row number, so there equal values are a part of their own, or all of them would be walked.
    """

    rows: "QuerySet[CatalogSession]"
    column: str
    descending: bool
    by: str
    key: str

    @property
    def nullable(self) -> bool:
        """Whether rows may have no value."""
        return bool(getattr(self.rows.model, self.column).field.null)

    def read(self, start: Cursor | None, back: bool, count: int) -> "list[CatalogSession]":
        """Return the `count` rows behind `start`, or, the other way round, before it."""
        found: list[CatalogSession] = []
        for part in self._parts(start, back, self.descending != back):
            if len(found) < count:
                found += part[: count - len(found)]
        return found

    def _parts(self, start: Cursor | None, back: bool, down: bool) -> "Iterator[QuerySet[CatalogSession]]":
        sign, way = ("-", "lt") if down else ("", "gt")
        known = self.rows.order_by(f"{sign}{self.by}", f"{sign}{self.key}")
        if self.nullable:
            known = known.filter(**{f"{self.column}__isnull": False})
        missing = self.rows.filter(**{f"{self.column}__isnull": True}).order_by(f"{sign}id")
        if start is None:
            yield known
        elif start.value is None:
            yield missing.filter(**{f"id__{way}": start.pk})
            if back:
                yield known
            return
        else:
            yield from self._behind(known, start, way)
        if self.nullable and not back:
            yield missing

    def _behind(
        self, known: "QuerySet[CatalogSession]", start: Cursor, way: str
    ) -> "Iterator[QuerySet[CatalogSession]]":
        if connection.vendor == "postgresql":
            yield known.filter(_Behind(self.by, self.key, start, "<" if way == "lt" else ">"))
            return
        yield known.filter(**{self.by: start.value, f"{self.key}__{way}": start.pk})
        yield known.filter(**{f"{self.by}__{way}": start.value})


class _Behind(Func):
    """Whether a row stands behind (`way`) the place of a cursor, as a comparison of pairs."""

    output_field = BooleanField()
    template = "(%(expressions)s)"

    def __init__(self, by: str, key: str, start: Cursor, way: str) -> None:
        pairs = [(F(by), F(key)), (Value(start.value), Value(start.pk))]
        super().__init__(*(Func(*pair, template=self.template, output_field=BooleanField()) for pair in pairs))
        self.arg_joiner = f" {way} "


def _read(cursor: str | None, order: _Order) -> tuple[Cursor | None, str]:
    if not cursor:
        return None, ""
    like: Any = str if order.column in _TEXTS else (int, float) if order.column in _FRACTIONS else int
    try:
        start = Cursor.decode(cursor, like)
    except (ValueError, TypeError, RecursionError):
        return None, STALE_CURSOR
    return (None, STALE_CURSOR) if start.value is None and not order.nullable else (start, "")
