"""Removing sessions for good, with all that Agno 3 itself removes with a session.

That is its runs, compactions, transcripts of outside agents, tool results held apart and their texts. Traces, approvals
and memories stay, as they do there.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper

from agentos.db import reader_lists, reader_rows
from agentos.db.connections import connection_for, table_name
from agentos.db.errors import faults_of
from agentos.db.source import Source
from agentos.db.stored import is_askable, merged
from agentos.db.writer_store import Store
from agentos.records import as_datetime

# Sessions of one statement, and rows that one statement deletes: a session may have a million.
AT_ONCE: Final = 50
_ROWS: Final = 5_000
# What is kept apart from a session: the column that names it.
_APART: Final = {
    "results": ("agno_tool_results", "session_id"),
    "compactions": ("agno_compactions", "session_id"),
    "transcripts": ("agno_transcripts", "agno_session_id"),
}


@dataclass(frozen=True)
class Removed:
    """What went with one session, as numbers of what was stored."""

    runs: int = 0
    results: int = 0
    compactions: int = 0
    transcripts: int = 0


def erase(
    store: Store, source: Source, ids: Sequence[str], user_id: str | None, made: Mapping[str, int] | None = None
) -> dict[str, Removed]:
    """Remove these sessions, of this user if one is given; return what went with each that was there.

    `made`: when each was created (unix seconds), if one of another time is another session and stays.
    """
    found: dict[str, Removed] = {}
    for start in range(0, len(ids), AT_ONCE):
        there = store.lock_sessions(ids[start : start + AT_ONCE], user_id)
        wanted = there if made is None else _same(store, there, made)
        if wanted:
            found |= _erase(store, source, wanted)
    return found


def apart(source: Source, ids: Sequence[str]) -> dict[str, Removed]:
    """Return what is kept apart from these sessions; `runs` is not counted here."""
    askable = [one for one in ids if is_askable(source.vendor, one)]
    counts: dict[str, Counter[str]] = {name: Counter() for name in _APART}
    with faults_of(source):
        connection = connection_for(source)
        for name, (table, column) in _APART.items():
            if askable and (quoted := _there(connection, source, table)):
                marks = ", ".join(["%s"] * len(askable))
                sql = f"SELECT {column}, count(*) FROM {quoted} WHERE {column} IN ({marks}) GROUP BY {column}"
                counts[name].update(dict(_rows(connection, sql, askable)))
    return {one: Removed(**{name: counts[name][one] for name in _APART}) for one in ids}


def _erase(store: Store, source: Source, ids: list[str]) -> dict[str, Removed]:
    runs = _runs_in_lists(store, source, ids) if store.tables.has_list else Counter[str]()
    if store.tables.has_rows:
        rows = _delete(store, store.tables.runs, "session_id", ids, key="run_id")
        runs = runs if store.tables.has_list else rows
    went = {name: _delete_apart(store, source, name, ids) for name in _APART}
    _delete(store, store.tables.sessions, "session_id", ids)
    return {one: Removed(runs[one], **{name: counts[one] for name, counts in went.items()}) for one in ids}


def _same(store: Store, ids: Sequence[str], made: Mapping[str, int]) -> list[str]:
    if not ids:
        return []
    sql = f"SELECT session_id, created_at FROM {store.tables.sessions} WHERE session_id IN ({_marks(ids)})"
    return sorted(one for one, at in store.run(sql, *ids) if _seconds(at) == made.get(one))


def _seconds(stored: object) -> int:
    moment = as_datetime(stored)
    return int(moment.timestamp()) if moment is not None else 0


def _runs_in_lists(store: Store, source: Source, ids: Iterable[str]) -> Counter[str]:
    """Count runs as they are read: those of the list and of the rows, each once."""
    counts: Counter[str] = Counter()
    for one in ids:
        listed = [(stub.run_id, 1) for stub in reader_lists.outline(source, store.tables.list_type, one)]
        rows = [(run_id, 1) for run_id in reader_rows.run_ids(source, one)] if store.tables.has_rows else []
        counts[one] = sum(merged(listed, rows))
    return counts


def _delete_apart(store: Store, source: Source, name: str, ids: list[str]) -> Counter[str]:
    table, column = _APART[name]
    quoted = _there(store.connection, source, table)
    if not quoted:
        return Counter()
    if name == "results":
        _delete_files(store, source, quoted, ids)
    return _delete(store, quoted, column, ids)


def _delete_files(store: Store, source: Source, results: str, ids: list[str]) -> None:
    """Delete the texts that tool results point to, by their exact places, before the places are gone."""
    places = store.run(f"SELECT namespace, path FROM {results} WHERE session_id IN ({_marks(ids)})", *ids)
    # On PostgreSQL Agno 3 keeps its files in a schema of their own.
    schemas = ["fs", source.schema] if source.vendor == "postgresql" else [""]
    for schema in schemas:
        if places and (files := _there(store.connection, source, "agno_fs", schema)):
            for start in range(0, len(places), AT_ONCE):
                some = places[start : start + AT_ONCE]
                either = " OR ".join(["(namespace = %s AND path = %s)"] * len(some))
                store.run(f"DELETE FROM {files} WHERE {either}", *(value for place in some for value in place))


def _delete(store: Store, table: str, column: str, ids: list[str], key: str = "") -> Counter[str]:
    """Delete the rows of sessions and count them by session; some at a time where they have a `key`."""
    among, went = f"{column} IN ({_marks(ids)})", Counter[str]()
    if key:
        among = f"{key} IN (SELECT {key} FROM {table} WHERE {among} LIMIT {_ROWS})"
    while rows := store.run(f"DELETE FROM {table} WHERE {among} RETURNING {column}", *ids):
        went.update(row[0] for row in rows)
        if not key or len(rows) < _ROWS:
            break
    return went


def _there(connection: BaseDatabaseWrapper, source: Source, table: str, schema: str = "") -> str:
    """Return the quoted name of a table that a source need not have, "" if it has not."""
    if source.vendor == "sqlite":
        rows = _rows(connection, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = %s", [table])
        return table_name(source, table) if rows else ""
    quoted = f'"{schema or source.schema}"."{table}"'
    return quoted if _rows(connection, "SELECT to_regclass(%s)", [quoted])[0][0] else ""


def _rows(connection: BaseDatabaseWrapper, sql: str, params: Sequence[str]) -> list[tuple[str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(params))
        return list(cursor.fetchall())


def _marks(ids: Sequence[str]) -> str:
    return ", ".join(["%s"] * len(ids))
