"""What a paused run waits for: on tools of an agent or team, on steps of a workflow, on a failed step."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from agentos.records.decisions import ErrorDecisions, StepDecisions
from agentos.records.details import InputField, StepOutput, UserQuestion
from agentos.records.fields import Flag, Integer, Many, Object, Objects, One, Record, Switch, Text, Value, views
from agentos.records.moment import new_id, now
from agentos.records.tools import ToolExecution

__all__ = ["ErrorRequirement", "Requirement", "RunRequirement", "StepRequirement"]


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

    def __init__(
        self,
        tool_execution: ToolExecution | None = None,
        *,
        id: str | None = None,
        created_at: datetime | str | None = None,
        **values: Any,
    ) -> None:
        begun = created_at or datetime.fromtimestamp(now(), UTC)
        asked = (
            {key: tool_execution.raw.get(key) or None for key in ("user_input_schema", "user_feedback_schema")}
            if tool_execution is not None
            else {}
        )
        super().__init__(
            id=id or new_id(),
            created_at=begun.isoformat() if isinstance(begun, datetime) else begun,
            **{"tool_execution": tool_execution, **asked, **values},
        )

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
    def pause_type(self) -> str:
        """What the call waits for first, decided or not, as Agno tells it: confirmation unless it asks for more."""
        tool = self.tool_execution or ToolExecution()
        if tool.user_feedback_schema:
            return "user_feedback"
        if tool.external_execution_required:
            return "external_execution"
        return "user_input" if tool.requires_user_input else "confirmation"

    @property
    def external_execution_silent(self) -> bool:
        """Whether nothing is said about the call being carried out elsewhere."""
        return self.tool_execution is not None and self.tool_execution.external_execution_silent is True

    def is_resolved(self) -> bool:
        """Whether nobody has to do anything about it any more; it stays in the run all the same."""
        if self.tool_execution is None:
            return self.confirmation is not None or self.external_execution_result is not None
        asked = self.needs_user_input or self.needs_user_feedback
        return not (asked or self.needs_confirmation or self.needs_external_execution)

    @property
    def needs_confirmation(self) -> bool:
        """Whether somebody has to allow or refuse the call."""
        tool = self.tool_execution
        return bool(tool and tool.requires_confirmation and tool.confirmed is None) and self.confirmation is None

    @property
    def needs_user_input(self) -> bool:
        """Whether somebody has to fill in arguments."""
        tool = self.tool_execution
        return bool(tool and not tool.answered and (tool.requires_user_input or tool.user_input_schema))

    @property
    def needs_user_feedback(self) -> bool:
        """Whether somebody has to answer questions."""
        tool = self.tool_execution
        return bool(tool and not tool.answered and tool.user_feedback_schema)

    @property
    def needs_external_execution(self) -> bool:
        """Whether somebody has to carry the call out elsewhere."""
        tool = self.tool_execution
        return bool(tool and tool.external_execution_required) and self.external_execution_result is None

    def confirm(self) -> None:
        """Allow the call.

        Raises:
            ValueError: it needs no confirmation.
        """
        self._check(self.needs_confirmation, "confirmation")
        self.raw["confirmation"] = True
        self._call["confirmed"] = True

    def reject(self, note: str | None = None) -> None:
        """Refuse the call; `note` tells the model why.

        Raises:
            ValueError: it needs no confirmation.
        """
        self._check(self.needs_confirmation, "confirmation")
        self.raw["confirmation"] = False
        self._call["confirmed"] = False
        if note:
            self.raw["confirmation_note"] = self._call["confirmation_note"] = note

    def provide_user_input(self, values: dict[str, Any]) -> None:
        """Fill in fields by name; the call is answered once none is open.

        Raises:
            ValueError: it needs no input.
        """
        self._check(self.needs_user_input, "user input")
        fields = self.user_input_schema or views(InputField, self._call.get("user_input_schema"))
        for field in fields:
            if field.name in values:
                field.raw["value"] = values[field.name]
        if fields:
            self._answered("user_input_schema", fields, all(field.value is not None for field in fields))

    def provide_user_feedback(self, selections: dict[str, list[str]]) -> None:
        """Answer questions by their text, each with the labels chosen, none too; answered once no question is open.

        Raises:
            ValueError: it asks no questions.
        """
        self._check(self.needs_user_feedback, "feedback")
        questions = self.user_feedback_schema or views(UserQuestion, self._call.get("user_feedback_schema"))
        for question in questions:
            chosen = selections.get(question.question or "")
            if chosen is not None:
                question.raw["selected_options"] = list(chosen)
                for option in question.options:
                    option.raw["selected"] = option.label in chosen
        done = all(question.raw.get("selected_options") is not None for question in questions)
        self._answered("user_feedback_schema", questions, done)

    def set_external_execution_result(self, result: str) -> None:
        """Hand in what the call gave elsewhere.

        Raises:
            ValueError: it is not carried out elsewhere.
        """
        self._check(self.needs_external_execution, "result from elsewhere")
        self.raw["external_execution_result"] = self._call["result"] = result

    @property
    def _call(self) -> dict[str, Any]:
        """The call to write into: whoever needs an answer has one."""
        call: dict[str, Any] = self.raw["tool_execution"]
        return call

    def _answered(self, key: str, items: Sequence[Record], done: bool) -> None:
        """Store the answers in both places that have them."""
        self.raw[key] = self._call[key] = [item.raw for item in items]
        if done:
            self._call["answered"] = True

    def _check(self, needed: bool, what: str) -> None:
        if not needed:
            raise ValueError(f"This requirement needs no {what}, or has it already.")


RunRequirement = Requirement


# The keys of a requirement, in Agno's order, as they are before anybody decided anything (format §3.11).
_OPEN: Final[dict[str, Any]] = {
    "step_id": None,
    "step_name": None,
    "step_index": None,
    "step_type": None,
    "requires_confirmation": False,
    "confirmation_message": None,
    "confirmed": None,
    "on_reject": "cancel",
    "requires_user_input": False,
    "user_input_message": None,
    "user_input": None,
    "requires_route_selection": False,
    "available_choices": None,
    "allow_multiple_selections": False,
    "selected_choices": None,
    "requires_output_review": False,
    "output_review_message": None,
    "is_post_execution": False,
    "rejection_feedback": None,
    "retry_count": 0,
    "max_retries": None,
    "timeout_at": None,
    "on_timeout": "cancel",
}


class StepRequirement(StepDecisions, Record):
    """An entry of a workflow run's `step_requirements`. A built one has every key, as Agno writes it."""

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
    step_output = One(StepOutput)
    edited_output = Value()
    requires_executor_input = Flag()
    executor_requirements = Many(Requirement)
    executor_id = Text()
    executor_name = Text()
    executor_run_id = Text()
    executor_type = Text()
    executor_session_id = Text()

    def __init__(self, **values: Any) -> None:
        deadline = values.get("timeout_at")
        if isinstance(deadline, datetime):
            values["timeout_at"] = deadline.isoformat()
        super().__init__(**values)
        self.raw = _OPEN | self.raw

    @property
    def is_resolved(self) -> bool:
        """Whether the step was confirmed, rejected, answered or routed."""
        if self.confirmed is not None or self.user_input is not None or self.selected_choices:
            return True
        return bool(self.executor_requirements) and all(item.is_resolved() for item in self.executor_requirements)


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
