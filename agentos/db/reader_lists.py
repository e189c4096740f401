"""Runs that are elements of the list in the session's row (Agno 2).

A list of 20 MB is not held in memory for the sake of one window: PostgreSQL cuts it up itself, a SQLite file is walked
through. What cannot be cut up (a truncated text, a NUL in jsonb) is read whole and left to the tolerant decoder.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from django.db import DatabaseError, DataError

from agentos.db.connections import connection_for, table_name
from agentos.db.errors import faults_of
from agentos.db.models import BadJSON, decode
from agentos.db.reader_scan import NotAList, elements
from agentos.db.source import Source
from agentos.db.stored import RunStub, as_integer, as_run, as_text
from agentos.records import Run, dumps, loads

# {json} is json or jsonb, whichever the column is: functions of the other would first convert the whole list.
_POSTGRESQL: Final = """
    SELECT {what} FROM {table} AS session, {json}_array_elements(
        CASE {json}_typeof(session.runs) WHEN 'array' THEN session.runs ELSE '[]' END
    ) WITH ORDINALITY AS element(value, number)
    WHERE session.session_id = %s {wanted} ORDER BY element.number"""
_POSTGRESQL_OUTLINE: Final = """
    element.number - 1, {size}, {digest}, {json}_typeof(element.value) = 'object', CASE {json}_typeof(element.value)
        WHEN 'object' THEN {json}_build_array(
            (element.value -> 'agent_id') IS NOT NULL, (element.value -> 'team_id') IS NOT NULL,
            element.value -> 'run_id', element.value -> 'parent_run_id',
            element.value -> 'status', element.value -> 'created_at', element.value -> 'user_id')::text END"""
# The list is taken out of its row once (OFFSET keeps it apart), where every function by itself would unpack it anew.
_POSTGRESQL_LAST: Final = """
    SELECT element.value::text FROM (
        SELECT runs #> '{}' AS list FROM {table} WHERE session_id = %s OFFSET 0
    ) AS session, jsonb_array_elements(
        CASE jsonb_typeof(list) WHEN 'array' THEN jsonb_path_query_array(list, %s::jsonpath) ELSE '[]' END
    ) WITH ORDINALITY AS element(value, number) ORDER BY element.number DESC"""
_POSTGRESQL_SIZE: Final = {"json": "length(element.value::text)", "jsonb": "pg_column_size(element.value)"}
# The price of a digest is that each element is made text.
_DIGEST: Final = {False: "''", True: "md5(element.value::text)"}
_POSTGRESQL_VALUE: Final = "element.number - 1, element.value::text"

# No list is as long; a larger number would be more than a database's integer.
_LONGEST: Final = 2**31 - 1

_Taken = TypeVar("_Taken")


def outline(source: Source, type_: str, session_id: str, *, digests: bool = False) -> list[RunStub]:
    """Return a stub of each element, with a digest of it if `digests`. `type_`: of the `runs` column."""
    if source.vendor == "sqlite":
        found = _scan(source, session_id, lambda position, value, text: _stub_of(position, value, text, digests))
        if found is not None:
            return found
    elif rows := _cut_up(source, type_, session_id, _POSTGRESQL_OUTLINE.replace("{digest}", _DIGEST[digests])):
        return [_stub(*row) for row in rows]
    return [_stub_of(position, value, digests=digests) for position, value in enumerate(whole(source, session_id))]


def from_end(source: Source, type_: str, session_id: str, limit: int) -> Iterator[Any] | None:
    """Yield the last `limit` elements, the last one first, each decoded when it is asked for.

    Returns None where the database cannot find them without a walk through the list, or has none.
    """
    if source.vendor == "sqlite" or type_ != "jsonb":
        return None
    sql = _POSTGRESQL_LAST.replace("{table}", table_name(source, source.session_table))
    with faults_of(source), connection_for(source).cursor() as cursor:
        try:
            cursor.execute(sql, [session_id, f"$[last - {limit - 1} to last]"])
            rows = cursor.fetchall()
        except DataError:  # it refuses what is stored
            return None
    return (_decoded(text) for (text,) in rows) if rows else None


def slices(source: Source, type_: str, session_id: str, positions: Sequence[int]) -> dict[int, Any]:
    """Return the decoded elements at those positions; a position that is not there is left out."""
    wanted = {position for position in positions if 0 <= position < _LONGEST}
    if not wanted:
        return {}
    if source.vendor == "sqlite":
        last = max(wanted)
        pairs = _scan(source, session_id, lambda at, value, _: (at, value) if at in wanted else None, last)
        if pairs is not None:
            return dict(pairs)
    elif rows := _cut_up(source, type_, session_id, _POSTGRESQL_VALUE, sorted(wanted)):
        return {position: _decoded(text) for position, text in rows}
    values = whole(source, session_id)
    return {position: values[position] for position in wanted if position < len(values)}


def whole(source: Source, session_id: str) -> list[Any]:
    """Return all elements, decoded here. What is no list and not null is one element: BadJSON, with its text."""
    text_of = "runs" if source.vendor == "sqlite" else "runs::text"
    sql = f"SELECT {text_of} FROM {table_name(source, source.session_table)} WHERE session_id = %s"
    with faults_of(source), connection_for(source).cursor() as cursor:
        cursor.execute(sql, [session_id])
        row = cursor.fetchone()
    value = decode(row[0]) if row else None
    if value is None:
        return []
    return value if isinstance(value, list) else [value if isinstance(value, BadJSON) else BadJSON(dumps(value))]


def _scan(
    source: Source, session_id: str, take: Callable[[int, Any, str], _Taken | None], last: int = _LONGEST
) -> list[_Taken] | None:
    """Walk through a SQLite list up to position `last`; None if it cannot be walked through."""
    sql = f"SELECT rowid FROM {table_name(source, source.session_table)} WHERE session_id = %s AND runs IS NOT NULL"
    taken: list[_Taken] = []
    with faults_of(source):
        connection = connection_for(source)
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, [session_id])
                if (row := cursor.fetchone()) is None:
                    return []
            with connection.connection.blobopen(source.session_table, "runs", row[0], readonly=True) as blob:
                for position, (value, text) in zip(range(last + 1), elements(blob), strict=False):
                    if (what := take(position, value, text)) is not None:
                        taken.append(what)
        except (NotAList, DatabaseError, sqlite3.Error):
            # No list, a view (which has no rowid), or written to meanwhile: reading it whole says which.
            return None
    return taken


def _cut_up(
    source: Source, type_: str, session_id: str, what: str, positions: Sequence[int] | None = None
) -> list[tuple[Any, ...]]:
    """Return rows about the elements of a PostgreSQL list, or none if PostgreSQL cannot cut up what is stored."""
    if type_ not in _POSTGRESQL_SIZE:
        return []
    wanted = "" if positions is None else "AND element.number = ANY(%s)"
    sql = _POSTGRESQL.replace("{what}", what).replace("{wanted}", wanted)
    sql = sql.replace("{size}", _POSTGRESQL_SIZE[type_]).replace("{json}", type_)
    sql = sql.replace("{table}", table_name(source, source.session_table))
    params: list[Any] = [] if positions is None else [[position + 1 for position in positions]]
    with faults_of(source), connection_for(source).cursor() as cursor:
        try:
            cursor.execute(sql, [session_id, *params])
            return list(cursor.fetchall())
        except DataError:  # it refuses what is stored, rather than to work
            return []


def _decoded(text: str) -> Any:
    """Decode one element once: a string that holds JSON is a string in the list, and no run."""
    return loads(f"[{text}]")[0]


def _stub(position: int, size: int | None, digest: str, is_object: Any, outline: str | None) -> RunStub:
    if not is_object or outline is None:
        return RunStub(position, None, "bad", None, None, None, None, size or 0, "list", digest)
    has_agent, has_team, run_id, parent, status, created_at, user_id = loads(outline)
    return RunStub(
        position=position,
        run_id=as_text(run_id),
        run_type="agent" if has_agent else "team" if has_team else "workflow",
        parent_run_id=as_text(parent),
        status=as_text(status),
        created_at=as_integer(created_at),
        updated_at=None,
        size=size or 0,
        place="list",
        digest=digest,
        user_id=as_text(user_id),
    )


def _stub_of(position: int, value: Any, text: str | None = None, digests: bool = False) -> RunStub:
    run = as_run(value)
    if text is None:
        text = value if isinstance(value, str) else dumps(value)
    digest = hashlib.md5(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest() if digests else ""
    if not isinstance(run, Run):
        return RunStub(position, None, "bad", None, None, None, None, len(text), "list", digest)
    return RunStub(
        position=position,
        run_id=run.run_id,
        run_type=run.kind,
        parent_run_id=run.parent_run_id,
        status=run.status,
        created_at=as_integer(run.raw.get("created_at")),
        updated_at=None,
        size=len(text),
        place="list",
        digest=digest,
        user_id=run.user_id,
    )
