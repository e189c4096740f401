"""How far a run has come, and how it ends: kept in the run itself, in the shapes of format §3.9."""

from typing import Any

from agentos.records import Run, StepOutput, WorkflowRunOutput
from agentos.workflow.types import last_content
from agentos.workflow.work import Paused, Work

__all__ = ["cancelled", "complete", "fail", "note", "pause", "waits_for_decision"]

_MEDIA = ("images", "videos", "audio", "files")


def note(run: WorkflowRunOutput, results: list[StepOutput], work: Work, *, keep_runs: bool, seconds: float) -> None:
    """Put what is done into the run."""
    if results or run.step_results:
        run.raw["step_results"] = [output.raw for output in results]
    if keep_runs and work.executor_runs:
        run.raw["step_executor_runs"] = [inner.to_dict() for inner in work.executor_runs]
    run.raw["metrics"] = {"steps": _metrics(results), "duration": seconds}


def complete(run: WorkflowRunOutput, results: list[StepOutput]) -> None:
    """End the run with what its last step said, and the media of all."""
    if results:
        run.content = last_content(results[-1])
    for kind in _MEDIA:
        run.raw[kind] = [medium.raw for output in results for medium in getattr(output, kind)]
    _end(run, "COMPLETED")


def fail(run: WorkflowRunOutput, error: BaseException) -> None:
    """End the run with an error, whose text is the run's content."""
    run.content = str(error) or type(error).__name__
    _end(run, "ERROR")


def cancelled(run: WorkflowRunOutput, reason: str) -> None:
    """End the run because somebody asked for it; nothing waits any more (format §5.9)."""
    run.content = reason
    decided = [item.raw for item in run.step_requirements if not item.is_open]
    if "step_requirements" in run.raw:
        run.raw["step_requirements"] = decided
    run.raw.pop("pause_kind", None)
    _end(run, "CANCELLED")


def pause(run: WorkflowRunOutput, position: int, reason: Paused, name: str | None) -> None:
    """Let the run wait for a person."""
    run.raw.setdefault("step_requirements", []).append(reason.requirement.raw)
    run.raw["pause_kind"] = "step" if reason.run is None else "executor"
    _wait(run, position, name)


def waits_for_decision(run: WorkflowRunOutput, position: int, step: Any, error: BaseException, retries: int) -> None:
    """Let the run wait for a person who says whether a failed step is retried or left out."""
    asked = {
        "step_id": step.step_id,
        "step_name": step.name,
        "step_index": position,
        "error_message": str(error),
        "error_type": type(error).__name__,
        "retry_count": retries,
        "decision": None,
    }
    run.raw.setdefault("error_requirements", []).append(asked)
    _wait(run, position, step.name)


def resume(run: WorkflowRunOutput) -> None:
    """Let the run go on."""
    for key in ("paused_step_index", "paused_step_name", "pause_kind"):
        run.raw.pop(key, None)
    run.raw["status"] = "RUNNING"


def executor_runs(run: WorkflowRunOutput) -> list[Run]:
    """Return the runs of the executors so far."""
    return [inner for inner in run.embedded if inner.run_id]


def _wait(run: WorkflowRunOutput, position: int, name: str | None) -> None:
    run.raw |= {"paused_step_index": position, "status": "PAUSED"}
    if name is not None:
        run.raw["paused_step_name"] = name


def _end(run: WorkflowRunOutput, status: str) -> None:
    for key in ("paused_step_index", "paused_step_name"):
        run.raw.pop(key, None)
    if status == "COMPLETED":
        run.raw.pop("pause_kind", None)
    run.raw["status"] = status


def _metrics(results: list[StepOutput]) -> dict[str, Any]:
    """Return what each executor used, by name of step; of steps that share a name the uses are added up."""
    found: dict[str, Any] = {}
    waiting = list(reversed(results))
    while waiting:
        output = waiting.pop()
        waiting.extend(reversed(output.steps))
        if output.metrics is None or not output.step_name:
            continue
        known = found.get(output.step_name)
        found[output.step_name] = {
            "step_name": output.step_name,
            "executor_type": output.executor_type,
            "executor_name": output.executor_name,
            "metrics": added(known["metrics"], output.metrics.raw) if known else output.metrics.raw,
        }
    return found


def added(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Return two metrics as one: numbers are summed, entries of `details` put together."""
    result = dict(first)
    for key, value in second.items():
        known = result.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            result[key] = added(known, value)
        elif isinstance(known, list) and isinstance(value, list):
            result[key] = [*known, *value]
        elif isinstance(known, int | float) and isinstance(value, int | float) and key != "time_to_first_token":
            result[key] = known + value
        else:
            result.setdefault(key, value)
    return result
