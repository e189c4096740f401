"""Storing and removing sessions as a whole, as Agno's own API for databases does."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from agentos.db import reader_find, reader_lists, reader_rows
from agentos.db.source import Source
from agentos.db.writer_json import Json, clean
from agentos.db.writer_rules import as_stored, clean_run
from agentos.db.writer_runs import place_of, put, stored_ids
from agentos.db.writer_store import Locked, RunRow, Store

_AT_ONCE: Final = 50


def upsert(store: Store, values: Sequence[dict[str, Any]], now: int, *, keep_updated_at: bool) -> set[str]:
    """Insert or replace session rows of different ids, but none of another user; return the ids of those stored.

    A row that is there keeps its type, `created_at` and what belongs to components of other types.
    """
    stored: set[str] = set()
    for kind, some in groupby(sorted(values, key=_kind_and_id), key=lambda row: row["session_type"]):
        of_kind = list(some)
        for start in range(0, len(of_kind), _AT_ONCE):
            stored |= _upsert(store, kind, of_kind[start : start + _AT_ONCE], now, keep_updated_at)
    return stored


def _kind_and_id(row: dict[str, Any]) -> tuple[str, str]:
    return row["session_type"], row["session_id"]


def _upsert(store: Store, kind: str, rows: list[dict[str, Any]], now: int, keep_updated_at: bool) -> set[str]:
    encoded = [store.encoded_session(row) for row in rows]
    replaced = (f"{kind}_id", f"{kind}_data", "user_id", "session_data", "metadata", "summary")
    sets = ", ".join(f"{column} = excluded.{column}" for column in replaced)
    marks = ", ".join(["%s"] * len(encoded[0]))
    sql = f"""INSERT INTO {store.tables.sessions} AS stored ({", ".join(encoded[0])})
        VALUES {", ".join([f"({marks})"] * len(rows))}
        ON CONFLICT (session_id) DO UPDATE SET {sets},
            updated_at = {"excluded.updated_at" if keep_updated_at else int(now)}
        WHERE stored.user_id IS NULL OR stored.user_id = excluded.user_id RETURNING session_id"""
    return {row[0] for row in store.run(sql, *(value for row in encoded for value in row.values()))}


def put_runs(store: Store, source: Source, session: Locked, runs: Iterable[dict[str, Any]], now: int) -> None:
    """Append the runs that are not stored yet and replace those that are stored otherwise; totals stay.

    Raises:
        InvalidRun: Agno could not load the session with one of them.
        AlreadyStored: one is stored in another session.
        Malformed: the list of runs cannot be changed without damaging it.
    """
    complete = [clean(as_stored(run, session.session_id, now), source.vendor) for run in runs]
    ids = [run["run_id"] for run in complete if isinstance(run.get("run_id"), str)]
    known = _stored(store, source, session.session_id, ids)
    for raw in complete:
        if raw != known.get(raw.get("run_id")):
            sql, params = _put(store, source, session, raw, now, None)
            if sql:
                store.save(session, None, sql, params)


def put_one(
    store: Store, source: Source, session: Locked, raw: dict[str, Any], now: int, run_index: int | None
) -> None:
    """Put one run in its place, else at `run_index`, else at the end, and say that the session changed."""
    store.save(session, now, *_put(store, source, session, raw, now, run_index))


def _put(
    store: Store, source: Source, session: Locked, raw: dict[str, Any], now: int, run_index: int | None
) -> tuple[str, list[Any]]:
    raw, text = clean_run(raw, session.session_id, source.vendor, as_history=False)
    is_stored = bool(stored_ids(store, session.session_id, [raw["run_id"]]))
    place = place_of(store, session.session_id, raw["run_id"]) if is_stored else None
    return put(store, session, RunRow(raw["run_id"], text, raw), place, now, run_index)


def remove_runs(store: Store, source: Source, ids: Sequence[str], now: int) -> int:
    """Remove runs from the rows and from the lists, where they would come back from; return how many went."""
    gone: set[str] = set()
    for start in range(0, len(ids) if store.tables.has_rows else 0, _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        sql = f"DELETE FROM {store.tables.runs} WHERE run_id IN ({', '.join(['%s'] * len(some))}) RETURNING run_id"
        gone |= {row[0] for row in store.run(sql, *some)}
    for run_id in ids if store.tables.has_list else ():
        for session_id in reader_find.holders(source, run_id):
            gone |= _take_from_list(store, source, session_id, run_id, now)
    return len(gone)


def _take_from_list(store: Store, source: Source, session_id: str, run_id: str, now: int) -> set[str]:
    session = store.lock(session_id)
    runs = reader_lists.whole(source, session_id)
    kept = [run for run in runs if not (isinstance(run, dict) and run.get("run_id") == run_id)]
    if session is None or len(kept) == len(runs):
        return set()
    store.save(session, now, "runs = %s,", [store.encoded(Json(kept))])
    return {run_id}


def _stored(store: Store, source: Source, session_id: str, ids: list[str]) -> dict[Any, Any]:
    """Return the runs among these that the session has, as they are stored."""
    found: dict[Any, Any] = {}
    if store.tables.has_list:
        runs = reader_lists.whole(source, session_id)
        found = {run.get("run_id"): run for run in runs if isinstance(run, dict)}
    return found | (reader_rows.read(source, session_id, ids) if store.tables.has_rows else {})
