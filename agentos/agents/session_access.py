"""Agno's public methods on a component's sessions: reading them, naming them, changing their state, deleting them."""

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, cast

from agentos.agents.background import twin
from agentos.agents.state import change_between, merged
from agentos.db.base import SessionChange
from agentos.db.writer_errors import SessionNotFound
from agentos.records import AgentSession, Message, Metrics, Run, Session, SessionSummary, TeamSession, WorkflowSession

if TYPE_CHECKING:
    from agentos.db.base import BaseDb

StoredSession = AgentSession | TeamSession | WorkflowSession


class SessionAccess(ABC):
    """Every method takes `session_id`; without one it means the component's own session.

    All of them raise SourceUnavailable when the database cannot be used. Each has an asynchronous twin, `a…`.
    """

    db: "BaseDb | None"
    session_id: str | None

    # --- reading ------------------------------------------------------------------------------------------------
    def get_session(self, session_id: str | None = None, user_id: str | None = None) -> StoredSession | None:
        """Return the session with all its runs; None if there is none, or it is not that user's."""
        db, wanted = self.db, session_id or self.session_id
        if db is None or not wanted:
            return None
        return db.get_session(wanted, user_id=user_id)

    def get_session_state(self, session_id: str | None = None) -> dict[str, Any]:
        """Return the stored state, empty if there is none."""
        session = self._row(session_id)
        return dict(session.session_state or {}) if session else {}

    def get_session_name(self, session_id: str | None = None) -> str:
        """Return the session's name, "" if it has none."""
        session = self._row(session_id)
        return (session.session_name or "") if session else ""

    def get_session_metrics(self, session_id: str | None = None) -> Metrics | None:
        """Return the totals over the session's runs, each counted once; None if nothing has run."""
        session = self._row(session_id)
        return session.session_metrics if session else None

    def get_session_summary(self, session_id: str | None = None) -> SessionSummary | None:
        """Return the stored summary."""
        session = self._row(session_id)
        return session.session_summary if session else None

    def get_session_messages(
        self,
        session_id: str | None = None,
        last_n_runs: int | None = None,
        limit: int | None = None,
        skip_roles: Collection[str] | None = None,
        skip_statuses: Collection[str] | None = None,
        skip_history_messages: bool = True,
        **more: Any,
    ) -> list[Message]:
        """Return the session's messages, chosen as by the session's own `get_messages`; `more` are the rest of its
        arguments.
        """
        session = self.get_session(session_id)
        if session is None:
            return []
        return session.get_messages(
            last_n_runs=last_n_runs,
            limit=limit,
            skip_roles=skip_roles,
            skip_statuses=skip_statuses,
            skip_history_messages=skip_history_messages,
            **more,
        )

    def get_messages(self, session_id: str | None = None, **chosen: Any) -> list[Message]:
        """Return the session's messages, as `get_session_messages`."""
        return self.get_session_messages(session_id, **chosen)

    def get_chat_history(self, session_id: str | None = None, last_n_runs: int | None = None) -> list[Any]:
        """Return what was said: messages, for a workflow the pairs of input and answer."""
        session = self.get_session(session_id)
        return list(session.get_chat_history(last_n_runs=last_n_runs)) if session else []

    def get_tool_calls(self, session_id: str | None = None, num_calls: int | None = None) -> list[dict[str, Any]]:
        """Return the latest tool calls, newest first."""
        session = self.get_session(session_id)
        return session.get_tool_calls(num_calls) if isinstance(session, AgentSession | TeamSession) else []

    def get_last_run_output(self, session_id: str | None = None) -> Any:
        """Return the latest run that nobody delegated; None if nothing has run."""
        db, wanted = self.db, session_id or self.session_id
        runs = db.last_runs(wanted, 1) if db is not None and wanted else []
        return runs[-1] if runs else None

    def get_run_output(self, run_id: str, session_id: str | None = None, user_id: str | None = None) -> Any:
        """Return one stored run; None if there is none, in this session and of this user where they are given."""
        db = self.db
        run = db.get_run(run_id) if db is not None else None
        if not isinstance(run, Run) or (session_id and run.session_id != session_id):
            return None
        return None if user_id and run.user_id != user_id else run

    # --- writing ------------------------------------------------------------------------------------------------
    def set_session_name(
        self, session_id: str | None = None, autogenerate: bool = False, session_name: str | None = None
    ) -> StoredSession:
        """Name the session, or have a name found for it, and return it.

        Raises:
            ValueError: neither a name was given nor `autogenerate`.
            SessionNotFound: there is no such session.
        """
        if not session_name and not autogenerate:
            raise ValueError("Give a session_name, or autogenerate=True.")
        session = self._existing(session_id)
        name = self._found_name(session) if autogenerate else session_name
        self._change(SessionChange(session=session, name=name))
        return cast("StoredSession", self.get_session(session.session_id))

    def update_session_state(
        self, session_state_updates: dict[str, Any], session_id: str | None = None
    ) -> dict[str, Any]:
        """Merge `session_state_updates` into the stored state and return what is stored then.

        Raises:
            SessionNotFound: there is no such session.
        """
        session = self._existing(session_id)
        before = session.session_state or {}
        after = merged(before, session_state_updates)
        self._change(SessionChange(session=session, state=change_between(before, after)))
        return after

    def save_session(self, session: StoredSession) -> None:
        """Store the session as it is given: its runs are added or replaced, none is dropped."""
        db = self.db
        if db is not None:
            db.upsert_session(session)
            self._forget(session.session_id or "")

    def delete_session(self, session_id: str, user_id: str | None = None) -> None:
        """Delete the session and its runs for good; only that user's, when one is given."""
        db = self.db
        if db is not None:
            db.delete_session(session_id, user_id=user_id)
            self._forget(session_id)

    # --- the same, for event loops ------------------------------------------------------------------------------
    aget_session = twin(get_session)
    aget_session_state = twin(get_session_state)
    aget_session_name = twin(get_session_name)
    aget_session_metrics = twin(get_session_metrics)
    aget_session_summary = twin(get_session_summary)
    aget_session_messages = twin(get_session_messages)
    aget_messages = twin(get_messages)
    aget_chat_history = twin(get_chat_history)
    aget_tool_calls = twin(get_tool_calls)
    aget_last_run_output = twin(get_last_run_output)
    aget_run_output = twin(get_run_output)
    aset_session_name = twin(set_session_name)
    aupdate_session_state = twin(update_session_state)
    asave_session = twin(save_session)
    adelete_session = twin(delete_session)

    # --- what they are built from -------------------------------------------------------------------------------
    def _row(self, session_id: str | None) -> Session | None:
        """Return the session without its runs."""
        wanted = session_id or self.session_id
        return self._load(wanted) if wanted else None

    def _existing(self, session_id: str | None) -> Session:
        """Return the session without its runs.

        Raises:
            SessionNotFound: there is none.
        """
        session = self._row(session_id)
        if session is None:
            raise SessionNotFound(session_id or self.session_id or "")
        return session

    def _change(self, change: SessionChange) -> None:
        db = self.db
        if db is not None:
            db.save(change)
            self._forget(change.session.session_id or "")

    @abstractmethod
    def _found_name(self, session: Session) -> str:
        """Return a name for a session that nobody has named."""

    @abstractmethod
    def _load(self, session_id: str) -> Session | None:
        """Return the session's row, None if there is none."""

    @abstractmethod
    def _forget(self, session_id: str) -> None:
        """Read the session anew next time."""
