"""Questions that every page asks: Django writes their SQL once, and from then on they are only asked.

Writing SQL and making objects takes Django five to ten times as long as the database needs for a row or two.
"""

from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any

from django.db import connection
from django.db.models import QuerySet


class Prepared:
    """A question whose answer depends on a few values: `make(*values)` returns its QuerySet of `values_list`.

    The SQL has to be the same whatever the values are, and they have to reach it as they are: numbers and texts,
    no lists, none that Django rewrites (such as a text to be found within another), none that is None.
    """

    def __init__(self, make: "Callable[..., QuerySet[Any, tuple[Any, ...]]]") -> None:
        self._make = make
        self._lock = Lock()
        self._written: tuple[str, list[tuple[bool, Any]], list[Any]] | None = None

    def rows(self, *values: int | str) -> list[tuple[Any, ...]]:
        """Ask; return the rows."""
        if self._written is None:
            with self._lock:
                self._written = self._written or self._write(values)
        sql, given, readers = self._written
        with connection.cursor() as cursor:
            cursor.execute(sql, [values[value] if is_place else value for is_place, value in given])
            found: list[tuple[Any, ...]] = cursor.fetchall()
        return [_read(row, readers) for row in found] if readers else found

    def _write(self, values: "Sequence[int | str]") -> tuple[str, list[tuple[bool, Any]], list[Any]]:
        """Return the SQL, for each of its values whether it is the place of one of ours, and how columns are read."""
        marks = [_mark(at, type(value)) for at, value in enumerate(values)]
        query = self._make(*marks).query
        compiler = query.get_compiler(connection=connection)
        sql, given = compiler.as_sql()
        places = [(True, marks.index(value)) if value in marks else (False, value) for value in given]
        if missing := set(range(len(marks))) - {place for is_place, place in places if is_place}:
            raise ValueError(f"Values {sorted(missing)} are not in {sql}")
        converters = compiler.get_converters([column for column, _, _ in compiler.select])
        return sql, places, list(converters.items())


def _mark(at: int, kind: type[int | str]) -> int | str:
    """Return a value that stands in for the value at a place while the SQL is written, and is not in it otherwise."""
    return 1_919_191_000 + at if kind is int else f"\ue000value {at}\ue000"


def _read(row: tuple[Any, ...], readers: list[Any]) -> tuple[Any, ...]:
    cells = list(row)
    for at, (converters, expression) in readers:
        for converter in converters:
            cells[at] = converter(cells[at], expression, connection)
    return tuple(cells)
