"""Runs about to begin: what a caller, or a workflow around this one, asked for."""

from typing import TYPE_CHECKING, Any

from agentos.agents import cancelling
from agentos.agents.component import OpenSession
from agentos.agents.request import RunContext, RunRequest
from agentos.records import WorkflowRunOutput
from agentos.workflow.history import LateSession
from agentos.workflow.plain import jsonable
from agentos.workflow.task import Task
from agentos.workflow.types import StepInput
from agentos.workflow.work import Work

if TYPE_CHECKING:
    from agentos.workflow.workflow import Workflow

__all__ = ["step_input_of", "task_of", "task_within", "work_of"]

_MEDIA = ("images", "videos", "audio", "files")
# Options of Agno's programs that change nothing here.
_IGNORED = ("debug_mode", "background", "background_tasks", "websocket", "enable_websocket")


def task_of(
    workflow: "Workflow",
    opened: OpenSession,
    given: Any,
    run_id: str,
    options: dict[str, Any],
    *,
    stream: bool,
    loop: Any,
) -> Task:
    """Return the run that a caller asked for in a session."""
    for name in _IGNORED:
        options.pop(name, None)
    given = validated(workflow.input_schema, given)
    metadata = {**(workflow.metadata or {}), **(options.pop("metadata", None) or {})}
    work = work_of(workflow, opened, run_id, options, metadata, stream=stream, loop=loop)
    run = new_run(workflow, work, given)
    values = {kind: list(options.pop(kind, None) or ()) or None for kind in _MEDIA}
    step_input = step_input_of(workflow, work, given, options.pop("additional_data", None), values)
    if options and workflow.function is None:
        raise TypeError(f"A run has no option {next(iter(options))!r}.")
    return Task(run=run, work=work, step_input=step_input, extra=options)


def task_within(workflow: "Workflow", request: RunRequest) -> Task:
    """Return the run of a workflow that is a step of another one."""
    context = RunContext(
        run_id=request.run_id,
        session_id=request.session_id,
        user_id=request.user_id,
        workflow_id=workflow.component_id,
        workflow_name=workflow.name,
        session_state=request.session_state,
        dependencies=request.dependencies,
        metadata=request.metadata,
    )
    work = Work(
        context=context,
        stream=request.stream,
        executor_events=workflow.stream_executor_events,
        loop=request.loop,
        cancelled=request.cancelled,
        db=request.db,
        session=request.session,
        depth=request.depth + 1,
        parent_step_id=request.workflow_step_id,
    )
    run = new_run(workflow, work, request.input)
    run.parent_run_id, run.workflow_step_id = request.parent_run_id, request.workflow_step_id
    values = {kind: list(getattr(request, kind)) or None for kind in _MEDIA}
    return Task(run=run, work=work, step_input=step_input_of(workflow, work, request.input, None, values))


def work_of(
    workflow: "Workflow",
    opened: OpenSession,
    run_id: str,
    options: dict[str, Any],
    metadata: dict[str, Any],
    *,
    stream: bool,
    loop: Any,
) -> Work:
    """Return what the steps of a run in a session share."""
    context = RunContext(
        run_id=run_id,
        session_id=opened.session_id,
        user_id=opened.user_id,
        workflow_id=workflow.component_id,
        workflow_name=workflow.name,
        session_state=opened.state,
        dependencies={**(workflow.dependencies or {}), **(options.pop("dependencies", None) or {})} or None,
        metadata=metadata,
    )
    flags = ("add_session_state_to_context", "add_dependencies_to_context")
    chosen = {flag: options.pop(flag, None) for flag in flags}
    return Work(
        context=context,
        stream=stream,
        executor_events=workflow.stream_executor_events,
        loop=loop,
        cancelled=lambda: cancelling.is_cancelled(run_id),
        db=workflow.db,
        session=opened.session,
        add_history=workflow.add_workflow_history_to_steps,
        num_history_runs=workflow.num_history_runs,
        **{flag: getattr(workflow, flag) if value is None else value for flag, value in chosen.items()},
    )


def new_run(workflow: "Workflow", work: Work, given: Any) -> WorkflowRunOutput:
    """Return the record of a run that has just begun."""
    context = work.context
    return WorkflowRunOutput(
        input=jsonable(given),
        content_type="str",
        workflow_id=workflow.component_id,
        workflow_name=workflow.name,
        run_id=context.run_id,
        session_id=context.session_id,
        user_id=context.user_id,
        metadata=context.metadata or {},
        status="RUNNING",
    )


def step_input_of(
    workflow: "Workflow", work: Work, given: Any, additional_data: Any, media: dict[str, Any]
) -> StepInput:
    """Return the input of the first step."""
    context = work.context
    session = LateSession(workflow.db, context.session_id, context.user_id) if workflow.db is not None else None
    return StepInput(input=given, additional_data=additional_data, workflow_session=session, **media)


def validated(schema: Any, value: Any) -> Any:
    """Return the input as the wanted model.

    Raises:
        pydantic.ValidationError: it does not fit.
    """
    if schema is None or value is None or isinstance(value, schema):
        return value
    return schema.model_validate_json(value) if isinstance(value, str) else schema.model_validate(value)
