"""What a run does besides talking, as a turn's log tells it: tool calls, members' runs, steps of workflows."""

import json
from typing import Any, Final

from agentos.records.events import RunOutputEvent
from agentos.records.text import as_text
from agentos.records.tools import ToolExecution

# Characters that are shown of arguments and of a result while a run goes on; all of it is in the run, once stored.
ARGUMENTS, RESULT = 500, 2_000
_TOOLS: Final = {"ToolCallStarted": "running", "ToolCallCompleted": "ok", "ToolCallError": "error"}
_RUNS: Final = {
    "RunStarted": "running", "RunCompleted": "ok", "RunError": "error", "RunCancelled": "cancelled",
    "RunPaused": "waiting", "WorkflowStarted": "running", "WorkflowCompleted": "ok", "WorkflowError": "error",
    "WorkflowCancelled": "cancelled", "WorkflowPaused": "waiting",
}  # fmt: skip
_STEPS: Final = {
    "StepStarted": "running", "StepCompleted": "ok", "StepError": "error", "StepPaused": "waiting",
    "StepExecutorPaused": "waiting",
}  # fmt: skip


def step_of(event: RunOutputEvent, run_id: str) -> dict[str, Any] | None:
    """Return what an event says of a step of the run `run_id`; None when it is about no step.

    Later ones of the same `key` replace what the earlier said: key under(the key of what it is a part of, "" for none)
    kind(tool|agent|team|workflow|step) name state(running|ok|error|waiting|cancelled) by(who does it, "" for the run
    itself) and, of tools, arguments, result, seconds.
    """
    said = (event.event or "").removeprefix("Team")
    if said in _TOOLS and event.tool is not None:
        own = event.run_id == run_id
        return _tool(event.tool, _TOOLS[said], "" if own else _who(event)) | {
            "under": "" if own else event.run_id or ""
        }
    if said in _RUNS and event.run_id not in (None, run_id):
        found = {"key": event.run_id, "kind": _kind(event), "name": _who(event), "state": _RUNS[said], "by": ""}
        return found | {"under": _above(event, run_id)}
    if said in _STEPS:
        inside = event.workflow_run_id or event.run_id or run_id
        found = {"key": _step_key(event), "under": "" if inside == run_id else inside, "kind": "step", "by": ""}
        return found | {"name": event.step_name or "", "state": _STEPS[said]}
    return None


def _above(event: RunOutputEvent, run_id: str) -> str:
    """Return the key of what another run is a part of: its leader's run, else the step of a workflow it is made for."""
    if event.parent_run_id not in (None, run_id):
        return event.parent_run_id or ""
    return _step_key(event) if event.step_id or event.step_name else ""


def _step_key(event: RunOutputEvent) -> str:
    return f"{event.step_id or event.step_name} {json.dumps(event.step_index)}"


def _kind(event: RunOutputEvent) -> str:
    if event.agent_id:
        return "agent"
    return "team" if event.team_id else "workflow" if (event.event or "").startswith("Workflow") else "agent"


def _tool(tool: ToolExecution, state: str, by: str) -> dict[str, Any]:
    step: dict[str, Any] = {
        "key": tool.tool_call_id or tool.tool_name or "",
        "kind": "tool",
        "name": tool.tool_name or "",
        "state": "error" if tool.tool_call_error else state,
        "by": by,
        "arguments": as_text(tool.tool_args)[:ARGUMENTS] if tool.tool_args else "",
    }
    if state != "running":
        step["result"] = as_text(tool.result)[:RESULT]
        step["seconds"] = tool.metrics.duration if tool.metrics is not None else None
    return step


def _who(event: RunOutputEvent) -> str:
    if event.agent_id or event.agent_name:
        return event.agent_name or event.agent_id or ""
    return event.team_name or event.team_id or event.workflow_name or ""
