"""The runs of agents, teams and workflows inside a step: their events, and what the step makes of them."""

from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agentos.agents.request import RunRequest
from agentos.agents.storing import stored_form
from agentos.records import Run, StepOutput, WorkflowRunOutput
from agentos.records.events import RunOutputEvent
from agentos.workflow.work import Work, shown

if TYPE_CHECKING:
    from agentos.workflow.step import Step

__all__ = ["handed_on", "output_of", "run_executor"]


def run_executor(component: Any, request: RunRequest, work: Work) -> Iterator[Any]:
    """Begin a run, or continue the paused one that this work is about."""
    paused, work.resumption.run = work.resumption.run, None
    asked = work.resumption.requirement
    answers = asked.executor_requirements if asked is not None else []
    return iter(
        component.perform(request)
        if paused is None
        else component.resume(replace(request, run_id=paused.run_id or request.run_id), paused, answers)
    )


def handed_on(
    step: "Step", work: Work, place: tuple[int, ...], items: Iterator[Any]
) -> Generator[RunOutputEvent, None, Run]:
    """Yield a run's events with the step they belong to; keep and return the run.

    Raises:
        RuntimeError: there was no run at the end.
    """
    run: Run | None = None
    for item in items:
        if isinstance(item, Run):
            run = item
        elif work.executor_events:
            yield _located(item, step, work, place)
    if run is None:
        raise RuntimeError(f"The {step.executor_type} of step {step.name} ended without a run.")
    run.parent_run_id, run.workflow_step_id = work.context.run_id, step.step_id
    _keep(step.component, work, run)
    return run


def output_of(step: "Step", run: Run) -> StepOutput:
    """Return a step's output for the run of its executor."""
    values: dict[str, Any] = {
        "executor_type": step.executor_type,
        "executor_name": step.executor_name,
        "step_run_id": run.run_id,
        "images": run.images or None,
        "videos": run.videos or None,
        "audio": run.audio or None,
        "files": run.files or None,
    }
    if isinstance(run, WorkflowRunOutput):
        duration = run.metrics.duration if run.metrics else None
        values |= {"step_type": "Workflow", "steps": run.step_results, "metrics": {"duration": duration}}
        return step.output(run.content, **values)
    return step.output(run.content, metrics=run.metrics, **values)


def _keep(component: Any, work: Work, run: Run) -> None:
    """Keep the run as its component stores runs, in the place of its own paused one if there is one.

    The members' runs of a team stay in it: a workflow's session has no other place for them (format §3.9).
    """
    if hasattr(component, "store_tool_messages"):
        run = stored_form(component, run, embed_members=True)
    runs = work.executor_runs
    runs[:] = [other for other in runs if other.run_id != run.run_id]
    runs.append(run)


def _located(event: RunOutputEvent, step: "Step", work: Work, place: tuple[int, ...]) -> RunOutputEvent:
    """Say in an executor's event where in the workflow it happened; a workflow inside says so of its own ones."""
    if step.workflow is not None or "workflow_run_id" in event.raw:
        return event
    context = work.context
    event.raw.setdefault("workflow_id", context.workflow_id)
    event.raw |= {"workflow_run_id": context.run_id, "step_id": step.step_id, "step_name": step.name}
    event.raw["step_index"] = shown(place)
    return event
