"""A database of sessions, whatever it is made of: what the runtime uses, and Agno's own API over it.

Agno's methods are built on the few of `Store`, so that a new kind of database has only those to implement. Nothing
here knows SQL or Django.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal, overload

from agentos.db.changes import (
    Json,
    RunQuery,
    SessionChange,
    SessionQuery,
    SessionType,
    StateChange,
)
from agentos.db.store import Store
from agentos.records import (
    NOT_HISTORY,
    SESSION_COLUMNS,
    AgentSession,
    Run,
    Session,
    TeamSession,
    WorkflowSession,
    as_session,
    parse_run,
)

AnySession = AgentSession | TeamSession | WorkflowSession

__all__ = ["BaseDb", "SessionChange", "SessionType", "StateChange"]

# What the rows of Agno's runs table hold.
RUN_COLUMNS: Final = (
    *("run_id", "session_id", "run_type", "agent_id", "team_id", "workflow_id", "user_id", "parent_run_id"),
    *("status", "run_index", "run_data", "created_at", "updated_at"),
)


class BaseDb(Store):
    """Agno's methods for sessions and runs, the same over every store.

    With `deserialize=False` they return plain dicts, and lists together with the count of all that match. A `user_id`
    narrows a call to that user's sessions; "" is nobody's. All of them raise SourceUnavailable, with a plain sentence,
    when the database cannot be used.
    """

    id: str

    # --- sessions -----------------------------------------------------------------------------------------------
    @overload
    def get_session(
        self,
        session_id: str,
        session_type: SessionType | str | None = None,
        user_id: str | None = None,
        deserialize: Literal[True] = True,
        runs_limit: int | None = None,
    ) -> AnySession | None: ...
    @overload
    def get_session(
        self,
        session_id: str,
        session_type: SessionType | str | None = None,
        user_id: str | None = None,
        *,
        deserialize: bool | None,
        runs_limit: int | None = None,
    ) -> AnySession | Json | None: ...
    def get_session(
        self,
        session_id: str,
        session_type: SessionType | str | None = None,
        user_id: str | None = None,
        deserialize: bool | None = True,
        runs_limit: int | None = None,
    ) -> AnySession | Json | None:
        """Return a session with its runs; None if there is none of this id, or it is another user's.

        `session_type`: what to return it as; by default what its row says. `runs_limit`: of the runs that count as
        history, so many of the last; by default all runs there are.
        """
        row = self.load_session(session_id)
        if row is None or (user_id is not None and row.user_id != user_id):
            return None
        if runs_limit is None:
            runs = self.runs_of([session_id]).get(session_id, [])
        else:
            runs = self.last_runs(session_id, runs_limit, skip_statuses=NOT_HISTORY)
        found: AnySession | Json = _as_asked(row, runs, session_type, deserialize)
        return found

    @overload
    def get_sessions(
        self,
        session_type: SessionType | str | None = None,
        user_id: str | None = None,
        component_id: str | None = None,
        session_name: str | None = None,
        start_timestamp: int | None = None,
        end_timestamp: int | None = None,
        limit: int | None = None,
        page: int | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        deserialize: Literal[True] = True,
        include_runs: bool = True,
    ) -> list[AnySession]: ...
    @overload
    def get_sessions(
        self,
        session_type: SessionType | str | None = None,
        user_id: str | None = None,
        component_id: str | None = None,
        session_name: str | None = None,
        start_timestamp: int | None = None,
        end_timestamp: int | None = None,
        limit: int | None = None,
        page: int | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        *,
        deserialize: bool | None,
        include_runs: bool = True,
    ) -> list[AnySession] | tuple[list[Json], int]: ...
    def get_sessions(
        self,
        session_type: SessionType | str | None = None,
        user_id: str | None = None,
        component_id: str | None = None,
        session_name: str | None = None,
        start_timestamp: int | None = None,
        end_timestamp: int | None = None,
        limit: int | None = None,
        page: int | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        deserialize: bool | None = True,
        include_runs: bool = True,
    ) -> list[AnySession] | tuple[list[Json], int]:
        """Return the sessions that match all that is given, one page of them if a `limit` is.

        `component_id`: of the agent, team or workflow. `session_name`: a part of it, whatever its case. The timestamps
        bound `created_at` (unix seconds, inclusive). `page` counts from 1. `sort_by` is any column, "updated_at"
        meaning the creation where nothing was updated; an unknown one sorts nothing. `sort_order`: "asc", or else
        descending. Without `include_runs` the sessions come without runs, which costs far less.

        Raises:
            ValueError: a `page` without a `limit`, or below 1.
        """
        query = SessionQuery(
            session_type=session_type,
            user_id=user_id,
            component_id=component_id,
            name=session_name or None,
            start=start_timestamp,
            end=end_timestamp,
            sort_by=sort_by if sort_by in SESSION_COLUMNS and sort_by != "runs" else None,
            descending=sort_order != "asc",
            limit=limit,
            offset=_offset(limit, page),
        )
        rows, total = self.find_sessions(query)
        if not include_runs and not deserialize:
            return [{**row.raw, "runs": None} for row in rows], total
        runs = self.runs_of([row.raw["session_id"] for row in rows]) if include_runs else {}
        found: list[Any] = [
            _as_asked(row, runs.get(row.raw["session_id"], []), session_type, deserialize) for row in rows
        ]
        return found if deserialize else (found, total)

    def upsert_session(self, session: AnySession, deserialize: bool | None = True) -> AnySession | Json | None:
        """Store a session as it is given and return it; None, and nothing changed, if it is another user's.

        The stored `created_at` stays, and so do stored runs that `session` does not have; those it has are appended,
        or put in the place of the stored run of the same id. A session of nobody becomes that of the given user.

        Raises:
            InvalidRun: Agno could not load the session with this in it.
            AlreadyStored: one of its runs is stored in another session.
        """
        returned = self._upserted([session], deserialize, keep_updated_at=False)
        return returned[0] if returned else None

    def upsert_sessions(
        self, sessions: Sequence[AnySession], deserialize: bool | None = True, preserve_updated_at: bool = False
    ) -> list[AnySession | Json]:
        """Store many sessions in one transaction, each as `upsert_session`; return those that were stored."""
        return self._upserted(sessions, deserialize, keep_updated_at=preserve_updated_at)

    def rename_session(
        self,
        session_id: str,
        session_type: SessionType | str | None,
        session_name: str,
        user_id: str | None = None,
        deserialize: bool | None = True,
    ) -> AnySession | Json | None:
        """Name a session and return it with its runs; None if there is none of this id, or it is another user's."""
        row = self.set_name(session_id, session_name, user_id)
        if row is None:
            return None
        runs = self.runs_of([session_id]).get(session_id, [])
        renamed: AnySession | Json = _as_asked(row, runs, session_type, deserialize)
        return renamed

    def delete_session(self, session_id: str, user_id: str | None = None) -> bool:
        """Delete a session and its runs; return whether there was one."""
        return self.remove_sessions([session_id], user_id) > 0

    def delete_sessions(self, session_ids: Sequence[str], user_id: str | None = None) -> None:
        """Delete sessions and their runs."""
        self.remove_sessions(session_ids, user_id)

    # --- runs ---------------------------------------------------------------------------------------------------
    @overload
    def get_run(self, run_id: str, deserialize: Literal[True] = True) -> Run | None: ...
    @overload
    def get_run(self, run_id: str, *, deserialize: bool | None) -> Run | Json | None: ...
    def get_run(self, run_id: str, deserialize: bool | None = True) -> Run | Json | None:
        """Return a run, None if there is none of this id. As a dict it is its row, the run itself in `run_data`."""
        row = self.find_run(run_id)
        return _run_of(row) if row and deserialize else row

    @overload
    def get_runs(
        self,
        session_id: str | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        team_id: str | None = None,
        workflow_id: str | None = None,
        status: str | None = None,
        limit: int | None = None,
        page: int | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        deserialize: Literal[True] = True,
    ) -> list[Run]: ...
    @overload
    def get_runs(
        self,
        session_id: str | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        team_id: str | None = None,
        workflow_id: str | None = None,
        status: str | None = None,
        limit: int | None = None,
        page: int | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        *,
        deserialize: bool | None,
    ) -> list[Run] | tuple[list[Json], int]: ...
    def get_runs(
        self,
        session_id: str | None = None,
        user_id: str | None = None,
        agent_id: str | None = None,
        team_id: str | None = None,
        workflow_id: str | None = None,
        status: str | None = None,
        limit: int | None = None,
        page: int | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        deserialize: bool | None = True,
    ) -> list[Run] | tuple[list[Json], int]:
        """Return the runs that match all that is given, one page of them if a `limit` is; by default in Agno's order.

        `user_id` is that of the runs' sessions. As dicts they are rows, as in `get_run`.

        Raises:
            ValueError: a `page` without a `limit`, or below 1.
        """
        query = RunQuery(
            session_id=session_id,
            user_id=user_id,
            agent_id=agent_id,
            team_id=team_id,
            workflow_id=workflow_id,
            status=status,
            sort_by=sort_by if sort_by in RUN_COLUMNS else None,
            descending=sort_order != "asc",
            limit=limit,
            offset=_offset(limit, page),
        )
        rows, total = self.find_runs(query)
        return [run for run in map(_run_of, rows) if run is not None] if deserialize else (rows, total)

    def upsert_run(
        self, run: Run | Json, session_id: str, user_id: str | None = None, run_index: int | None = None
    ) -> None:
        """Store one run: in its place if it is stored already, else at `run_index`, else behind all of the session's.

        The session's totals and state stay as they are; the end of a run is stored with `save`.

        Raises:
            SessionNotFound: there is no such session.
            SessionOwnedByOther: a `user_id` is given, and it is not the session's.
            InvalidRun: Agno could not load the session with this run in it.
            AlreadyStored: the run is stored in another session.
        """
        self.put_run(run if isinstance(run, Run) else Run.from_dict(run), session_id, user_id, run_index)

    def delete_run(self, run_id: str) -> bool:
        """Delete a run; return whether there was one."""
        return self.remove_runs([run_id]) > 0

    def delete_runs(self, run_ids: Sequence[str]) -> None:
        """Delete runs."""
        self.remove_runs(run_ids)

    def close(self) -> None:
        """Let go of what is held open; the next use opens it again."""

    def _upserted(
        self, sessions: Sequence[AnySession], deserialize: bool | None, *, keep_updated_at: bool
    ) -> list[AnySession | Json]:
        """Store sessions; return those that were, each with the runs it was given, as Agno does."""
        rows = [Session.from_dict(session.to_dict()) for session in sessions]
        stored = self.put_sessions(rows, keep_updated_at=keep_updated_at)
        return [
            _as_asked(new, [run for run in given.runs if isinstance(run, Run)], given.session_type, deserialize)
            for given, new in zip(rows, stored, strict=True)
            if new is not None
        ]


def _offset(limit: int | None, page: int | None) -> int:
    """Return how many rows come before a page, counted from 1.

    Raises:
        ValueError: there is no such page.
    """
    if page is None:
        return 0
    if limit is None:
        raise ValueError("A page needs a limit: how many there are on a page.")
    if page < 1:
        raise ValueError("Pages are counted from 1.")
    return (page - 1) * limit


def _as_asked(
    row: Session, runs: Sequence[Run], session_type: SessionType | str | None, deserialize: bool | None
) -> Any:
    """Return a row with its runs as an object of its own class, or of another if that is asked for; or as a dict."""
    if not deserialize:
        return {**row.raw, "runs": [run.to_dict() for run in runs]}
    return as_session(Session.from_dict({**row.raw, "session_type": session_type or row.session_type}), runs)


def _run_of(row: Json) -> Run | None:
    run = parse_run(row["run_data"])
    return run if isinstance(run, Run) else None
