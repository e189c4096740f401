"""A session under another id: what its runs say of their session, and of each other, follows."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

# Under these keys stands the id of a session, or of a run. What it was forked from stays what it was.
_SESSION_KEYS: Final = frozenset({"session_id", "current_session_id", "executor_session_id"})
_RUN_KEYS: Final = frozenset(
    """run_id parent_run_id child_run_id step_run_id member_run_id workflow_run_id executor_run_id current_run_id
    forked_from_run_id regenerated_from""".split()
)
# What was said, given or computed is nobody's reference.
_WORDS: Final = frozenset({"content", "input", "tool_args", "arguments", "result", "metadata", "dependencies"})


@dataclass(frozen=True)
class Renaming:
    """From a session's id to another, and new ids of its runs where those they have are taken."""

    old: str
    new: str
    runs: Mapping[str, str] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether anything is to be changed at all."""
        return self.old != self.new

    def of_run(self, run: Any) -> Any:
        """Return a run, or what is stored beside it, as one of the session's under its new id.

        Raises:
            RecursionError: it is nested too deeply.
        """
        if isinstance(run, list):
            return [self.of_run(item) for item in run]
        if not isinstance(run, dict):
            return run
        return {key: self._of(key, value) for key, value in run.items()}

    def of_state(self, session_data: Any) -> Any:
        """Return session_data with the thoughts of runs, which their ids are the keys of, under the new ids."""
        state = session_data.get("session_state") if isinstance(session_data, dict) else None
        steps = state.get("reasoning_steps") if isinstance(state, dict) else None
        if not isinstance(steps, dict) or not isinstance(state, dict):
            return session_data
        renamed = {self.runs.get(key, key): value for key, value in steps.items()}
        return {**session_data, "session_state": {**state, "reasoning_steps": renamed}}

    def _of(self, key: str, value: Any) -> Any:
        if isinstance(value, str):
            if key in _SESSION_KEYS:
                return self.new if value == self.old else value
            return self.runs.get(value, value) if key in _RUN_KEYS else value
        return value if key in _WORDS else self.of_run(value)


def new_run_id(session_id: str, run_id: str) -> str:
    """Return the id that a run gets in the session of this new id: the same each time it is asked for."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{session_id}\n{run_id}"))
