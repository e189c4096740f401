"""Sessions in Agno's tables, on SQLite or PostgreSQL: the one reader and the one writer behind the common interface."""

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from uuid import NAMESPACE_URL, uuid5

from agentos.db.base import BaseDb
from agentos.db.changes import Json, RunQuery, SessionChange, SessionQuery
from agentos.db.connections import create_database, give_back
from agentos.db.faults import SourceUnavailable, TableMissing
from agentos.db.layout import Layout, forget, look, runs_table_names
from agentos.db.source import Source
from agentos.db.sources import forget_source
from agentos.db.standalone import away_from_loop, ensure_django
from agentos.records import Run, Session

if TYPE_CHECKING:
    from agentos.db.reader import Reader
    from agentos.db.writer import Writer

_Result = TypeVar("_Result")


class SqlDb(BaseDb):
    """Sessions in one source. It makes the file and the tables it needs on first use.

    It holds no connection of its own: every thread uses its own, and gives it back to the pool of a PostgreSQL.
    """

    def __init__(self, source: Source, *, id: str | None = None, create_schema: bool = True) -> None:
        self.source = source
        self.id = id or str(uuid5(NAMESPACE_URL, f"{source.place}/{source.schema}/{source.session_table}"))
        self._create_schema = create_schema
        self.session_table_name = source.session_table
        self.runs_table_name = source.runs_table or runs_table_names(source)[0]

    @cached_property
    def _reader(self) -> "Reader":
        from agentos.db.reader import Reader  # it defines models, for which Django must be ready

        return Reader(self.source)

    @cached_property
    def _writer(self) -> "Writer":
        from agentos.db.writer import Writer

        return Writer(self.source, create_schema=self._create_schema)

    # --- for the runtime ----------------------------------------------------------------------------------------
    def load_session(self, session_id: str) -> Session | None:
        """Return a session without its runs, None if there is none of this id."""
        return self._do(lambda: self._reader.session(session_id))

    def session_version(self, session_id: str) -> str | None:
        """Return a short text that changes with any write to the session; None if there is no session."""
        return self._do(lambda: self._reader.version(session_id))

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
        """Return the last `limit` matching runs in Agno's order, oldest first."""
        from agentos.db.stored import Wanted

        wanted = Wanted(top_level, frozenset(map(str, skip_statuses)), agent_id, team_id)
        return self._do(lambda: self._reader.last_runs(session_id, wanted, limit))

    def save(self, change: SessionChange) -> None:
        """Store all of `change`, or nothing when it raises."""
        self._do(lambda: self._writer.save(change))

    # --- what Agno's API is built on ----------------------------------------------------------------------------
    def find_sessions(self, query: SessionQuery) -> tuple[list[Session], int]:
        """Return the sessions of one page, without runs, and how many there are on all pages."""
        return self._do(lambda: self._reader.find_sessions(query))

    def runs_of(self, session_ids: Sequence[str]) -> dict[str, list[Run]]:
        """Return all runs of these sessions in Agno's order, by session id."""
        return self._do(lambda: self._reader.runs_of(session_ids))

    def put_sessions(self, sessions: Sequence[Session], *, keep_updated_at: bool) -> list[Session | None]:
        """Insert or replace rows, add or replace their runs; return the rows, None for another user's."""

        def work() -> list[Session | None]:
            written = self._writer.put_sessions(sessions, keep_updated_at=keep_updated_at)
            rows = {row.session_id: row for row in self._reader.sessions(sorted(filter(None, written)))}
            return [rows.get(session_id) for session_id in written]

        return self._do(work)

    def set_name(self, session_id: str, name: str, user_id: str | None) -> Session | None:
        """Name a session; return the row, None if there is no such session of this user."""

        def work() -> Session | None:
            return self._reader.session(session_id) if self._writer.set_name(session_id, name, user_id) else None

        return self._do(work)

    def remove_sessions(self, session_ids: Sequence[str], user_id: str | None) -> int:
        """Remove sessions, of this user if one is given, and their runs; return how many sessions went."""
        return self._do(lambda: self._writer.remove_sessions(session_ids, user_id))

    def find_runs(self, query: RunQuery) -> tuple[list[Json], int]:
        """Return the runs of one page as rows, and how many there are on all pages."""
        return self._do(lambda: self._reader.find_runs(query))

    def find_run(self, run_id: str) -> Json | None:
        """Return one run as a row."""
        return self._do(lambda: self._reader.find_run(run_id))

    def put_run(self, run: Run, session_id: str, user_id: str | None, run_index: int | None) -> None:
        """Store one run in its place, else at `run_index`, else at the end."""
        self._do(lambda: self._writer.put_run(session_id, run, user_id, run_index))

    def remove_runs(self, run_ids: Sequence[str]) -> int:
        """Remove runs, wherever they are stored; return how many went."""
        return self._do(lambda: self._writer.remove_runs(run_ids))

    def close(self) -> None:
        """Close all connections to the database, of every thread; the next use opens new ones."""
        away_from_loop(lambda: forget_source(self.source))

    # --- each use -----------------------------------------------------------------------------------------------
    def _do(self, work: Callable[[], _Result]) -> _Result:
        """Do `work` with the tables there, and where Django lets a database be used."""
        ensure_django()
        return away_from_loop(lambda: self._attempt(work))

    def _attempt(self, work: Callable[[], _Result]) -> _Result:
        try:
            self._make_ready()
            try:
                return work()
            except TableMissing:  # somebody took them away since they were seen
                forget(self.source)
                self._make_ready()
                return work()
        finally:
            give_back(self.source)

    def _make_ready(self) -> None:
        """Make the file and Agno 3's tables, if there are none yet."""
        if self.source.vendor == "sqlite" and not Path(self.source.path).exists():
            create_database(self.source)
        if look(self.source).layout is not Layout.EMPTY:
            return
        try:
            self._writer.create_tables()
        except SourceUnavailable:  # Agno, which takes no lock for it, may have made them at this very moment
            forget(self.source)
            if look(self.source).layout is Layout.EMPTY:
                raise
