"""Putting back runs that another writer has overwritten: Agno 2 saves all runs of a session as it had read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentos.db.writer_metrics import member_ids
from agentos.db.writer_rules import check_same_user, count
from agentos.db.writer_runs import find_run, put, stored_ids
from agentos.db.writer_store import Locked, RunRow, Store
from agentos.records import Run, RunStatus


@dataclass(frozen=True)
class Lost:
    """A run as it was stored. `after`: ids of runs that stood before it in the session, the nearest first."""

    run: Run
    after: tuple[str, ...] = ()


def put_back(store: Store, session: Locked, lost: Sequence[tuple[RunRow, Lost]], now: int) -> list[str]:
    """Put runs where they stood, and what they spent into the session's totals; return the ids of those that were lost.

    A run that is there as it was kept, or went on since, is left alone.

    Raises:
        SessionOwnedByOther: the session is another user's by now.
        Malformed: the list cannot be changed without damaging it.
    """
    for row, _ in lost:
        check_same_user(session.user_id, session.user_id, row.raw.get("user_id") or session.user_id)
    there = store.list_ids(session.session_id) if store.tables.has_list else []
    rows = store.stored_rows([row.run_id for row, _ in lost]) if store.tables.has_rows else set()
    missing = [(row, one) for row, one in lost if row.run_id not in rows and row.run_id not in there]
    again = {row.run_id for row, _ in missing}
    done = [row.run_id for row, _ in lost if row.run_id in again or _set_right(store, session, row, now)]
    for row, _ in missing:
        count(session.session_data, row.raw, stored_ids(store, session.session_id, member_ids(row.raw)))
    if store.tables.has_rows:
        for row, _ in missing:
            put(store, session, row, None, now)
    if missing:
        listed = ("", []) if store.tables.has_rows else store.insert_sql(session.session_id, _slots(there, missing))
        store.save(session, now, *listed)
    return done


def _set_right(store: Store, session: Locked, row: RunRow, now: int) -> bool:
    """Put a run over the earlier state of it that is stored; return whether there was one."""
    place = find_run(store, session.session_id, row.run_id)
    if not is_reverted(place.raw, row.raw):
        return False
    stored = stored_ids(store, session.session_id, [*member_ids(row.raw), *member_ids(place.raw)])
    count(session.session_data, place.raw, stored, sign=-1)
    count(session.session_data, row.raw, stored)
    store.save(session, now, *put(store, session, row, place, now))
    return True


def _slots(there: Sequence[str | None], missing: Sequence[tuple[RunRow, Lost]]) -> list[tuple[int, RunRow]]:
    """Return before which element of the list each run comes: behind the nearest run before it that is there."""
    slots = {run_id: at + 1 for at, run_id in enumerate(there)}
    found = []
    for row, one in missing:
        slots[row.run_id] = next((slots[run_id] for run_id in one.after if run_id in slots), len(there))
        found.append((slots[row.run_id], row))
    return found


def is_reverted(stored: dict[str, Any], kept: dict[str, Any]) -> bool:
    """Whether a stored run is an earlier state of what was kept: it waits again, or counts again as an answer."""
    if stored.get("status") != RunStatus.paused:
        return may_be_reverted(stored.get("status"), kept.get("status"))
    # Where it went on since it was kept, and paused once more, it has grown.
    before, after = len(stored.get("messages") or ()), len(kept.get("messages") or ())
    return before < after if kept.get("status") == RunStatus.paused else before <= after


def may_be_reverted(stored: str | None, kept: str | None) -> bool:
    """Whether the statuses of a run leave it open, or say, that an earlier state of it is stored."""
    return stored == RunStatus.paused or (kept == RunStatus.regenerated != stored)
