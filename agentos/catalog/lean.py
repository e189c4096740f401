"""Rows of a list, made quickly."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import orjson
from django.db import models
from django.db.models.base import ModelState
from django.db.models.query import ModelIterable


class LeanRows(ModelIterable):  # type: ignore[type-arg]  # at run time it takes no parameters
    """Makes the objects of a queryset of one table without what Django does for each: in a third of the time.

    They are what Django would make of them: whole objects of the model, with what was not read deferred.
    """

    def __iter__(self) -> Iterator[Any]:
        """Yield the objects."""
        queryset = self.queryset
        compiler = queryset.query.get_compiler(using=queryset.db)
        found = compiler.execute_sql(chunked_fetch=self.chunked_fetch, chunk_size=self.chunk_size)
        columns = [column for column, _, _ in compiler.select or ()]
        names = [column.target.attname for column in columns]
        readers = [(at, _reader(column, compiler.connection)) for at, column in enumerate(columns)]
        readers = [(at, reader) for at, reader in readers if reader]
        for row in chain.from_iterable(found):
            made = queryset.model.__new__(queryset.model)
            made.__dict__.update(zip(names, row, strict=True))
            for at, reader in readers:
                made.__dict__[names[at]] = reader(row[at])
            made._state = ModelState()
            made._state.db, made._state.adding = queryset.db, False
            yield made


def _reader(column: Any, connection: Any) -> Any:
    """Return what makes a column's value of what the database returned, None where it is one already."""
    if isinstance(column.target, models.JSONField):
        return _json
    converters = [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]
    return _chain(converters, column, connection) if converters else None


def _json(stored: str | None) -> Any:
    return None if stored is None else orjson.loads(stored)


def _chain(converters: list[Any], column: Any, connection: Any) -> Any:
    def read(value: Any) -> Any:
        for converter in converters:
            value = converter(value, column, connection)
        return value

    return read
