"""Events of a remote server as records: of bounded size, with what a turn's log needs, and nothing else."""

from typing import Any, Final

from agentos.records import RecordError, loads
from agentos.records.events import RunOutputEvent

__all__ = ["is_end", "read_event"]

# Characters of a name or an id, and of a tool's result: logs hold what pages show.
_NAME, _RESULT = 300, 4_000
_ENDS: Final = frozenset(
    {
        "RunCompleted", "RunError", "RunCancelled", "RunPaused",
        "WorkflowCompleted", "WorkflowError", "WorkflowCancelled", "WorkflowPaused",
    }
)  # fmt: skip
_NAMES: Final = (
    "event", "run_id", "session_id", "parent_run_id", "agent_id", "agent_name", "team_id", "team_name",
    "workflow_id", "workflow_name", "workflow_run_id", "step_id", "step_name", "error_type",
)  # fmt: skip
_NUMBERS: Final = ("event_index", "created_at", "nested_depth")
_OF_TOOLS: Final = ("tool_call_error", "metrics", "requires_confirmation", "confirmed")


def read_event(name: str, data: str) -> RunOutputEvent | None:
    """Return an event of a stream, or None for one that is none. `name`: as its frame calls it."""
    try:
        raw = loads(data)
    except RecordError:
        return None
    if not isinstance(raw, dict):
        return None
    said = raw.get("event", name)
    if not isinstance(said, str) or not said:
        return None
    kept = {key: raw[key][:_NAME] for key in _NAMES if isinstance(raw.get(key), str)}
    kept |= {key: raw[key] for key in _NUMBERS if isinstance(raw.get(key), int) and not isinstance(raw[key], bool)}
    return RunOutputEvent.from_dict(kept | {"event": said[:_NAME]} | _said(said, raw))


def is_end(event: RunOutputEvent) -> bool:
    """Whether it ends the run that it is about."""
    return (event.event or "").removeprefix("Team") in _ENDS


def _said(name: str, raw: dict[str, Any]) -> dict[str, Any]:
    """Return what an event of this name brings besides names: text, a tool call, the place of a step."""
    kept: dict[str, Any] = {}
    if name.endswith("RunContent") or name == "WorkflowCompleted":
        kept |= {key: raw[key] for key in ("content", "reasoning_content") if raw.get(key) is not None}
    elif name.endswith(("RunError", "WorkflowError")):
        kept["content"] = str(raw.get("content") or raw.get("error") or "")[:_RESULT]
    if isinstance(raw.get("tool"), dict):
        kept["tool"] = _tool(raw["tool"])
    index = raw.get("step_index")
    if isinstance(index, int) or (isinstance(index, list) and len(index) < 20 and all(type(n) is int for n in index)):
        kept["step_index"] = index
    return kept


def _tool(raw: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        key: raw[key] for key in _OF_TOOLS if key in raw and not isinstance(raw.get(key), str | list)
    }
    kept |= {key: str(raw[key])[:_NAME] for key in ("tool_call_id", "tool_name") if raw.get(key) is not None}
    kept["tool_args"] = raw["tool_args"] if isinstance(raw.get("tool_args"), dict) else None
    kept["result"] = str(raw["result"])[:_RESULT] if raw.get("result") is not None else None
    return kept
