"""Facts of Agno's that several rooms go by."""

from typing import Final

# Runs in these states are no history: they came to no answer, and calls in them may be without results (format §5.6).
NOT_HISTORY: Final = frozenset({"PAUSED", "CANCELLED", "ERROR", "REGENERATED"})
# Agno adds these to the state for the time of a run, and takes them out before it saves the session (format §2.1).
TRANSIENT_STATE: Final = frozenset({"current_session_id", "current_user_id", "current_run_id"})
TRANSIENT_WORKFLOW_STATE: Final = TRANSIENT_STATE | {"workflow_id", "run_id", "session_id", "workflow_name"}
