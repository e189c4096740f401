"""One run inside a write: where it is stored, and putting it there, in whichever layout the source has."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentos.db.changes import SessionChange
from agentos.db.faults import SourceUnavailable
from agentos.db.writer_errors import AlreadyStored, RunNotFound
from agentos.db.writer_json import decode_object
from agentos.db.writer_metrics import member_ids
from agentos.db.writer_rules import change_data, check_same_user, check_still_paused, count, filled_in
from agentos.db.writer_store import Locked, RunRow, Store


@dataclass(frozen=True)
class Place:
    """Where a stored run is: in a row, or at a position of the list."""

    raw: dict[str, Any]
    in_rows: bool
    position: int


def find_run(store: Store, session_id: str, run_id: str) -> Place:
    """Find a stored run; in a migrated source its row wins over its copy in the list.

    Raises:
        RunNotFound: it is in neither.
    """
    if store.tables.has_rows and (text := store.row_json(session_id, run_id)) is not None:
        return Place(decode_object(text)[0], in_rows=True, position=0)
    position = store.list_position(session_id, run_id) if store.tables.has_list else None
    if position is None:
        raise RunNotFound(run_id)
    return Place(decode_object(store.list_item(session_id, position))[0], in_rows=False, position=position)


def stored_ids(store: Store, session_id: str, run_ids: Sequence[str]) -> frozenset[str]:
    """Return which of these runs have an entry of their own."""
    found = store.stored_rows(list(run_ids)) if store.tables.has_rows else set()
    if store.tables.has_list:
        found |= {run_id for run_id in run_ids if store.list_position(session_id, run_id) is not None}
    return frozenset(found)


def put(
    store: Store, session: Locked, row: RunRow, place: Place | None, now: int, run_index: int | None = None
) -> tuple[str, list[Any]]:
    """Put a run in its place, or without one behind all runs; a list is not written yet.

    Returns the SQL `runs = …,` and its parameters for `Store.save`, "" where runs have rows. `run_index`: where the
    row of a new run comes.

    Raises:
        Malformed: the list cannot be changed without damaging it.
    """
    session_id = session.session_id
    if place and place.in_rows:
        store.update_row(row, now)
        return "", []
    if store.tables.has_rows:  # Agno 3 moves a run out of the old list when it saves it again
        index = place.position if place else store.next_index(session_id) if run_index is None else run_index
        store.insert_row(session, row, index, now)
        return "", []
    if not store.tables.has_list:
        raise SourceUnavailable("This database has no table for runs yet; Agno makes it with its first run.")
    return store.replace_sql(session_id, place.position, row) if place else store.append_sql(session_id, row)


def place_of(store: Store, session_id: str, run_id: str) -> Place:
    """Find a run that is stored in some session.

    Raises:
        AlreadyStored: in another one than this.
    """
    try:
        return find_run(store, session_id, run_id)
    except RunNotFound as error:
        raise AlreadyStored(f"The run {run_id!r} is stored in another session.") from error


def apply(store: Store, session: Locked, change: SessionChange, rows: Sequence[RunRow], summary: Any, now: int) -> None:
    """Do to a locked session what `change` says; `rows` are its runs and `summary` its summary, both checked.

    Raises:
        SessionOwnedByOther: the session is not exactly the change's user's, or a run is another's.
        AlreadyStored, Malformed: as `put`.
        ContinuedMeanwhile: a run that has to be paused is not.
    """
    check_same_user(session.user_id, change.session.user_id, session.user_id)
    for row in rows:
        check_same_user(session.user_id, session.user_id, row.raw.get("user_id") or session.user_id)
    listed = _put_counted(store, session, rows, now, change.continued)
    change_data(session.session_data, session.kind, change)
    columns = {} if summary is None else {"summary": summary}
    if change.metadata:
        metadata = filled_in(decode_object(session.metadata, "metadata")[0], change.metadata)
        columns |= {} if metadata is None else {"metadata": metadata}
    if rows or columns or change.state is not None or change.name is not None:
        store.save(session, now, *listed, columns=columns)


def _put_counted(
    store: Store, session: Locked, rows: Sequence[RunRow], now: int, continued: frozenset[str]
) -> tuple[str, list[Any]]:
    """Put runs in their places and follow with the session's totals.

    Returns what `put` returned for the last one: a list is rewritten as a whole, so that is left to the session's own
    update.
    """
    asked = [id_ for row in rows for id_ in (row.run_id, *member_ids(row.raw))]
    known = set(stored_ids(store, session.session_id, asked)) if asked else set()
    added: set[str] = set()  # what was embedded before it got an entry of its own here was counted with its leader
    listed: tuple[str, list[Any]] = ("", [])
    for row in rows:
        if listed[0]:
            store.save(session, now, *listed)
        embedded = frozenset(known.intersection(member_ids(row.raw)))
        place = place_of(store, session.session_id, row.run_id) if row.run_id in known else None
        if place:
            check_still_paused(row.run_id, place.raw, continued)
            before = stored_ids(store, session.session_id, member_ids(place.raw))
            count(session.session_data, place.raw, before - added, sign=-1)
        else:
            added.add(row.run_id)
        count(session.session_data, row.raw, embedded)
        listed = put(store, session, row, place, now)
        known.add(row.run_id)
    return listed
