"""The only door through which sessions change: each method is one transaction, and Agno carries on from its result.

Agno itself takes no locks and compares no versions: two of its processes can lose each other's runs. What is written
here is read again under a lock, appended in SQL, and touches nothing but what the turn changed.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from agentos.db import writer_approvals
from agentos.db.changes import SessionChange
from agentos.db.connections import create_database
from agentos.db.errors import SourceUnavailable, TableMissing
from agentos.db.exact import StoredRun
from agentos.db.schema import create_tables, lock_creation
from agentos.db.source import Source
from agentos.db.writer_approvals import Resolution
from agentos.db.writer_check import check_writable
from agentos.db.writer_connection import tables_of, writing
from agentos.db.writer_erase import Removed, erase
from agentos.db.writer_errors import (
    AlreadyStored,
    InvalidRun,
    Malformed,
    RunNotFound,
    SessionNotFound,
    SessionOwnedByOther,
    SourceReadOnly,
)
from agentos.db.writer_json import Json, clean_text
from agentos.db.writer_metrics import member_ids
from agentos.db.writer_postgres import PostgresStore
from agentos.db.writer_put_back import Lost, put_back
from agentos.db.writer_redact import look_through, overwriting
from agentos.db.writer_restore import restore
from agentos.db.writer_rules import (
    KINDS,
    as_stored,
    check_new_session,
    check_same_user,
    clean_run,
    count,
    set_state,
    storable_id,
    summary_of,
)
from agentos.db.writer_runs import apply, find_run, put, stored_ids
from agentos.db.writer_sessions import put_one, put_runs, remove_runs, upsert
from agentos.db.writer_sqlite import SqliteStore
from agentos.db.writer_store import Locked, RunRow, Store
from agentos.records import Run, Session
from agentos.records.redacting import Redactor

__all__ = [
    "AlreadyStored",
    "InvalidRun",
    "Lost",
    "Malformed",
    "RunNotFound",
    "SessionNotFound",
    "SessionOwnedByOther",
    "SourceReadOnly",
    "Writer",
    "check_writable",
]


class Writer:
    """Writes to one source, in whichever layout it has.

    `clock` gives the unix seconds that `updated_at` is set to; demo sessions are written as of their own time. With
    `create_schema` the schema of a PostgreSQL source is made with its tables.
    """

    def __init__(self, source: Source, clock: Callable[[], float] = time.time, *, create_schema: bool = True) -> None:
        self.source = source
        self._create_schema = create_schema
        self._clock = clock

    def append_run(
        self, session_id: str, run: Run, *, expect_user_id: str | None, session_state: dict[str, Any] | None = None
    ) -> None:
        """Put `run` after all the session's runs, add its tokens to the session's, and set the state if one is given.

        Raises:
            SourceReadOnly, SourceUnavailable: the source cannot be written to.
            SessionNotFound: there is no such session.
            SessionOwnedByOther: the session's user is not exactly `expect_user_id`, or not the run's.
            InvalidRun: Agno could not load the session with this run in it.
            AlreadyStored: a run of this id is there.
            Malformed: what is stored cannot be extended without damaging it.
        """
        row = self._row(session_id, run)
        with self._locked(session_id) as (store, session):
            check_same_user(session.user_id, expect_user_id, row.raw.get("user_id"))
            stored = stored_ids(store, session_id, [row.run_id, *member_ids(row.raw)])
            if row.run_id in stored:
                raise AlreadyStored(f"The run {row.run_id!r} is stored already.")
            count(session.session_data, row.raw, stored)
            _set_state(session, session_state)
            store.save(session, self._now(), *put(store, session, row, None, self._now()))

    def replace_run(
        self, session_id: str, run: Run, *, expect_user_id: str | None, session_state: dict[str, Any] | None = None
    ) -> None:
        """Put `run` in the place of the stored run of the same id; the session's totals follow the difference.

        Raises:
            RunNotFound: the session has no run of this id. Else as `append_run`.
        """
        row = self._row(session_id, run)
        with self._locked(session_id) as (store, session):
            check_same_user(session.user_id, expect_user_id, row.raw.get("user_id"))
            place = find_run(store, session_id, row.run_id)
            stored = stored_ids(store, session_id, [*member_ids(place.raw), *member_ids(row.raw)])
            count(session.session_data, place.raw, stored, sign=-1)
            count(session.session_data, row.raw, stored)
            _set_state(session, session_state)
            store.save(session, self._now(), *put(store, session, row, place, self._now()))

    def save(self, change: SessionChange, *, insert: bool = True) -> None:
        """Store all that a run did; a session that is not there yet is inserted, in an empty source with its tables.

        Raises:
            SessionNotFound: it is not there, and `insert` is not wanted.
            StateChanged: the stored state is not the one that the change was made from.
            SessionOwnedByOther: the stored user is not exactly that of `change.session`, or a run has another.
            InvalidRun: Agno could not load the session with this in it.
            AlreadyStored: a run of this id is stored in another session.
            Malformed: what is stored cannot be changed without damaging it.
            SourceReadOnly, SourceUnavailable: the source cannot be written to.
        """
        values, summary = self._session_values(change.session.raw), summary_of(change)
        session_id = values["session_id"]
        rows = [self._row(session_id, run) for run in change.runs]
        with self._store(create=insert) as store:
            session = store.lock(session_id)
            if session is None and insert:
                store.insert_session(values)
                session = store.lock(session_id)
            if session is None:
                raise SessionNotFound(session_id)
            apply(store, session, change, rows, summary, self._now())

    def put_back(self, session_id: str, lost: Sequence[Lost]) -> list[str]:
        """Put runs back that another writer has overwritten; return the ids of those that really were.

        Raises:
            SessionOwnedByOther: the session has another user than a run.
            SessionNotFound, InvalidRun, Malformed, SourceReadOnly, SourceUnavailable: as `append_run`.
        """
        rows = [(self._row(session_id, one.run), one) for one in lost]
        with self._locked(session_id) as (store, session):
            return put_back(store, session, rows, self._now())

    def create_session(self, session: Session) -> None:
        """Insert a session without runs. In an empty source this first creates Agno 3's tables.

        Raises:
            InvalidRun: it has no id or type, or a summary Agno could not load.
            AlreadyStored: a session of this id is there.
            SourceReadOnly, SourceUnavailable: the source cannot be written to.
        """
        values = self._session_values(session.raw)
        with self._store(create=True) as store:
            if not store.insert_session(values):
                raise AlreadyStored(f"A session {session.session_id!r} is stored already.")

    def rename(self, session_id: str, name: str) -> None:
        """Set the session's name, as Agno's own rename does.

        Raises:
            SessionNotFound, Malformed, SourceReadOnly, SourceUnavailable.
        """
        if not self.set_name(session_id, name, None):
            raise SessionNotFound(session_id)

    def set_name(self, session_id: str, name: str, user_id: str | None) -> bool:
        """Set the name of a session, of this user if one is given; return whether there is one."""
        try:
            with self._locked(session_id) as (store, session):
                if user_id not in (None, session.user_id):
                    return False
                session.session_data["session_name"] = clean_text(name, self.source.vendor)
                store.save(session, self._now())
        except SessionNotFound:
            return False
        return True

    def create_tables(self) -> None:
        """Create Agno 3's tables in a source that has no session table."""
        with self._store(create=True):
            pass

    def put_sessions(self, sessions: Sequence[Session], *, keep_updated_at: bool) -> list[str | None]:
        """Insert or replace these rows, add or replace their runs; return the ids, None for another user's session.

        Raises:
            InvalidRun, AlreadyStored, Malformed: as `save`; then none of them is stored.
        """
        values = {row["session_id"]: row for row in (self._session_values(session.raw) for session in sessions)}
        if not keep_updated_at:
            values = {id_: {**row, "updated_at": row["created_at"]} for id_, row in values.items()}
        runs = {str(session.session_id): session.raw.get("runs") or [] for session in sessions}
        with self._store(create=True) as store:
            with_runs = sorted(session_id for session_id in values if runs.get(session_id))
            for session_id in with_runs:  # in the order in which every writer takes its locks
                store.lock(session_id)
            stored = upsert(store, list(values.values()), self._now(), keep_updated_at=keep_updated_at)
            for session_id in with_runs:
                if session_id in stored and (session := store.lock(session_id)):
                    put_runs(store, self.source, session, runs[session_id], self._now())
        return [session.session_id if session.session_id in stored else None for session in sessions]

    def restore(self, session: Mapping[str, Any], runs: Iterable[StoredRun]) -> int:
        """Insert an exported session with its runs, all of it exactly as given, or nothing; return how many runs.

        `session`: its columns but `runs`, decoded. All was checked by the caller; `runs` is read inside the
        transaction, a run at a time.

        Raises:
            AlreadyStored: a session, or a run, of such an id is there.
            InvalidRun: the database has no form for a value.
            SourceReadOnly, SourceUnavailable: the source cannot be written to.
        """
        with self._store(create=True) as store:
            return restore(store, session, runs)

    def put_run(self, session_id: str, run: Run, user_id: str | None, run_index: int | None) -> None:
        """Store one run in its place, else at `run_index`, else at the end; the session's totals stay.

        Raises:
            SessionOwnedByOther: a `user_id` is given, and it is not the session's.
            SessionNotFound, InvalidRun, AlreadyStored, Malformed: as `append_run`.
        """
        with self._locked(session_id) as (store, session):
            if user_id not in (None, session.user_id):
                raise SessionOwnedByOther
            put_one(store, self.source, session, as_stored(run.raw, session_id, self._now()), self._now(), run_index)

    def remove_sessions(self, session_ids: Sequence[str], user_id: str | None) -> int:
        """Remove sessions, of this user if one is given, with all that Agno removes; return how many sessions went."""
        ids = list(dict.fromkeys(filter(storable_id, session_ids)))
        if user_id is not None and not storable_id(user_id):
            return 0
        with self._store() as store:
            return len(erase(store, self.source, ids, user_id))

    def erase(self, made: Mapping[str, int]) -> dict[str, Removed]:
        """Remove sessions that were created at these times (unix seconds), as Agno does; return what went with each.

        One of another time is another session and stays; of one that is not there nothing is returned.

        Raises:
            SourceReadOnly, SourceUnavailable: the source cannot be written to; all of them are there.
        """
        with self._store() as store:
            return erase(store, self.source, sorted(filter(storable_id, made)), None, made)

    def remove_runs(self, run_ids: Sequence[str]) -> int:
        """Remove runs, wherever they are stored; return how many went."""
        with self._store() as store:
            return remove_runs(store, self.source, list(dict.fromkeys(filter(storable_id, run_ids))), self._now())

    def redact(self, session_id: str, redactor: Redactor) -> tuple[Redactor, set[str]]:
        """Take things out of a session and of whatever else Agno stored with it, all in one transaction.

        Returns the redactor, which has counted what was taken out, and the tables that were written to.

        Raises:
            SessionNotFound: there is no such session.
            SourceReadOnly, SourceUnavailable: the source cannot be written to.
        """
        with self._store() as store:
            if not storable_id(session_id) or not store.lock_sessions([session_id], None):
                raise SessionNotFound(session_id)
            with overwriting(store.connection):
                return look_through(self.source, store.connection, session_id, redactor, self._now())

    @contextmanager
    def held(self, session_id: str) -> Iterator[None]:
        """Hold a session's row until the block ends: what is read and written in it is one transaction.

        Raises:
            SessionNotFound: there is no such session.
            SourceReadOnly, SourceUnavailable: the source cannot be written to.
        """
        with self._locked(session_id):
            yield

    def resolve_approvals(self, session_id: str, decisions: Mapping[str, Resolution]) -> None:
        """Decide on pending approvals of a session, by their ids: all of them, or none.

        Raises:
            NotPending: one has been decided, or is not of this session.
            SourceReadOnly, SourceUnavailable: the source cannot be written to.
        """
        if decisions:
            with self.together():
                writer_approvals.resolve(self.source, session_id, decisions, self._now())

    def follow_approvals(self, session_id: str, run_ids: Sequence[str], status: str) -> None:
        """Write into the approvals of these runs what became of the runs; nothing where there is no such table.

        Raises:
            SourceReadOnly, SourceUnavailable: the source cannot be written to.
        """
        try:
            with self.together():
                writer_approvals.follow(self.source, session_id, run_ids, status, self._now())
        except TableMissing:
            return

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make all writes in the block one transaction: none of them stays when an exception leaves it.

        Raises:
            SourceReadOnly, SourceUnavailable: the source cannot be written to.
        """
        self.check_writable_source()
        with writing(self.source):
            yield

    # --- one write ----------------------------------------------------------------------------------------------
    @contextmanager
    def _store(self, *, create: bool = False) -> Iterator[Store]:
        """Hold one transaction; nothing of it stays when an exception leaves the block."""
        self.check_writable_source()
        if create:
            create_database(self.source)
        with writing(self.source) as connection:
            tables = tables_of(self.source)
            if tables is None and create:
                lock_creation(connection)
                tables = tables_of(self.source, anew=True)
            if tables is None and create:
                create_tables(connection, self.source, self._now(), with_schema=self._create_schema)
                tables = tables_of(self.source, anew=True)
            if tables is None:
                raise SourceUnavailable(f"The source {self.source.name} has no session table yet.")
            yield (SqliteStore if self.source.vendor == "sqlite" else PostgresStore)(connection, tables)

    @contextmanager
    def _locked(self, session_id: str) -> Iterator[tuple[Store, Locked]]:
        self.check_writable_source()
        if not storable_id(session_id):
            raise SessionNotFound(session_id)
        with self._store() as store:
            session = store.lock(session_id)
            if session is None:
                raise SessionNotFound(session_id)
            yield store, session

    def check_writable_source(self) -> None:
        """Refuse a source that may only be read.

        Raises:
            SourceReadOnly: it is.
        """
        if self.source.read_only:
            raise SourceReadOnly(self.source.name)

    def _row(self, session_id: str, run: Run) -> RunRow:
        """Check and encode the run before anything is locked."""
        self.check_writable_source()
        raw, text = clean_run(run.raw, session_id, self.source.vendor)
        return RunRow(raw["run_id"], text, raw)

    def _session_values(self, raw: dict[str, Any]) -> dict[str, Any]:
        """Return the columns of a new session as Agno's insert has them."""
        self.check_writable_source()
        check_new_session(raw)
        kind = raw["session_type"]
        created_at = raw.get("created_at") or self._now()
        return {
            "session_id": raw["session_id"],
            "session_type": kind,
            **{f"{each}_id": raw.get(f"{each}_id") for each in KINDS},
            "user_id": raw.get("user_id"),
            "session_data": Json(raw.get("session_data") or {}),
            f"{kind}_data": Json(raw.get(f"{kind}_data")),
            "metadata": Json(raw.get("metadata")),
            "summary": Json(raw.get("summary")),
            "created_at": created_at,
            "updated_at": raw.get("updated_at") or created_at,
        }

    def _now(self) -> int:
        return int(self._clock())


def _set_state(session: Locked, state: dict[str, Any] | None) -> None:
    if state is not None:
        set_state(session.session_data, session.kind, state)
