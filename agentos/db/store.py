"""What a kind of database implements to keep sessions. Nothing here knows SQL or Django."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

from agentos.db.changes import Json, RunQuery, SessionChange, SessionQuery
from agentos.records import Run, Session


class Store(ABC):
    """What a kind of database implements. All of it is safe from several threads and processes.

    Every method raises SourceUnavailable, with a plain sentence, when the database cannot be used.
    """

    # --- for the runtime ----------------------------------------------------------------------------------------
    @abstractmethod
    def load_session(self, session_id: str) -> Session | None:
        """Return a session without its runs, None if there is none of this id."""

    @abstractmethod
    def session_version(self, session_id: str) -> str | None:
        """Return a short text that changes with any write to the session, by anybody; None if there is no session."""

    @abstractmethod
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
        """Return the last `limit` matching runs (all for None) in Agno's order, oldest first.

        `top_level`: only runs without a parent. `skip_statuses`: runs with one of these statuses do not count.
        """

    @abstractmethod
    def save(self, change: SessionChange) -> None:
        """Store all of `change`, or nothing when it raises.

        Raises:
            SessionOwnedByOther: the stored user_id is not exactly that of `change.session`, or a run has another.
            InvalidRun: Agno could not load the session with this in it.
            AlreadyStored: a run of this id is stored in another session.
            Malformed: what is stored cannot be changed without damaging it.
        """

    # --- what Agno's API is built on ----------------------------------------------------------------------------
    @abstractmethod
    def find_sessions(self, query: SessionQuery) -> tuple[list[Session], int]:
        """Return the sessions of one page, without runs, and how many there are on all pages."""

    @abstractmethod
    def runs_of(self, session_ids: Sequence[str]) -> dict[str, list[Run]]:
        """Return all runs of these sessions in Agno's order, by session id."""

    @abstractmethod
    def put_sessions(self, sessions: Sequence[Session], *, keep_updated_at: bool) -> list[Session | None]:
        """Insert or replace these rows, add or replace their runs; return the rows as stored, without runs.

        None stands for a session of another user, which is left as it is. Stored runs that a session does not have
        stay, and so does the stored `created_at`. `keep_updated_at`: the session's own time is stored, not now.
        """

    @abstractmethod
    def set_name(self, session_id: str, name: str, user_id: str | None) -> Session | None:
        """Name a session, of this user if one is given; return the row, None if there is no such session."""

    @abstractmethod
    def remove_sessions(self, session_ids: Sequence[str], user_id: str | None) -> int:
        """Remove sessions, of this user if one is given, and their runs; return how many sessions went."""

    @abstractmethod
    def find_runs(self, query: RunQuery) -> tuple[list[Json], int]:
        """Return the runs of one page as rows of Agno's runs table, and how many there are on all pages."""

    @abstractmethod
    def find_run(self, run_id: str) -> Json | None:
        """Return one run as a row of Agno's runs table."""

    @abstractmethod
    def put_run(self, run: Run, session_id: str, user_id: str | None, run_index: int | None) -> None:
        """Store one run in its place if it is stored already, else at `run_index`, else at the end.

        Raises:
            SessionNotFound: there is no such session.
            SessionOwnedByOther: a `user_id` is given, and it is not the session's.
            InvalidRun, AlreadyStored, Malformed: as `save`.
        """

    @abstractmethod
    def remove_runs(self, run_ids: Sequence[str]) -> int:
        """Remove runs, wherever they are stored; return how many went."""
