"""Runs that are elements of the list in the session's row (Agno 2).

The database cuts the list up, so that a list of 20 MB is neither sent nor parsed here for the sake of one run. What the
database refuses as JSON (NaN, a truncated text, a NUL in jsonb) is read whole and parsed by our own tolerant decoder.
"""

from collections.abc import Sequence
from typing import Any, Final

from django.db import DatabaseError, DataError, OperationalError

from agentos.db.connections import connection_for, table_name
from agentos.db.errors import faults_of
from agentos.db.models import BadJSON, decode
from agentos.db.sources import Source
from agentos.db.stored import RunStub, as_integer, as_run, as_text
from agentos.records import Run, dumps, loads

# The list, out of the string that Agno 2 wraps it in on SQLite. Anything else than a list yields no rows here.
_SQLITE: Final = """
    WITH doc AS MATERIALIZED (
        SELECT CASE substr(runs, 1, 1) WHEN '"' THEN json_extract(runs, '$') ELSE runs END AS list
        FROM {table} WHERE session_id = %s)
    SELECT {what} FROM doc, json_each(doc.list) AS element WHERE substr(doc.list, 1, 1) = '[' {wanted}
    ORDER BY element.key"""
_SQLITE_OUTLINE: Final = """
    element.key, length(element.value), element.type = 'object', CASE element.type WHEN 'object' THEN json_array(
        json_type(element.value, '$.agent_id') IS NOT NULL, json_type(element.value, '$.team_id') IS NOT NULL,
        json_extract(element.value, '$.run_id'), json_extract(element.value, '$.parent_run_id'),
        json_extract(element.value, '$.status'), json_extract(element.value, '$.created_at')) END"""
_SQLITE_VALUE: Final = """
    element.key, CASE WHEN element.type IN ('object', 'array') THEN element.value
                      WHEN element.type IN ('true', 'false') THEN element.type
                      ELSE json_quote(element.value) END"""
# {json} is json or jsonb, whichever the column is: functions of the other would first convert the whole list.
_POSTGRESQL: Final = """
    SELECT {what} FROM {table} AS session, {json}_array_elements(
        CASE {json}_typeof(session.runs) WHEN 'array' THEN session.runs ELSE '[]' END
    ) WITH ORDINALITY AS element(value, number)
    WHERE session.session_id = %s {wanted} ORDER BY element.number"""
_POSTGRESQL_OUTLINE: Final = """
    element.number - 1, {size}, {json}_typeof(element.value) = 'object', CASE {json}_typeof(element.value)
        WHEN 'object' THEN {json}_build_array(
            (element.value -> 'agent_id') IS NOT NULL, (element.value -> 'team_id') IS NOT NULL,
            element.value -> 'run_id', element.value -> 'parent_run_id',
            element.value -> 'status', element.value -> 'created_at')::text END"""
_POSTGRESQL_SIZE: Final = {"json": "length(element.value::text)", "jsonb": "pg_column_size(element.value)"}
_POSTGRESQL_VALUE: Final = "element.number - 1, element.value::text"

_SQLITE_REFUSALS: Final = ("malformed JSON", "JSON cannot hold BLOB", "string or blob too big")
# No list is as long; a larger number would be more than a database's integer.
_LONGEST: Final = 2**31 - 1


def outline(source: Source, type_: str, session_id: str) -> list[RunStub]:
    """Return a stub of each element. `type_`: of the `runs` column."""
    what = _SQLITE_OUTLINE if source.vendor == "sqlite" else _POSTGRESQL_OUTLINE
    rows = _elements(source, type_, session_id, what)
    if rows:
        return [_stub(*row) for row in rows]
    return [_stub_of(position, value) for position, value in enumerate(whole(source, session_id))]


def slices(source: Source, type_: str, session_id: str, positions: Sequence[int]) -> dict[int, Any]:
    """Return the decoded elements at those positions; a position that is not there is left out."""
    positions = [position for position in positions if 0 <= position < _LONGEST]
    if not positions:
        return {}
    what = _SQLITE_VALUE if source.vendor == "sqlite" else _POSTGRESQL_VALUE
    rows = _elements(source, type_, session_id, what, positions)
    if rows:
        return {position: _decoded(text) for position, text in rows}
    values = whole(source, session_id)
    return {position: values[position] for position in positions if position < len(values)}


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


def _elements(
    source: Source, type_: str, session_id: str, what: str, positions: Sequence[int] | None = None
) -> list[tuple[Any, ...]]:
    """Return rows about the elements, or none if the database cannot cut up what is stored."""
    if source.vendor == "postgresql" and type_ not in ("json", "jsonb"):
        return []
    sql, params = _sqlite(what, positions) if source.vendor == "sqlite" else _postgresql(type_, what, positions)
    with faults_of(source), connection_for(source).cursor() as cursor:
        try:
            cursor.execute(sql.replace("{table}", table_name(source, source.session_table)), [session_id, *params])
            return list(cursor.fetchall())
        except DatabaseError as error:
            if _is_about_the_content(error):
                return []
            raise


def _sqlite(what: str, positions: Sequence[int] | None) -> tuple[str, list[Any]]:
    wanted = "" if positions is None else f"AND element.key IN ({', '.join(['%s'] * len(positions))})"
    return _SQLITE.replace("{what}", what).replace("{wanted}", wanted), list(positions or ())


def _postgresql(type_: str, what: str, positions: Sequence[int] | None) -> tuple[str, list[Any]]:
    wanted = "" if positions is None else "AND element.number = ANY(%s)"
    sql = _POSTGRESQL.replace("{what}", what).replace("{wanted}", wanted)
    sql = sql.replace("{size}", _POSTGRESQL_SIZE[type_]).replace("{json}", type_)
    return sql, [] if positions is None else [[position + 1 for position in positions]]


def _is_about_the_content(error: DatabaseError) -> bool:
    """Whether the database refuses what is stored, rather than to work."""
    if isinstance(error, OperationalError):
        return any(
            words in str(error) for words in ("malformed JSON", "JSON cannot hold BLOB", "string or blob too big")
        )
    return isinstance(error, DataError)


def _decoded(text: str) -> Any:
    """Decode one element once: a string that holds JSON is a string in the list, and no run."""
    return loads(f"[{text}]")[0]


def _stub(position: int, size: int | None, is_object: Any, outline: str | None) -> RunStub:
    if not is_object or outline is None:
        return RunStub(position, None, "bad", None, None, None, None, size or 0, "list")
    has_agent, has_team, run_id, parent, status, created_at = loads(outline)
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
    )


def _stub_of(position: int, value: Any) -> RunStub:
    run = as_run(value)
    size = len(value) if isinstance(value, str) else len(dumps(value))
    if not isinstance(run, Run):
        return RunStub(position, None, "bad", None, None, None, None, size, "list")
    return RunStub(
        position=position,
        run_id=run.run_id,
        run_type=run.kind,
        parent_run_id=run.parent_run_id,
        status=run.status,
        created_at=as_integer(run.raw.get("created_at")),
        updated_at=None,
        size=size,
        place="list",
    )
