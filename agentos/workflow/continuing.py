"""Going on with a paused run: what people decided, and where it leads."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from agentos.agents.component import OpenSession
from agentos.db.writer_errors import RunNotFound
from agentos.records import ErrorRequirement, Run, StepOutput, StepRequirement, WorkflowRunOutput
from agentos.workflow import outcome
from agentos.workflow.engine import skipped_output
from agentos.workflow.node import follow
from agentos.workflow.resuming import Resumption, way_down
from agentos.workflow.task import Task
from agentos.workflow.tasks import step_input_of
from agentos.workflow.types import OnReject, OnTimeout, StepInput, StepType
from agentos.workflow.work import Work

if TYPE_CHECKING:
    from agentos.db.base import BaseDb
    from agentos.workflow.workflow import Workflow

__all__ = ["stored_run", "taken_up"]

# What a caller may say in a requirement; everything else in it is as it was stored.
_DECISIONS: Final = (
    "confirmed",
    "on_reject",
    "rejection_feedback",
    "edited_output",
    "user_input",
    "user_input_schema",
    "selected_choices",
    "executor_requirements",
)


def stored_run(
    db: "BaseDb | None", opened: OpenSession, given: WorkflowRunOutput | None, run_id: str
) -> WorkflowRunOutput:
    """Return the run as it is stored; without a database, as it was given.

    Raises:
        RunNotFound: there is no such run in the session.
        ValueError: it is not paused.
    """
    run = db.get_run(run_id) if db is not None else given
    if not isinstance(run, WorkflowRunOutput) or (db is not None and run.session_id != opened.session_id):
        raise RunNotFound(run_id)
    if run.status != "PAUSED":
        raise ValueError(f"The run {run_id} is {run.status}; only a paused run can be continued.")
    opened.continued = run_id
    return run


def taken_up(
    workflow: "Workflow",
    run: WorkflowRunOutput,
    work: Work,
    given: WorkflowRunOutput | None,
    requirements: Sequence[StepRequirement] | None,
) -> Task:
    """Return what is left of a paused run, with the decisions in `given` or in `requirements` written into it.

    Raises:
        ValueError: something is still undecided.
    """
    _decide(run, given, requirements)
    _check(run)
    results, position = run.step_results, run.paused_step_index or 0
    way = way_down(results.pop()) if results and results[-1].is_paused else []
    error = next(reversed(run.error_requirements), None) if run.pause_kind is None else None
    asked = next(reversed(run.step_requirements), None) if run.pause_kind is not None else None
    outcome.resume(run)
    work.executor_runs = outcome.executor_runs(run)
    work.resumption.asked = run.step_requirements
    task = Task(
        run=run, work=work, step_input=_first_input(workflow, work, run, asked), start=position, results=results
    )
    if error is not None:
        _after_error(task, workflow, error)
    elif asked is not None and asked.is_post_execution and not way:
        _after_review(task, asked)
    elif asked is not None:
        _at_step(task, asked, way)
    task.step_input = _input_after(task.step_input, task.results)
    return task


def _decide(run: WorkflowRunOutput, given: Run | None, requirements: Sequence[StepRequirement] | None) -> None:
    """Take the decisions over into the stored run, each by its requirement's place or step."""
    said = list(given.step_requirements if requirements is None and given is not None else requirements or ())
    for stored in run.step_requirements:
        if not stored.is_open:
            continue
        same = [item for item in said if item.step_id == stored.step_id]
        if same:
            stored.raw.update({key: same[-1].raw[key] for key in _DECISIONS if same[-1].raw.get(key) is not None})
        _answers_from_fields(stored)
    for failed in run.error_requirements:
        said_of = [item for item in (given.error_requirements if given else ()) if item.step_id == failed.step_id]
        if failed.needs_decision and said_of:
            failed.decision = said_of[-1].decision


def _answers_from_fields(requirement: StepRequirement) -> None:
    """Take the values of filled-in fields for the answers, when those were not given as such."""
    filled = {field.name: field.value for field in requirement.user_input_schema if field.value is not None}
    if requirement.needs_user_input and filled:
        requirement.raw["user_input"] = filled


def _check(run: WorkflowRunOutput) -> None:
    for asked in run.step_requirements:
        if asked.is_open and asked.is_timed_out:
            _time_out(asked)
    open_steps = [item.step_name for item in run.active_step_requirements]
    open_steps += [item.step_name for item in run.active_error_requirements]
    if open_steps:
        names = ", ".join(str(name) for name in open_steps)
        raise ValueError(f"The run {run.run_id} still waits for a decision on: {names}.")


def _time_out(asked: StepRequirement) -> None:
    """Decide as the step's policy says, since nobody has."""
    approved = asked.on_timeout == OnTimeout.approve
    asked.raw |= {"confirmed": approved, "on_reject": "skip" if asked.on_timeout == OnTimeout.skip else "cancel"}
    if asked.needs_user_input:
        asked.raw["user_input"] = {}
    if asked.needs_route_selection:
        asked.raw["requires_route_selection"] = False


def _after_error(task: Task, workflow: "Workflow", failed: ErrorRequirement) -> None:
    if failed.should_skip:
        node = workflow.nodes()[task.start]
        task.results = [*task.results, skipped_output(node, failed.error_message or "")]
        task.start += 1


def _after_review(task: Task, asked: StepRequirement) -> None:
    """Go on after a step whose output was looked at: accepted, changed, left out, or done again."""
    results = list(task.results)
    if asked.confirmed:
        if asked.edited_output is not None:
            results[-1].raw["content"] = asked.edited_output
        task.start += 1
    else:
        rejected = results.pop()
        again = asked.on_reject == OnReject.retry and (asked.retry_count or 0) < (asked.max_retries or 0)
        if again:
            task.work.resumption.retries = (asked.retry_count or 0) + 1
            if asked.step_type == StepType.ROUTER:
                task.work.resumption.reroute = True
            else:
                _at_step(task, asked, [])
        elif asked.on_reject == OnReject.skip:
            task.start += 1
        else:
            task.ends = f"The output of step {rejected.step_name} was rejected."
    task.results = results


def _at_step(task: Task, asked: StepRequirement, way: list[list[StepOutput]]) -> None:
    """Go on at the step that waited, with the run of its agent or team if that did."""
    resumption: Resumption = task.work.resumption
    resumption.requirement, resumption.way, resumption.active = asked, way, True
    resumption.retries = max(resumption.retries, asked.retry_count or 0)
    if asked.requires_executor_input:
        runs = [inner for inner in task.work.executor_runs if inner.run_id == asked.executor_run_id]
        if not runs:
            raise RunNotFound(asked.executor_run_id or "")
        resumption.run = runs[-1]


def _first_input(workflow: "Workflow", work: Work, run: Run, asked: StepRequirement | None) -> StepInput:
    """Return the input of the first step. What the run does not keep of it, the requirement does."""
    stored: dict[str, Any] = asked.step_input if asked is not None and isinstance(asked.step_input, dict) else {}
    known = StepInput.from_dict(stored)
    media = {"images": known.images, "videos": known.videos, "audio": known.audio, "files": known.files}
    given = (
        workflow.input_schema.model_validate(run.input)
        if isinstance(run.input, dict) and workflow.input_schema
        else run.input
    )
    return step_input_of(workflow, work, given, known.additional_data, media)


def _input_after(step_input: StepInput, results: Sequence[StepOutput]) -> StepInput:
    """Return the input of the step after those that are done; their media are in it already."""
    kept = {kind: getattr(step_input, kind) for kind in ("images", "videos", "audio", "files")}
    for output in results:
        step_input = follow(step_input, output.step_name, output)
    had_media = any(kept.values())
    return replace(step_input, **kept) if had_media else step_input
