"""Sessions in the memory of this process, gone with it: for tests, and for agents that need to remember nothing."""

import json
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import count as numbers
from threading import RLock
from typing import Any
from uuid import uuid4

from agentos.db.base import BaseDb
from agentos.db.changes import Json, RunQuery, SessionChange, SessionQuery
from agentos.db.writer_errors import AlreadyStored, SessionNotFound, SessionOwnedByOther
from agentos.db.writer_json import clean, encode, run_type
from agentos.db.writer_rules import (
    KINDS,
    as_stored,
    change_data,
    check_new_session,
    check_same_user,
    check_still_paused,
    clean_run,
    count,
    filled_in,
    summary_of,
)
from agentos.records import SESSION_COLUMNS, Run, Session, parse_run

# What a session holds in memory is what a SQLite file could hold.
_VENDOR = "sqlite"


@dataclass
class _Entry:
    """A session: its columns, its runs by id, and the number of the latest write to it."""

    row: Json
    runs: dict[str, Json]
    version: int


class InMemoryDb(BaseDb):
    """Behaves as the databases do. What goes in and what comes out is copied: nobody's object is shared.

    `clock` gives the unix seconds of `updated_at`.
    """

    def __init__(self, *, id: str | None = None, clock: Callable[[], float] = time.time) -> None:
        self.id = id or str(uuid4())
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._lock = RLock()
        self._versions = numbers()

    # --- for the runtime ----------------------------------------------------------------------------------------
    def load_session(self, session_id: str) -> Session | None:
        """Return a session without its runs, None if there is none of this id."""
        with self._lock:
            entry = self._entries.get(session_id)
            return _row(entry) if entry else None

    def session_version(self, session_id: str) -> str | None:
        """Return a text that changes with any write to the session; None if there is no session."""
        with self._lock:
            entry = self._entries.get(session_id)
            return str(entry.version) if entry else None

    def last_runs(
        self,
        session_id: str,
        limit: int | None,
        *,
        top_level: bool = True,
        skip_statuses: Collection[str] = frozenset(),
        agent_id: str | None = None,
        team_id: str | None = None,
    ) -> list[Run]:
        """Return the last `limit` matching runs in order, oldest first."""
        skipped = set(map(str, skip_statuses))
        with self._lock:
            entry = self._entries.get(session_id)
            found = [
                row
                for row in (_ordered(entry.runs.values()) if entry else [])
                if row["status"] not in skipped
                and not (top_level and row["parent_run_id"])
                and agent_id in (None, row["agent_id"])
                and team_id in (None, row["team_id"])
            ]
            return _parsed(found if limit is None else found[max(0, len(found) - limit) :])

    def save(self, change: SessionChange) -> None:
        """Store all of `change`, or nothing when it raises."""
        raw = _copied({key: value for key, value in change.session.raw.items() if key != "runs"})
        check_new_session(raw)
        summary = summary_of(change)
        runs = [clean_run(run.raw, raw["session_id"], _VENDOR)[0] for run in change.runs]
        with self._lock:
            stored = self._entries.get(raw["session_id"])
            entry = self._copy(stored) if stored else self._new(raw)
            check_same_user(entry.row["user_id"], raw.get("user_id"), entry.row["user_id"])
            data = entry.row["session_data"] = entry.row["session_data"] or {}
            before = frozenset(stored.runs if stored else ())
            for run in runs:
                if (known := entry.runs.get(run["run_id"])) is not None:
                    check_still_paused(run["run_id"], _run_data(known), change.continued)
                self._take_run(entry, run, data, before)
            change_data(data, entry.row["session_type"], change)
            if (metadata := filled_in(entry.row["metadata"] or {}, change.metadata)) is not None:
                entry.row["metadata"] = metadata
            if summary is not None:
                entry.row["summary"] = summary
            entry.row = _copied(entry.row)
            entry.row["updated_at"] = self._now()
            self._entries[raw["session_id"]] = entry

    def _take_run(self, entry: _Entry, run: Json, data: Json, before: frozenset[str]) -> None:
        """Append or replace one run and count what it used; `before`: the runs that were there before this save."""
        check_same_user(entry.row["user_id"], entry.row["user_id"], run.get("user_id") or entry.row["user_id"])
        self._check_not_elsewhere(entry, run["run_id"])
        if replaced := entry.runs.get(run["run_id"]):
            count(data, _run_data(replaced), before, sign=-1)
        count(data, run, frozenset(entry.runs))
        self._put(entry, run, None)

    # --- what Agno's API is built on ----------------------------------------------------------------------------
    def find_sessions(self, query: SessionQuery) -> tuple[list[Session], int]:
        """Return the sessions of one page, without runs, and how many there are on all pages."""
        with self._lock:
            rows = [entry.row for entry in self._entries.values() if _matches(entry.row, query)]
            rows.sort(key=lambda row: (row["created_at"], row["session_id"]))
            page = _page(rows, query)
            return [Session.from_dict(_copied(row)) for row in page], len(rows)

    def runs_of(self, session_ids: Sequence[str]) -> dict[str, list[Run]]:
        """Return all runs of these sessions in order, by session id."""
        with self._lock:
            known = {session_id: self._entries[session_id] for session_id in session_ids if session_id in self._entries}
            return {session_id: _parsed(_ordered(entry.runs.values())) for session_id, entry in known.items()}

    def put_sessions(self, sessions: Sequence[Session], *, keep_updated_at: bool) -> list[Session | None]:
        """Insert or replace these rows, add or replace their runs; return the rows, None for another user's."""
        with self._lock:
            before = dict(self._entries)
            try:
                return [self._put_session(session, keep_updated_at) for session in sessions]
            except BaseException:
                self._entries = before
                raise

    def _put_session(self, session: Session, keep_updated_at: bool) -> Session | None:
        raw = _copied(session.raw)
        check_new_session(raw)
        stored = self._entries.get(raw["session_id"])
        if stored and stored.row["user_id"] not in (None, raw.get("user_id")):
            return None
        entry = self._new(raw)
        if stored:
            given, entry = entry.row, self._copy(stored)
            entry.row |= _own_columns(given) | {"updated_at": self._now()}
        if keep_updated_at and raw.get("updated_at"):
            entry.row["updated_at"] = raw["updated_at"]
        for run in raw.get("runs") or ():
            self._put_changed(entry, as_stored(run, raw["session_id"], self._now()), None)
        self._entries[raw["session_id"]] = entry
        return _row(entry)

    def set_name(self, session_id: str, name: str, user_id: str | None) -> Session | None:
        """Name a session; return the row, None if there is no such session of this user."""
        with self._lock:
            entry = self._entries.get(session_id)
            if entry is None or user_id not in (None, entry.row["user_id"]):
                return None
            data = {**(entry.row["session_data"] or {}), "session_name": name}
            entry.row = {**entry.row, "session_data": _copied(data), "updated_at": self._now()}
            entry.version = next(self._versions)
            return _row(entry)

    def remove_sessions(self, session_ids: Sequence[str], user_id: str | None) -> int:
        """Remove sessions, of this user if one is given, and their runs; return how many sessions went."""
        with self._lock:
            going = [
                session_id
                for session_id in dict.fromkeys(session_ids)
                if (entry := self._entries.get(session_id)) and user_id in (None, entry.row["user_id"])
            ]
            for session_id in going:
                del self._entries[session_id]
            return len(going)

    def find_runs(self, query: RunQuery) -> tuple[list[Json], int]:
        """Return the runs of one page as rows, and how many there are on all pages."""
        wanted = {
            column: str(value)
            for column in ("session_id", "user_id", "agent_id", "team_id", "workflow_id", "status")
            if (value := getattr(query, column)) is not None
        }
        with self._lock:
            rows = _ordered(row for entry in self._entries.values() for row in entry.runs.values())
            rows = [row for row in rows if all(row[column] == value for column, value in wanted.items())]
            return [{**row, "run_data": _run_data(row)} for row in _page(rows, query)], len(rows)

    def find_run(self, run_id: str) -> Json | None:
        """Return one run as a row."""
        with self._lock:
            found = next((entry.runs[run_id] for entry in self._entries.values() if run_id in entry.runs), None)
            return {**found, "run_data": _run_data(found)} if found else None

    def put_run(self, run: Run, session_id: str, user_id: str | None, run_index: int | None) -> None:
        """Store one run in its place, else at `run_index`, else at the end."""
        raw = as_stored(run.raw, session_id, self._now())
        with self._lock:
            entry = self._entries.get(session_id)
            if entry is None:
                raise SessionNotFound(session_id)
            if user_id not in (None, entry.row["user_id"]):
                raise SessionOwnedByOther
            self._put_changed(entry, raw, run_index)
            entry.version = next(self._versions)

    def remove_runs(self, run_ids: Sequence[str]) -> int:
        """Remove runs; return how many went."""
        with self._lock:
            removed = 0
            for entry in self._entries.values():
                going = entry.runs.keys() & set(run_ids)
                if going:
                    entry.runs = {run_id: row for run_id, row in entry.runs.items() if run_id not in going}
                    entry.version = next(self._versions)
                    removed += len(going)
            return removed

    # --- one entry ----------------------------------------------------------------------------------------------
    def _new(self, raw: Json) -> _Entry:
        now = self._now()
        row = {column: raw.get(column) for column in SESSION_COLUMNS if column != "runs"}
        row["session_data"] = row["session_data"] or {}
        row["created_at"] = raw.get("created_at") or now
        return _Entry({**row, "updated_at": row["created_at"]}, {}, next(self._versions))

    def _copy(self, entry: _Entry) -> _Entry:
        """Return the entry to change: the old one is what is stored until it takes its place."""
        return _Entry(_copied(entry.row), dict(entry.runs), next(self._versions))

    def _check_not_elsewhere(self, entry: _Entry, run_id: str) -> None:
        """Refuse a run that another session has.

        Raises:
            AlreadyStored: one does.
        """
        session_id = entry.row["session_id"]
        if any(run_id in other.runs for key, other in self._entries.items() if key != session_id):
            raise AlreadyStored(f"The run {run_id!r} is stored in another session.")

    def _put_changed(self, entry: _Entry, run: Json, run_index: int | None) -> None:
        """Store a run, checked if it is not stored just like this; totals stay."""
        before = entry.runs.get(str(run.get("run_id")))
        if before is None or _run_data(before) != clean(run, _VENDOR):
            run = clean_run(run, entry.row["session_id"], _VENDOR, as_history=False)[0]
            self._check_not_elsewhere(entry, run["run_id"])
            self._put(entry, run, run_index)

    def _put(self, entry: _Entry, run: Json, run_index: int | None) -> None:
        """Store a run as a row; its place, kind and created_at stay when it was stored before."""
        now = self._now()
        before = entry.runs.get(run["run_id"])
        last = max((row["run_index"] for row in entry.runs.values()), default=-1)
        row = before or {
            "run_id": run["run_id"],
            "session_id": entry.row["session_id"],
            "run_type": run_type(run),
            **{f"{kind}_id": run.get(f"{kind}_id") for kind in KINDS},
            "user_id": entry.row["user_id"],
            "run_index": last + 1 if run_index is None else run_index,
            "created_at": run.get("created_at") or now,
        }
        changed = {"parent_run_id": run.get("parent_run_id"), "status": run.get("status"), "run_data": encode(run)}
        entry.runs[run["run_id"]] = {**row, **changed, "updated_at": now}

    def _now(self) -> int:
        return int(self._clock())


def _copied(value: Any) -> Any:
    """Return a copy that shares nothing, of what JSON can hold.

    Raises:
        InvalidRun: there is something else in it.
    """
    return json.loads(encode(clean(value, _VENDOR)))


def _row(entry: _Entry) -> Session:
    return Session.from_dict(_copied(entry.row))


def _own_columns(row: Json) -> Json:
    """Return what replaces the columns of a stored row: not the ids and data of components of other kinds."""
    kind = row["session_type"]
    return {key: row[key] for key in (f"{kind}_id", f"{kind}_data", "user_id", "session_data", "metadata", "summary")}


def _run_data(row: Json) -> Json:
    data: Json = json.loads(row["run_data"])
    return data


def _parsed(rows: Iterable[Json]) -> list[Run]:
    runs = (parse_run(_run_data(row)) for row in rows)
    return [run for run in runs if isinstance(run, Run)]


def _ordered(rows: Iterable[Json]) -> list[Json]:
    """Return rows in Agno's order."""
    return sorted(rows, key=lambda row: (row["run_index"], row["created_at"], row["run_id"]))


def _matches(row: Json, query: SessionQuery) -> bool:
    kinds = (str(query.session_type),) if query.session_type else KINDS
    name = (row["session_data"] or {}).get("session_name")
    return (
        query.session_type in (None, row["session_type"])
        and query.user_id in (None, row["user_id"])
        and (query.component_id is None or query.component_id in [row[f"{kind}_id"] for kind in kinds])
        and (query.name is None or (isinstance(name, str) and query.name.casefold() in name.casefold()))
        and (query.start is None or row["created_at"] >= query.start)
        and (query.end is None or row["created_at"] <= query.end)
    )


def _page(rows: list[Json], query: SessionQuery | RunQuery) -> list[Json]:
    """Return one page of rows, sorted if the query says how."""
    if query.sort_by:
        rows = sorted(rows, key=lambda row: _sort_key(row, query.sort_by or ""), reverse=query.descending)
    return rows[query.offset :][: query.limit]


def _sort_key(row: Json, column: str) -> tuple[bool, Any]:
    value = row[column]
    if column == "updated_at" and value is None:
        value = row["created_at"]
    return (value is not None, value if isinstance(value, int | str) else encode(value))
