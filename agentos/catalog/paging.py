"""Keyset paging: a page begins behind a row, not after a number of rows, so page 10,000 costs what page 1 costs."""

import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q, QuerySet

if TYPE_CHECKING:
    from agentos.catalog.models import CatalogSession

# The columns a list may be sorted by, as the URL names them.
SORTS = {
    "updated": "updated_at",
    "created": "created_at",
    "title": "title",
    "component": "component_key",
    "user": "user_key",
    "runs": "run_count",
    "tools": "tool_call_count",
    "errors": "tool_error_count",
    "tokens": "total_tokens",
    "cost": "cost",
    "duration": "duration",
}
DEFAULT_SORT = "-updated"
STALE_CURSOR = "This page link cannot be read, so the list begins at its top."


@dataclass(frozen=True)
class Page:
    """Rows in order. `next` and `previous` are cursors, None at the ends; `problem` a sentence about a bad cursor."""

    rows: "list[CatalogSession]" = field(default_factory=list)
    next: str | None = None
    previous: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class _Cursor:
    """Where a page begins: behind the row with this value and id, reading on or (`back`) the other way."""

    value: Any
    pk: int
    back: bool

    def encode(self) -> str:
        packed = json.dumps([self.value, self.pk, self.back], separators=(",", ":"))
        return urlsafe_b64encode(packed.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str, like: type) -> "_Cursor":
        """Raises ValueError or TypeError for anything but a cursor over values of the type `like`."""
        value, pk, back = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        if type(pk) is not int or type(back) is not bool or abs(pk) >= 2**63:
            raise ValueError
        if value is not None and (type(value) is bool or not isinstance(value, like)):
            raise ValueError
        if not _is_askable(value):
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


def page_of(rows: "QuerySet[CatalogSession]", sort: str, cursor: str | None, limit: int) -> Page:
    """Return the page of `rows` in the order `sort` that `cursor` names; the first page without one."""
    sort = clean_sort(sort)
    column, descending = SORTS[sort.removeprefix("-")], sort.startswith("-")
    start, problem = _read(cursor, column)
    back = start is not None and start.back
    found = _ordered(rows, column, descending != back, nulls_last=not back)
    if start is not None:
        found = _behind(found, column, start, descending != back, nulls_last=not back)
    page = list(found[: limit + 1])
    more, page = len(page) > limit, page[:limit]
    if back:
        page.reverse()
    if not page:
        return Page(problem=problem)
    first = _Cursor(getattr(page[0], column), page[0].pk, True).encode()
    last = _Cursor(getattr(page[-1], column), page[-1].pk, False).encode()
    return Page(
        page, last if back or more else None, first if (start and not back) or (back and more) else None, problem
    )


def _read(cursor: str | None, column: str) -> tuple[_Cursor | None, str]:
    if not cursor:
        return None, ""
    like: Any = str if column in ("title", "component_key", "user_key") else (int, float)
    try:
        return _Cursor.decode(cursor, like), ""
    except (ValueError, TypeError, RecursionError):
        return None, STALE_CURSOR


def _ordered(
    rows: "QuerySet[CatalogSession]", column: str, descending: bool, *, nulls_last: bool
) -> "QuerySet[CatalogSession]":
    if column in ("updated_at", "created_at", "run_count", "tool_call_count", "tool_error_count", "title"):
        sign = "-" if descending else ""  # never null: the plain order is the index's
        return rows.order_by(f"{sign}{column}", f"{sign}id")
    nulls: dict[str, bool] = {"nulls_last": True} if nulls_last else {"nulls_first": True}
    key, pk = F(column), F("id")
    return rows.order_by(key.desc(**nulls) if descending else key.asc(**nulls), pk.desc() if descending else pk.asc())


def _behind(
    rows: "QuerySet[CatalogSession]", column: str, start: _Cursor, descending: bool, *, nulls_last: bool
) -> "QuerySet[CatalogSession]":
    way = "lt" if descending else "gt"
    behind_pk = Q(**{f"id__{way}": start.pk})
    if start.value is None:
        tail = Q(**{column: None}) & behind_pk
        return rows.filter(tail if nulls_last else tail | Q(**{f"{column}__isnull": False}))
    behind = Q(**{f"{column}__{way}": start.value}) | (Q(**{column: start.value}) & behind_pk)
    if not rows.model._meta.get_field(column).null:
        # Says nothing new, but lets SQLite enter its index at the value instead of walking up to it.
        return rows.filter(behind, **{f"{column}__{way}e": start.value})
    return rows.filter(behind | Q(**{f"{column}__isnull": True}) if nulls_last else behind)
