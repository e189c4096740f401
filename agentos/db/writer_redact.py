"""Takes things out of one session, in every table of Agno's that has a copy: looked for, or done, by the same walk.

Every row is read under its lock and written only if something was in it, so what others write meanwhile is not lost.
Text that is no JSON is changed as text.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from agentos.db.connections import connection_for, table_name
from agentos.db.errors import SourceUnavailable, faults_of
from agentos.db.layout import columns_of, look
from agentos.db.source import Source
from agentos.records.encoding import strip_for_postgres
from agentos.records.redacting import KEPT, Redactor

# Tables of Agno's whose rows name the session they belong to; a source need not have any of them.
BESIDE: Final = {
    "agno_approvals": "approvals", "agno_tool_results": "tool results kept apart", "agno_compactions": "compactions",
    "agno_transcripts": "transcripts", "agno_traces": "traces", "agno_jobs": "jobs",
}  # fmt: skip
_FILES, _SPANS, _MEMORIES = "tool results kept apart", "traces", "memories of the session's user"
_TEXTUAL: Final = ("char", "text", "json", "clob")
_FREE_COLUMNS: Final = frozenset({"memory", "input", "feedback", "content", "preview", "summary", "archived_messages"})
# Says how long the text is.
_SIZE: Final = "size_bytes"
# How often all is looked through again because somebody rewrote a row meanwhile.
_TRIES: Final = 20


@dataclass(frozen=True)
class _Table:
    """A table to look through: rows where `where` holds, named `place`; `sets` is written beside whatever changes."""

    name: str
    columns: dict[str, str]
    where: str
    params: tuple[Any, ...]
    place: str = ""
    touch: bool = False


class Walk:
    """One pass over what a source holds of a session. `write` None only counts; else the unix seconds of the change."""

    def __init__(self, source: Source, connection: BaseDatabaseWrapper, redactor: Redactor, write: int | None) -> None:
        self._source = source
        self._connection = connection
        self._redactor = redactor
        self._write = write
        self._is_sqlite = source.vendor == "sqlite"
        self.changed_tables: set[str] = set()

    def through(self, session_id: str) -> None:
        """Look through everything; the session's row first, as every writer takes its locks in this order."""
        for table in self._tables(session_id):
            self._through_table(table)

    def _tables(self, session_id: str) -> Iterator[_Table]:
        seen = look(self._source)
        one = "session_id = %s", (session_id,)
        yield _Table(self._source.session_table, seen.columns, *one, touch=True)
        if seen.runs_table:
            yield _Table(seen.runs_table, seen.run_columns, *one, touch=True)
        for name, place in BESIDE.items():
            columns = columns_of(self._source, name)
            if "session_id" in columns:
                yield _Table(name, columns, *one, place)
        yield from self._found_through_others(session_id)

    def _found_through_others(self, session_id: str) -> Iterator[_Table]:
        of_traces = self._all("agno_traces", "trace_id", "session_id = %s", session_id)
        spans = columns_of(self._source, "agno_spans")
        if of_traces and spans:
            for trace_id in of_traces:
                yield _Table("agno_spans", spans, "trace_id = %s", trace_id, _SPANS)
        for place in self._all("agno_tool_results", "namespace, path", "session_id = %s", session_id):
            for name in ("agno_fs", "fs.agno_fs"):
                files = self._columns(name)
                if files:
                    yield _Table(name, files, "namespace = %s AND path = %s", place, _FILES)
        memories = columns_of(self._source, "agno_memories")
        users = self._all(self._source.session_table, "user_id", "session_id = %s", session_id)
        if "user_id" in memories and users and users[0][0] is not None and self._redactor.run_id is None:
            yield _Table("agno_memories", memories, "user_id = %s", users[0], _MEMORIES)

    def _all(self, table: str, columns: str, where: str, *params: Any) -> list[tuple[Any, ...]]:
        if not self._columns(table):
            return []
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT {columns} FROM {self._named(table)} WHERE {where}", params)
            return list(cursor.fetchall())

    def _columns(self, table: str) -> dict[str, str]:
        schema, _, name = table.rpartition(".")
        if not schema:
            return columns_of(self._source, table)
        if self._is_sqlite:
            return {}
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT column_name, data_type FROM information_schema.columns"
                " WHERE table_schema = %s AND table_name = %s",
                [schema, name],
            )
            return {column: str(type_).lower() for column, type_ in cursor.fetchall()}

    def _named(self, table: str) -> str:
        schema, _, name = table.rpartition(".")
        return f'"{schema}"."{name}"' if schema else table_name(self._source, table)

    # --- rows ---------------------------------------------------------------------------------------------------
    def _through_table(self, table: _Table) -> None:
        """Go through the rows of a table, one at a time: a run may be megabytes."""
        columns = [name for name, type_ in table.columns.items() if any(word in type_ for word in _TEXTUAL)]
        key = "rowid" if self._is_sqlite else "ctid"
        name = self._named(table.name)
        order = "ORDER BY run_id" if "run_data" in table.columns else ""
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT {key} FROM {name} WHERE {table.where} {order}", table.params)
            keys = [row[0] for row in cursor.fetchall()]
        for place in keys:
            self._through_row(table, name, f"{key} = %s" if self._is_sqlite else "ctid = %s::tid", place, columns)

    def _through_row(self, table: _Table, name: str, where: str, key: Any, columns: Sequence[str]) -> None:
        asked = ", ".join(f'"{column}"' if self._is_sqlite else f'"{column}"::text' for column in columns)
        lock = "" if self._is_sqlite or self._write is None else "FOR UPDATE"
        with self._connection.cursor() as cursor:
            cursor.execute(f"SELECT {asked} FROM {name} WHERE {where} AND {table.where} {lock}", [key, *table.params])
            row = cursor.fetchone()
        if row is None:
            raise _Moved
        changed: dict[str, str] = {}
        for column, stored in zip(columns, row, strict=True):
            text = _as_text(stored)
            if text is not None and (found := self._in_column(table, column, text)) != text:
                changed[column] = found
        if changed:
            self.changed_tables.add(name)
        if changed and self._write is not None:
            self._put(table, name, where, key, changed)

    def _in_column(self, table: _Table, column: str, text: str) -> str:
        """Return what a column holds afterwards."""
        before = self._redactor.taken.copy()
        is_json = "json" in table.columns[column] or text[:1] in ("{", "[", '"')
        if column in KEPT and "json" not in table.columns[column]:
            found, number = text, self._redactor.needles.replaced(text)[1]
            self._redactor.kept += bool(number)
        elif is_json:
            found = within_json(self._redactor, column, text)
        else:
            found = self._redactor.said(text, table.place or "other fields")
        if table.place:
            number = sum((self._redactor.taken - before).values())
            self._redactor.taken = before
            if number:
                self._redactor.taken[table.place] += number
        return found

    def _storable(self, text: str) -> str:
        """Return JSON as the database takes it: PostgreSQL has no NaN and no infinity."""
        if self._is_sqlite or not ("NaN" in text or "Infinity" in text):
            return text
        return json.dumps(strip_for_postgres(json.loads(text)))

    def _put(self, table: _Table, name: str, where: str, key: Any, changed: dict[str, str]) -> None:
        types = dict.fromkeys(changed, "") if self._is_sqlite else {one: f"::{table.columns[one]}" for one in changed}
        sets = [f'"{column}" = %s{type_}' for column, type_ in types.items()]
        params: list[Any] = [
            self._storable(text) if "json" in table.columns[column] else text for column, text in changed.items()
        ]
        if table.touch and "updated_at" in table.columns:
            sets.append("updated_at = %s")
            params.append(self._write)
        if _SIZE in table.columns:
            sets.append(f'"{_SIZE}" = %s')
            params.append(len(changed.get("content", "").encode()))
        with self._connection.cursor() as cursor:
            cursor.execute(f"UPDATE {name} SET {', '.join(sets)} WHERE {where}", [*params, key])


class _Moved(Exception):
    """A row was rewritten by somebody else between being found and being locked: look again."""


def survey(source: Source, session_id: str, redactor: Redactor) -> Redactor:
    """Count what `Writer.redact` would take out now, and change nothing; return the redactor, which has counted.

    Raises:
        SourceUnavailable: the source cannot be read.
    """
    with faults_of(source):
        connection = connection_for(source)
        found, _ = look_through(source, connection, session_id, redactor, None)
    return found


@contextmanager
def overwriting(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Have SQLite write zeros over what is deleted or replaced in the block. PostgreSQL leaves that to a vacuum."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA secure_delete")
        was = cursor.fetchone()[0]
        cursor.execute("PRAGMA secure_delete = ON")
        try:
            yield
        finally:
            cursor.execute(f"PRAGMA secure_delete = {int(was)}")


def look_through(
    source: Source, connection: BaseDatabaseWrapper, session_id: str, redactor: Redactor, write: int | None
) -> tuple[Redactor, set[str]]:
    """Go through all that the source holds of a session; return what counted, and the names of the tables concerned.

    On PostgreSQL a row that somebody rewrote meanwhile is somewhere else: then all is looked through again, in which
    what is done already has nothing left in it.
    """
    done: Counter[str] = Counter()
    tables: set[str] = set()
    for _ in range(_TRIES):
        walk = Walk(source, connection, redactor, write)
        try:
            with faults_of(source):
                walk.through(session_id)
        except _Moved:
            done, tables = (done + redactor.taken if write is not None else done), tables | walk.changed_tables
            redactor = redactor.fresh()
            continue
        redactor.taken += done
        return redactor, tables | walk.changed_tables
    raise SourceUnavailable(f"Others keep writing to this session in {source.place}; try again in a moment.")


def within_json(redactor: Redactor, column: str, text: str) -> str:
    """Return the text of a JSON column without what is to be taken out, encoded as it was; unchanged if nothing was."""
    decoded = _decoded(text)
    if decoded is None:
        return redactor.said(text, "unreadable text")
    value, layers = decoded
    before = sum(redactor.taken.values())
    try:
        found = _of_column(redactor, column)(value)
    except RecursionError:
        return redactor.said(text, "unreadable text")
    if sum(redactor.taken.values()) == before:
        return text
    changed = json.dumps(found)
    for _ in range(layers - 1):
        changed = json.dumps(changed)
    return changed


def _of_column(redactor: Redactor, column: str) -> Callable[[Any], Any]:
    if column == "run_data":
        return redactor.run
    if column == "runs":
        return lambda value: [redactor.run(one) for one in value] if isinstance(value, list) else redactor.free(value)
    return lambda value: _in_parts(redactor, column, value)


def _in_parts(redactor: Redactor, column: str, value: Any) -> Any:
    """Go through session_data key by key, so that what is counted is named by what it is."""
    if column == "session_data" and isinstance(value, dict):
        return {key: redactor.field(key, item) for key, item in value.items()}
    if column in _FREE_COLUMNS and not isinstance(value, dict):
        return redactor.free(value)
    return redactor.field(column, value)


def _decoded(text: str) -> tuple[Any, int] | None:
    """Return the value of JSON text and how often it was encoded; None if it is not JSON, or could not go back."""
    value: Any = text
    layers = 0
    try:
        while isinstance(value, str) and (layers == 0 or value[:1] in ("{", "[", '"') or value == "null"):
            value = json.loads(value)
            layers += 1
    except (ValueError, RecursionError):
        return None if layers == 0 else (value, layers)
    return value, layers


def _as_text(stored: Any) -> str | None:
    if stored is None or isinstance(stored, str):
        return stored
    return stored.decode("utf-8", "replace") if isinstance(stored, bytes) else None
