"""Stamps: has a session changed? Asked of thousands of sessions at once, so no payload is read."""

from collections.abc import Sequence
from typing import Any, Final

from agentos.db.connections import connection_for, table_name
from agentos.db.errors import faults_of
from agentos.db.layout import Tables
from agentos.db.source import Source
from agentos.db.stored import Stamp, as_integer

# What may change without `updated_at`: Agno's rename on PostgreSQL leaves it alone, and two saves may share a second.
_SQLITE_HASH: Final = (
    "content_hash(CAST(coalesce(user_id, '') || '|' || coalesce(session_data, '') || '|' || coalesce(summary, '')"
    " || '|' || coalesce(metadata, '') AS BLOB))"
)
_POSTGRESQL_HASH: Final = "hashtext(concat_ws('|', user_id, session_data::text, summary::text, metadata::text))"
_LIST_SIZE: Final = {"sqlite": "length(runs)", "postgresql": "pg_column_size(runs)"}
# Both are at hand without reading the run: PostgreSQL knows the stored size, SQLite would have to read the text.
_RUN_SIZE: Final = {"sqlite": "total(length(status))", "postgresql": "sum(pg_column_size(run_data))"}


def stamps(source: Source, tables: Tables, after: str | None, limit: int) -> list[Stamp]:
    """Return up to `limit` stamps in the database's order of session ids, from the first one behind `after`."""
    where, params = ("WHERE session_id > %s", [after]) if after is not None else ("", [])
    found = _stamps(source, tables, f"{where} ORDER BY session_id LIMIT %s", [*params, limit])
    # An id that is no UTF-8 reads as another that sorts before it; without this it would be found for ever.
    return [stamp for stamp in found if after is None or stamp.session_id != after]


def stamps_of(source: Source, tables: Tables, session_ids: Sequence[str]) -> list[Stamp]:
    """Return the stamps of these sessions, of those that are there."""
    return _stamps(source, tables, f"WHERE session_id IN ({', '.join(['%s'] * len(session_ids))})", list(session_ids))


def stamp(source: Source, tables: Tables, session_id: str) -> Stamp | None:
    """Return the stamp of one session."""
    found = _stamps(source, tables, "WHERE session_id = %s", [session_id])
    return found[0] if found else None


def version(source: Source, tables: Tables, session_id: str) -> str | None:
    """Return what tells one state of a session from any other: as much as can be had without reading runs."""
    table = table_name(source, source.session_table)
    state, last = f"{_SQLITE_HASH}, {'length(runs)' if tables.has_list else 0}", "run_id, run_index, status, updated_at"
    if source.vendor == "postgresql":  # which knows the transaction that wrote a row
        state, last = "xmin::text", "run_id, run_index, xmin::text"
    with faults_of(source), connection_for(source).cursor() as cursor:
        cursor.execute(f"SELECT updated_at, {state} FROM {table} WHERE session_id = %s", [session_id])
        parts = cursor.fetchone()
        if parts and tables.runs_table:
            # Both of the index on session_id and run_index; the session id in the order lets it be read backwards.
            runs = table_name(source, tables.runs_table)
            sql = f"""SELECT (SELECT count(*) FROM {runs} WHERE session_id = %s), {last}
                FROM {runs} WHERE session_id = %s ORDER BY session_id DESC, run_index DESC LIMIT 1"""
            cursor.execute(sql, [session_id, session_id])
            parts = (*parts, *(cursor.fetchone() or ()))
    return "|".join(map(str, parts)) if parts else None


def _stamps(source: Source, tables: Tables, where: str, params: list[Any]) -> list[Stamp]:
    hash_ = _SQLITE_HASH if source.vendor == "sqlite" else _POSTGRESQL_HASH
    size = _LIST_SIZE[source.vendor] if tables.has_list else "NULL"
    table = table_name(source, source.session_table)
    with faults_of(source), connection_for(source).cursor() as cursor:
        cursor.execute(f"SELECT session_id, created_at, updated_at, {hash_}, {size} FROM {table} {where}", params)
        sessions = {row[0]: row for row in cursor.fetchall() if isinstance(row[0], str)}
    runs = _runs(source, tables.runs_table, list(sessions)) if tables.runs_table else {}
    return [_stamp(row, runs.get(row[0]), tables) for row in sessions.values()]


def _runs(source: Source, runs_table: str, session_ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Return count, last update, last start and a size of the rows of each session that has any."""
    if not session_ids:
        return {}
    table, size = table_name(source, runs_table), _RUN_SIZE[source.vendor]
    among, params = f"IN ({', '.join(['%s'] * len(session_ids))})", list[Any](session_ids)
    if source.vendor == "postgresql":
        among, params = "= ANY(%s)", [params]
    sql = (
        f"SELECT session_id, count(*), max(updated_at), max(created_at), {size} FROM {table}"
        f" WHERE session_id {among} GROUP BY session_id"
    )
    with faults_of(source), connection_for(source).cursor() as cursor:
        cursor.execute(sql, params)
        return {session_id: tuple(rest) for session_id, *rest in cursor.fetchall()}


def _stamp(row: tuple[Any, ...], runs: tuple[Any, ...] | None, tables: Tables) -> Stamp:
    session_id, created_at, updated_at, hash_, size = row
    counted = runs[0] if runs else 0
    mark = "|".join(str(part) for part in (updated_at, hash_, size, *(runs or ())))
    hint = counted if tables.runs_table and not tables.has_list else None
    return Stamp(session_id, as_integer(created_at), as_integer(updated_at), hint, mark)
