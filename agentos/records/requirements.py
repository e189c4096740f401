"""What a paused run waits for: on tools of an agent or team, on steps of a workflow, on a failed step."""

from agentos.records.decisions import ErrorDecisions, StepDecisions
from agentos.records.details import InputField, UserQuestion
from agentos.records.fields import Flag, Integer, Many, Object, Objects, One, Record, Switch, Text, Value
from agentos.records.tools import ToolExecution

__all__ = ["ErrorRequirement", "Requirement", "StepRequirement"]


class Requirement(Record):
    """An entry of `requirements`. On a team's run `member_*` say whose it is. `created_at` is an ISO string."""

    __slots__ = ()
    id = Text()
    created_at = Text()
    confirmation = Switch()
    confirmation_note = Text()
    external_execution_result = Value()
    member_agent_id = Text()
    member_agent_name = Text()
    member_run_id = Text()
    tool_execution = One(ToolExecution)
    user_input_schema = Many(InputField)
    user_feedback_schema = Many(UserQuestion)

    @property
    def kind(self) -> str | None:
        """One of confirmation, user_input, user_feedback, external_execution; None when it cannot be told."""
        tool = self.tool_execution
        if self.user_feedback_schema or (tool and tool.user_feedback_schema):
            return "user_feedback"
        if self.user_input_schema or (tool and tool.requires_user_input):
            return "user_input"
        if self.external_execution_result is not None or (tool and tool.external_execution_required):
            return "external_execution"
        # Agno takes requires_confirmation back once the call is rejected.
        if self.confirmation is not None or (tool and (tool.requires_confirmation or tool.confirmed is not None)):
            return "confirmation"
        return None

    @property
    def is_resolved(self) -> bool:
        """Whether nobody has to do anything about it any more; it stays in the run all the same."""
        if self.confirmation is not None or self.external_execution_result is not None:
            return True
        tool = self.tool_execution
        return tool is not None and not tool.is_waiting


class StepRequirement(StepDecisions, Record):
    """An entry of a workflow run's `step_requirements`."""

    __slots__ = ()
    step_id = Text()
    step_name = Text()
    step_index = Integer()
    step_type = Text()
    requires_confirmation = Flag()
    confirmation_message = Text()
    confirmed = Switch()
    on_reject = Text()
    requires_user_input = Flag()
    user_input_message = Text()
    user_input = Object()
    user_input_schema = Many(InputField)
    requires_route_selection = Flag()
    available_choices = Objects()
    allow_multiple_selections = Flag()
    selected_choices = Objects()
    requires_output_review = Flag()
    output_review_message = Text()
    is_post_execution = Flag()
    rejection_feedback = Text()
    retry_count = Integer()
    max_retries = Integer()
    timeout_at = Value()
    on_timeout = Text()
    step_input = Value()
    step_output = Value()
    edited_output = Value()
    requires_executor_input = Flag()
    executor_requirements = Many(Requirement)
    executor_id = Text()
    executor_name = Text()
    executor_run_id = Text()
    executor_type = Text()
    executor_session_id = Text()

    @property
    def is_resolved(self) -> bool:
        """Whether the step was confirmed, rejected, answered or routed."""
        if self.confirmed is not None or self.user_input is not None or self.selected_choices:
            return True
        return bool(self.executor_requirements) and all(item.is_resolved for item in self.executor_requirements)


class ErrorRequirement(ErrorDecisions, Record):
    """An entry of `error_requirements`: a failed step that waits to be retried or skipped."""

    __slots__ = ()
    step_id = Text()
    step_name = Text()
    step_index = Integer()
    error_message = Text()
    error_type = Text()
    retry_count = Integer()
    decision = Text()
