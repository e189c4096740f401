"""Writes many new rows of a model at once, several times as fast as `bulk_create`.

PostgreSQL copies them in, SQLite runs one prepared statement. Both are told the keys, which are taken from the same
sequence as everybody's, so the objects know theirs. What is stored is what saving each object would store.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

import orjson
from django.db import connection
from django.db.models import DateTimeField, JSONField, Model

from agentos.catalog.fields import IdField
from agentos.catalog.keys import escape
from agentos.records import dumps

# Keys and values of a statement that goes to PostgreSQL.
_KEYS: Final = {
    "postgresql": "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
    # Nobody else writes while a transaction of ours has begun; ids of deleted rows are not used again.
    "sqlite": "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = %s",
}
_Write = Callable[[Any], Any]


def insert(rows: Sequence[Model]) -> None:
    """Store new objects of one model, and give them their keys. In a transaction of the caller's.

    Raises:
        IntegrityError: one of them is stored already, as a unique constraint sees it.
    """
    if not rows:
        return
    columns = _columns(type(rows[0]))
    for key, row in zip(_keys(rows), rows, strict=True):
        row.pk = key
        row._state.adding, row._state.db = False, connection.alias
    values = ([getattr(row, name) if write is None else write(row) for _, name, write in columns] for row in rows)
    names = ", ".join(column for column, _, _ in columns)
    table = type(rows[0])._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            places = ", ".join(["%s"] * len(columns))
            # Names of a model's table and columns; the values are parameters.
            cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", list(values))  # noqa: S608  # a model's own names; the values are parameters
            return
        with connection.wrap_database_errors, cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row_values in values:
                copy.write_row(row_values)


def _keys(rows: Sequence[Model]) -> Sequence[int]:
    table = type(rows[0])._meta.db_table
    sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        cursor.execute(_KEYS[connection.vendor], [table] if sqlite else [table, len(rows)])
        found = [key for (key,) in cursor.fetchall()]
    return range(found[0] + 1, found[0] + 1 + len(rows)) if sqlite else found


@cache
def _columns(model: type[Model]) -> list[tuple[str, str, _Write | None]]:
    """Return column, attribute, and what is stored of an object where that is not the attribute itself."""
    fields = model._meta.concrete_fields
    return [(str(field.column), field.attname, _writer(field)) for field in fields]


def _writer(field: Any) -> _Write | None:
    name = field.attname
    if isinstance(field, JSONField):
        return lambda row: _json(getattr(row, name))
    if isinstance(field, IdField):
        return lambda row: None if getattr(row, name) is None else escape(getattr(row, name))
    if isinstance(field, DateTimeField):
        return lambda row: connection.ops.adapt_datetimefield_value(field.pre_save(row, add=True))
    return None


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # numbers of more than 64 bits
        return dumps(value)
