"""The session of a running workflow, read from the database only when a step asks for it."""

from typing import TYPE_CHECKING, Any

from agentos.records import RunStatus

if TYPE_CHECKING:
    from agentos.db.base import BaseDb

__all__ = ["LateSession"]

# Only completed runs are history (format §5.6).
_LEFT_OUT = frozenset(str(status) for status in RunStatus if status != "COMPLETED")


class LateSession:
    """A WorkflowSession for a step's input. Anything but its history reads the whole session."""

    def __init__(self, db: "BaseDb", session_id: str, user_id: str | None) -> None:
        self._db, self._session_id, self._user_id = db, session_id, user_id
        self._whole: Any = None

    def get_workflow_history(self, num_runs: int | None = None) -> list[tuple[str, str]]:
        """Return input and output of the last completed runs, oldest first."""
        pairs: list[tuple[str, str]] = self._last(num_runs).get_workflow_history(num_runs)
        return pairs

    def get_workflow_history_context(self, num_runs: int | None = None) -> str | None:
        """Return the same as one text for a model; None when there is nothing."""
        text: str | None = self._last(num_runs).get_workflow_history_context(num_runs)
        return text

    def _last(self, num_runs: int | None) -> Any:
        """Return a session of just the runs in question: long sessions cost no more than short ones."""
        from agentos.records import WorkflowSession

        runs = self._db.last_runs(self._session_id, num_runs, skip_statuses=_LEFT_OUT)
        return WorkflowSession(session_id=self._session_id, runs=runs)

    def __getattr__(self, name: str) -> Any:
        """Read anything else from the whole session."""
        if name.startswith("__"):
            raise AttributeError(name)
        if self._whole is None:
            self._whole = self._db.get_session(self._session_id, "workflow", user_id=self._user_id)
        return getattr(self._whole, name)
