"""The shapes that must never be written: one such run and Agno cannot load its whole session any more."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from agentos.db.writer_errors import InvalidRun
from agentos.records import Run

STATUSES: Final = frozenset({"PENDING", "RUNNING", "COMPLETED", "PAUSED", "CANCELLED", "ERROR", "REGENERATED"})
# Runs in these states are left out of the history a model is sent, so a call may stay unanswered in them.
_NOT_HISTORY: Final = frozenset({"PAUSED", "CANCELLED", "ERROR"})
_NEXT_ACTIONS: Final = frozenset({"continue", "validate", "final_answer", "reset"})
_INPUT_FIELD_KEYS: Final = frozenset({"name", "field_type", "description", "value"})
_STEP_REQUIREMENT_KEYS: Final = frozenset(
    """step_id step_name step_index step_type requires_confirmation confirmation_message confirmed on_reject
    requires_user_input user_input_message user_input user_input_schema requires_route_selection available_choices
    allow_multiple_selections selected_choices requires_output_review output_review_message is_post_execution
    rejection_feedback retry_count max_retries timeout_at on_timeout step_input requires_executor_input
    executor_requirements executor_id executor_name executor_run_id executor_type executor_session_id step_output
    edited_output""".split()
)
_ERROR_REQUIREMENT_KEYS: Final = frozenset(
    "step_id step_name step_index error_message error_type retry_count decision".split()
)
_AGENT_EVENTS: Final = frozenset(
    """RunStarted RunContent RunIntermediateContent RunContentCompleted RunCompleted RunError RunCancelled RunPaused
    RunContinued PreHookStarted PreHookCompleted PostHookStarted PostHookCompleted ToolCallStarted ToolCallCompleted
    ToolCallError ReasoningStarted ReasoningStep ReasoningContentDelta ReasoningCompleted MemoryUpdateStarted
    MemoryUpdateCompleted SessionSummaryStarted SessionSummaryCompleted ParserModelResponseStarted
    ParserModelResponseCompleted OutputModelResponseStarted OutputModelResponseCompleted ModelRequestStarted
    ModelRequestCompleted CompressionStarted CompressionCompleted FollowupsStarted FollowupsCompleted
    CustomEvent""".split()
)
_WORKFLOW_EVENTS: Final = frozenset(
    """WorkflowStarted WorkflowAgentStarted WorkflowAgentCompleted StepStarted StepOutput StepCompleted StepError
    StepPaused StepContinued LoopExecutionStarted LoopIterationStarted LoopIterationCompleted LoopExecutionCompleted
    ParallelExecutionStarted ParallelExecutionCompleted ConditionExecutionStarted ConditionExecutionCompleted
    RouterExecutionStarted RouterExecutionCompleted StepsExecutionStarted StepsExecutionCompleted WorkflowPaused
    WorkflowCancelled WorkflowError WorkflowCompleted""".split()
)
_EVENTS: Final = _AGENT_EVENTS | {f"Team{name}" for name in _AGENT_EVENTS} | _WORKFLOW_EVENTS


def check_writable(run: Run, *, as_history: bool = True) -> None:
    """Refuse a run that Agno could not load, and one that a provider would later refuse `as_history`.

    Raises:
        InvalidRun: with the first problem found, as a sentence.
    """
    raw = run.raw
    for key in ("run_id", "session_id"):
        _require(isinstance(raw.get(key), str) and raw[key], f"its {key} is missing")
    _require(_is_int(raw.get("created_at")), "its created_at is not a whole number of seconds")
    try:
        _check_run(raw, as_history)
    except RecursionError as error:
        raise InvalidRun("This run cannot be stored: it is nested too deep.") from error


def check_summary(summary: Any) -> None:
    """Refuse a session summary that Agno could not load.

    Raises:
        InvalidRun: it has another key than summary, topics and updated_at, or one of another type.
    """
    if summary is None:
        return
    _require(isinstance(summary, dict) and summary.keys() <= {"summary", "topics", "updated_at"}, "its summary is odd")
    _require(isinstance(summary.get("summary", ""), str), "the text of its summary is not text")
    _require(isinstance(summary.get("updated_at", ""), str), "the time of its summary is not text")


def _check_run(run: Any, as_history: bool) -> None:
    _require(isinstance(run, dict), "a run is not an object")
    _require(_one_of(run.get("status"), STATUSES), "its status is none that Agno knows")
    is_workflow = "agent_id" not in run and "team_id" not in run
    if is_workflow:
        _require(isinstance(run.get("workflow_id"), str), "it has no agent_id, team_id or workflow_id")
    else:
        _require(_absent_or(dict, run, "input"), "its input is not an object")
    _require(_absent_or(dict, run, "citations"), "its citations are not an object")
    _check_metrics(run, is_workflow=is_workflow)
    for key in ("messages", "reasoning_messages", "additional_input"):
        for message in _items(run, key):
            _check_message(message)
    if as_history and run["status"] not in _NOT_HISTORY:
        _check_tool_pairs(_items(run, "messages"))
    for key, check in _LISTS.items():
        for item in _items(run, key):
            check(item)
    for embedded in _embedded(run):
        _check_run(embedded, as_history)


def _embedded(run: dict[str, Any]) -> Iterator[Any]:
    yield from _items(run, "member_responses")
    yield from _items(run, "step_executor_runs")
    if run.get("workflow_agent_run") is not None:
        yield run["workflow_agent_run"]


def _check_metrics(run: dict[str, Any], *, is_workflow: bool) -> None:
    metrics = run.get("metrics")
    if metrics is None:
        return
    _require(isinstance(metrics, dict), "its metrics are not an object")
    _require(_absent_or(dict, metrics, "details"), "the details of its metrics are not an object")
    if is_workflow:
        _require(isinstance(metrics.get("steps"), dict), "the metrics of a workflow run name no steps")


def _check_message(message: Any) -> None:
    _require(isinstance(message, dict), "a message is not an object")
    _require(isinstance(message.get("role"), str) and message["role"], "a message has no role")
    _require(isinstance(message.get("content"), str | list | None), "the content of a message is no text or list")
    _require(_absent_or(dict, message, "metrics"), "the metrics of a message are not an object")


def _check_tool_pairs(messages: list[Any]) -> None:
    """Providers refuse a history in which a tool call is not followed by its result."""
    waiting: set[Any] = set()
    for message in messages:
        if message["role"] == "tool":
            waiting.discard(message.get("tool_call_id"))
            continue
        _require(not waiting, "a tool call is not followed by its result")
        calls = _items(message, "tool_calls")
        _require(all(isinstance(call, dict) for call in calls), "a tool call is not an object")
        waiting = {str(call.get("id")) for call in calls}
    _require(not waiting, "a tool call is not followed by its result")


def _check_tool(tool: Any) -> None:
    _require(isinstance(tool, dict), "a tool execution is not an object")
    for field in _items(tool, "user_input_schema"):
        _require(isinstance(field, dict) and field.keys() >= _INPUT_FIELD_KEYS, "a field asked of the user is odd")


def _check_requirement(requirement: Any) -> None:
    _require(isinstance(requirement, dict), "a requirement is not an object")
    _check_tool(requirement.get("tool_execution"))
    for field in _items(requirement, "user_input_schema"):
        _require(isinstance(field, dict) and field.keys() >= _INPUT_FIELD_KEYS, "a field asked of the user is odd")


def _check_reasoning_step(step: Any) -> None:
    _require(isinstance(step, dict), "a reasoning step is not an object")
    action = step.get("next_action")
    _require(action is None or _one_of(action, _NEXT_ACTIONS), "a reasoning step has an unknown next_action")


def _check_event(event: Any) -> None:
    _require(isinstance(event, dict) and _one_of(event.get("event"), _EVENTS), "it has an unknown event")


def _check_step_requirement(item: Any) -> None:
    _require(isinstance(item, dict) and item.keys() <= _STEP_REQUIREMENT_KEYS, "a step requirement is odd")
    _require("step_id" in item, "a step requirement names no step")


def _check_error_requirement(item: Any) -> None:
    _require(isinstance(item, dict) and item.keys() <= _ERROR_REQUIREMENT_KEYS, "an error requirement is odd")
    _require("step_id" in item, "an error requirement names no step")


_LISTS: Final[dict[str, Callable[[Any], None]]] = {
    "tools": _check_tool,
    "requirements": _check_requirement,
    "reasoning_steps": _check_reasoning_step,
    "events": _check_event,
    "step_requirements": _check_step_requirement,
    "error_requirements": _check_error_requirement,
}


def _items(value: dict[str, Any], key: str) -> list[Any]:
    """Return the list under `key`, empty when there is none."""
    _require(_absent_or(list, value, key), f"its {key} is not a list")
    return value.get(key) or []


def _absent_or(kind: type, value: dict[str, Any], key: str) -> bool:
    return isinstance(value.get(key), kind | None)


def _one_of(value: Any, known: frozenset[str]) -> bool:
    return isinstance(value, str) and value in known


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _require(condition: object, problem: str) -> None:
    if not condition:
        raise InvalidRun(f"This run cannot be stored, because Agno could not load the session after it: {problem}.")
