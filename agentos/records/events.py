"""Events of a run while it goes on: what a stream yields, and what a component that stores events keeps in its runs.

Names and keys are Agno's (format §9). An event of a team's leader has the same shape as an agent's, its name begins
with "Team".
"""

from enum import StrEnum
from typing import Any

from agentos.records.fields import Integer, Number, Object, Objects, One, Record, Text, Value
from agentos.records.metrics import Metrics
from agentos.records.moment import now
from agentos.records.tools import ToolExecution

__all__ = ["RunEvent", "RunOutputEvent", "TeamRunEvent", "WorkflowRunEvent"]


class RunEvent(StrEnum):
    """Events of an agent's run."""

    run_started = "RunStarted"
    run_content = "RunContent"
    run_intermediate_content = "RunIntermediateContent"
    run_content_completed = "RunContentCompleted"
    run_completed = "RunCompleted"
    run_error = "RunError"
    run_cancelled = "RunCancelled"
    run_paused = "RunPaused"
    run_continued = "RunContinued"
    pre_hook_started = "PreHookStarted"
    pre_hook_completed = "PreHookCompleted"
    post_hook_started = "PostHookStarted"
    post_hook_completed = "PostHookCompleted"
    tool_call_started = "ToolCallStarted"
    tool_call_completed = "ToolCallCompleted"
    tool_call_error = "ToolCallError"
    reasoning_started = "ReasoningStarted"
    reasoning_step = "ReasoningStep"
    reasoning_content_delta = "ReasoningContentDelta"
    reasoning_completed = "ReasoningCompleted"
    memory_update_started = "MemoryUpdateStarted"
    memory_update_completed = "MemoryUpdateCompleted"
    session_summary_started = "SessionSummaryStarted"
    session_summary_completed = "SessionSummaryCompleted"
    parser_model_response_started = "ParserModelResponseStarted"
    parser_model_response_completed = "ParserModelResponseCompleted"
    output_model_response_started = "OutputModelResponseStarted"
    output_model_response_completed = "OutputModelResponseCompleted"
    model_request_started = "ModelRequestStarted"
    model_request_completed = "ModelRequestCompleted"
    compression_started = "CompressionStarted"
    compression_completed = "CompressionCompleted"
    followups_started = "FollowupsStarted"
    followups_completed = "FollowupsCompleted"
    compaction_started = "CompactionStarted"
    compaction_completed = "CompactionCompleted"
    custom_event = "CustomEvent"


class TeamRunEvent(StrEnum):
    """Events of a team leader's run."""

    run_started = "TeamRunStarted"
    run_content = "TeamRunContent"
    run_intermediate_content = "TeamRunIntermediateContent"
    run_content_completed = "TeamRunContentCompleted"
    run_completed = "TeamRunCompleted"
    run_error = "TeamRunError"
    run_cancelled = "TeamRunCancelled"
    run_paused = "TeamRunPaused"
    run_continued = "TeamRunContinued"
    pre_hook_started = "TeamPreHookStarted"
    pre_hook_completed = "TeamPreHookCompleted"
    post_hook_started = "TeamPostHookStarted"
    post_hook_completed = "TeamPostHookCompleted"
    tool_call_started = "TeamToolCallStarted"
    tool_call_completed = "TeamToolCallCompleted"
    tool_call_error = "TeamToolCallError"
    reasoning_started = "TeamReasoningStarted"
    reasoning_step = "TeamReasoningStep"
    reasoning_content_delta = "TeamReasoningContentDelta"
    reasoning_completed = "TeamReasoningCompleted"
    memory_update_started = "TeamMemoryUpdateStarted"
    memory_update_completed = "TeamMemoryUpdateCompleted"
    session_summary_started = "TeamSessionSummaryStarted"
    session_summary_completed = "TeamSessionSummaryCompleted"
    parser_model_response_started = "TeamParserModelResponseStarted"
    parser_model_response_completed = "TeamParserModelResponseCompleted"
    output_model_response_started = "TeamOutputModelResponseStarted"
    output_model_response_completed = "TeamOutputModelResponseCompleted"
    model_request_started = "TeamModelRequestStarted"
    model_request_completed = "TeamModelRequestCompleted"
    compression_started = "TeamCompressionStarted"
    compression_completed = "TeamCompressionCompleted"
    followups_started = "TeamFollowupsStarted"
    followups_completed = "TeamFollowupsCompleted"
    task_iteration_started = "TeamTaskIterationStarted"
    task_iteration_completed = "TeamTaskIterationCompleted"
    task_state_updated = "TeamTaskStateUpdated"
    task_created = "TeamTaskCreated"
    task_updated = "TeamTaskUpdated"
    custom_event = "CustomEvent"


class WorkflowRunEvent(StrEnum):
    """Events of a workflow's run."""

    workflow_started = "WorkflowStarted"
    workflow_completed = "WorkflowCompleted"
    workflow_paused = "WorkflowPaused"
    workflow_cancelled = "WorkflowCancelled"
    workflow_error = "WorkflowError"
    workflow_agent_started = "WorkflowAgentStarted"
    workflow_agent_completed = "WorkflowAgentCompleted"
    step_started = "StepStarted"
    step_completed = "StepCompleted"
    step_progress = "StepProgress"
    step_paused = "StepPaused"
    step_continued = "StepContinued"
    step_executor_paused = "StepExecutorPaused"
    step_executor_continued = "StepExecutorContinued"
    step_output_review = "StepOutputReview"
    step_error = "StepError"
    loop_execution_started = "LoopExecutionStarted"
    loop_iteration_started = "LoopIterationStarted"
    loop_iteration_completed = "LoopIterationCompleted"
    loop_execution_completed = "LoopExecutionCompleted"
    parallel_execution_started = "ParallelExecutionStarted"
    parallel_execution_completed = "ParallelExecutionCompleted"
    condition_execution_started = "ConditionExecutionStarted"
    condition_execution_completed = "ConditionExecutionCompleted"
    condition_paused = "ConditionPaused"
    router_execution_started = "RouterExecutionStarted"
    router_execution_completed = "RouterExecutionCompleted"
    router_paused = "RouterPaused"
    steps_execution_started = "StepsExecutionStarted"
    steps_execution_completed = "StepsExecutionCompleted"
    step_output = "StepOutput"
    custom_event = "CustomEvent"


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
        raw = {"created_at": int(now()), "event": str(event)}
        return cls.from_dict(raw | {key: value for key, value in values.items() if value is not None})

    @property
    def is_content(self) -> bool:
        """Whether it is a piece of the answer."""
        return self.event in ("RunContent", "TeamRunContent")
