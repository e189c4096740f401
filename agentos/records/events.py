"""Events of a run while it goes on: what a stream yields, and what a component that stores events keeps in its runs.

Names and keys are Agno's (format §9). An event of a team's leader has the same shape as an agent's, its name begins
with "Team".
"""

import time
from enum import StrEnum
from typing import Any, Final

from agentos.records.fields import Integer, Number, Object, Objects, One, Record, Text, Value
from agentos.records.metrics import Metrics
from agentos.records.tools import ToolExecution

__all__ = ["RunEvent", "RunOutputEvent", "TeamRunEvent", "WorkflowRunEvent"]

_RUN: Final = """
    run_started run_content run_intermediate_content run_content_completed run_completed run_error run_cancelled
    run_paused run_continued pre_hook_started pre_hook_completed post_hook_started post_hook_completed tool_call_started
    tool_call_completed tool_call_error reasoning_started reasoning_step reasoning_content_delta reasoning_completed
    memory_update_started memory_update_completed session_summary_started session_summary_completed
    parser_model_response_started parser_model_response_completed output_model_response_started
    output_model_response_completed model_request_started model_request_completed compression_started
    compression_completed followups_started followups_completed"""
_WORKFLOW: Final = """
    workflow_started workflow_completed workflow_paused workflow_cancelled workflow_error workflow_agent_started
    workflow_agent_completed step_started step_completed step_progress step_paused step_continued step_executor_paused
    step_executor_continued step_output_review step_error loop_execution_started loop_iteration_started
    loop_iteration_completed loop_execution_completed parallel_execution_started parallel_execution_completed
    condition_execution_started condition_execution_completed condition_paused router_execution_started
    router_execution_completed router_paused steps_execution_started steps_execution_completed step_output"""


def _named(names: str, prefix: str = "") -> list[tuple[str, str]]:
    """Return member and value of each: `run_started` is "RunStarted"."""
    pairs = [(name, prefix + "".join(word.capitalize() for word in name.split("_"))) for name in names.split()]
    return [*pairs, ("custom_event", "CustomEvent")]


# The functional form loses nothing: each name follows from the other by one rule.
RunEvent = StrEnum("RunEvent", _named(_RUN))  # type: ignore[misc]
TeamRunEvent = StrEnum("TeamRunEvent", _named(_RUN, "Team"))  # type: ignore[misc]
WorkflowRunEvent = StrEnum("WorkflowRunEvent", _named(_WORKFLOW))  # type: ignore[misc]


class RunOutputEvent(Record):
    """One event. `content` of a content event is the new piece only, of a completed run the whole answer."""

    __slots__ = ()
    event = Text()
    created_at = Integer()
    run_id = Text()
    session_id = Text()
    parent_run_id = Text()
    nested_depth = Integer()
    agent_id = Text()
    agent_name = Text()
    team_id = Text()
    team_name = Text()
    workflow_id = Text()
    workflow_name = Text()
    workflow_run_id = Text()
    step_id = Text()
    step_name = Text()
    step_index = Value()
    step_response = Value()
    step_output = Value()
    step_results = Value()
    iteration = Integer()
    content = Value()
    content_type = Text()
    reasoning_content = Text()
    model = Text()
    model_provider = Text()
    tool = One(ToolExecution)
    tools = Objects()
    requirements = Objects()
    metrics = One(Metrics)
    session_state = Object()
    session_summary = Object()
    member_responses = Objects()
    error_type = Text()
    error = Text()
    reason = Text()
    input_tokens = Integer()
    output_tokens = Integer()
    total_tokens = Integer()
    time_to_first_token = Number()

    @classmethod
    def now(cls, event: str, **values: Any) -> "RunOutputEvent":
        """Return the event of this name as of now; a value that is None leaves its key out, as Agno does."""
        raw = {"created_at": int(time.time()), "event": str(event)}
        return cls.from_dict(raw | {key: value for key, value in values.items() if value is not None})

    @property
    def is_content(self) -> bool:
        """Whether it is a piece of the answer."""
        return self.event in ("RunContent", "TeamRunContent")
