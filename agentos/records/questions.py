"""What a paused run asks of people right now, whatever kind of run it is: one question for each thing to decide."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from agentos.records.details import InputField, UserQuestion
from agentos.records.messages import ToolCallRequest
from agentos.records.requirements import ErrorRequirement, Requirement, StepRequirement
from agentos.records.runs import Run, WorkflowRunOutput
from agentos.records.tools import ToolExecution

__all__ = ["Ask", "Question", "open_questions", "requirements_of", "why_not_genuine"]

_NO_CALL: Final = (
    "The run's messages hold no call of {name} with this id that is still open: its model never asked for it, or the "
    "messages are not stored. It cannot be decided here."
)
_OTHER: Final = (
    "The run waits with other {what} of {id} than its model asked for, so it was changed since. It cannot be decided "
    "here."
)
_NO_RUN: Final = "The run of {name} that asks for this is not stored with the session, so it cannot be decided here."
_OTHER_STEP: Final = (
    "The run says that it paused at another step than {name}, so this was changed since. It cannot be decided here."
)


class Ask(StrEnum):
    """What is to be decided."""

    CONFIRMATION = "confirmation"
    USER_INPUT = "user_input"
    USER_FEEDBACK = "user_feedback"
    EXTERNAL = "external_execution"
    STEP = "step"
    STEP_INPUT = "step_input"
    ROUTE = "route"
    REVIEW = "review"
    ERROR = "error"


@dataclass(frozen=True)
class Question:
    """One thing that a run waits for. `holder` is the run's own record of it, into which the answer is written.

    `key` names it within the run. `member`: the requirement's `member_run_id`, or the run of the agent in a workflow's
    step, "" for the run itself.
    """

    key: str
    ask: Ask
    holder: Requirement | StepRequirement | ErrorRequirement
    member: str = ""
    who: str = ""
    step: StepRequirement | None = None

    @property
    def call(self) -> ToolExecution | None:
        """The tool call it is about; None for a step of a workflow."""
        return self.holder.tool_execution if isinstance(self.holder, Requirement) else None

    @property
    def name(self) -> str:
        """The tool or the step."""
        if isinstance(self.holder, Requirement):
            return (self.call and self.call.tool_name) or "a tool without a name"
        return self.holder.step_name or "a step without a name"

    @property
    def fields(self) -> list[InputField]:
        """What is to be filled in."""
        if isinstance(self.holder, ErrorRequirement):
            return []
        own = self.holder.user_input_schema
        return own or (self.call.user_input_schema if self.call else [])

    @property
    def feedback(self) -> list[UserQuestion]:
        """The questions with choices."""
        if not isinstance(self.holder, Requirement):
            return []
        return self.holder.user_feedback_schema or (self.call.user_feedback_schema if self.call else [])

    @property
    def choices(self) -> list[str]:
        """A router's choices."""
        known = self.holder.raw.get("available_choices") if self.ask == Ask.ROUTE else None
        return [item for item in known if isinstance(item, str)] if isinstance(known, list) else []

    @property
    def approval_type(self) -> str:
        """`required` when somebody beside the user has to approve, as Agno has it; "" for an ordinary call."""
        return (self.call and self.call.approval_type) or ""

    @property
    def deadline(self) -> StepRequirement | None:
        """The step whose time to decide may be over."""
        return self.step or (self.holder if isinstance(self.holder, StepRequirement) else None)

    @property
    def mark(self) -> str:
        """A short text that changes with anything that is asked: an answer counts for this very question."""
        stored = json.dumps([self.key, self.ask, self.holder.raw], sort_keys=True, default=str)
        return hashlib.sha256(stored.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def open_questions(run: Run) -> list[Question]:
    """Return what is to be decided before a PAUSED run can go on, in its order; nothing for any other run."""
    if run.status != "PAUSED":
        return []
    if isinstance(run, WorkflowRunOutput):
        return list(_of_workflow(run))
    return list(_of_requirements(requirements_of(run), prefix=""))


def requirements_of(run: Run) -> list[Requirement]:
    """Return the requirements of an agent's or team's run; early Agno 2 stored none, only calls that wait."""
    if run.requirements or isinstance(run, WorkflowRunOutput):
        return run.requirements
    waiting = [tool for tool in run.tools if tool.is_waiting]
    return [Requirement.from_dict({"id": tool.tool_call_id, "tool_execution": tool.raw}) for tool in waiting]


def _of_requirements(requirements: list[Requirement], prefix: str) -> Iterator[Question]:
    for number, asked in enumerate(requirements):
        if asked.tool_execution is None or asked.is_resolved() or asked.tool_execution.result is not None:
            continue
        key = asked.id or asked.tool_execution.tool_call_id or str(number)
        who = asked.member_agent_name or asked.member_agent_id or ""
        yield Question(f"{prefix}{key}", _ask(asked), asked, asked.member_run_id or "", who)


def _ask(asked: Requirement) -> Ask:
    """Return what the call waits for first, as Agno tells it."""
    call = asked.tool_execution
    if call is not None and call.user_feedback_schema:
        return Ask.USER_FEEDBACK
    return Ask(asked.pause_type)


def _of_workflow(run: WorkflowRunOutput) -> Iterator[Question]:
    """Yield what the step that paused waits for: the last requirement, as Agno has it, or a failed step."""
    for number, failed in enumerate(run.error_requirements):
        if failed.needs_decision:
            yield Question(f"error {number}", Ask.ERROR, failed)
    if not run.step_requirements:
        return
    number, asked = len(run.step_requirements) - 1, run.step_requirements[-1]
    if asked.needs_executor_resolution:
        for inner in _of_requirements(asked.executor_requirements, prefix=f"step {number} "):
            member, who = inner.member or asked.executor_run_id or "", asked.executor_name or asked.executor_id or ""
            yield Question(inner.key, inner.ask, inner.holder, member, inner.who or who, asked)
    elif (ask := _ask_of_step(asked)) is not None:
        yield Question(f"step {number}", ask, asked)


def _ask_of_step(asked: StepRequirement) -> Ask | None:
    if asked.needs_route_selection:
        return Ask.ROUTE
    if asked.needs_output_review:
        return Ask.REVIEW
    if asked.needs_user_input:
        return Ask.STEP_INPUT
    return Ask.STEP if asked.needs_confirmation else None


def why_not_genuine(run: Run, question: Question, find: Callable[[str], Run | None]) -> str:
    """Return in a sentence why a question is not what the run's own model or steps asked; "" when it is.

    What is stored may have been written by anybody. A call that waits has to stand, with this id, name and arguments,
    in an assistant message of the run, and must not be answered there yet. `find` returns another stored run by its id.
    """
    if isinstance(question.holder, Requirement):
        return _why_not_asked(run, question, question.holder, find)
    at = run.raw.get("paused_step_name")
    return "" if at in (None, question.holder.step_name) else _OTHER_STEP.format(name=question.name)


def _why_not_asked(run: Run, question: Question, asked: Requirement, find: Callable[[str], Run | None]) -> str:
    asking = _run_of(run, question.member) or find(question.member)
    if asking is None:
        return _NO_RUN.format(name=question.who or "a member")
    waiting = asked.tool_execution or ToolExecution()
    request, execution = _requested(asking, waiting.tool_call_id or "")
    if request is None or execution is None:
        return _NO_CALL.format(name=question.name)
    if {request.name, execution.tool_name} != {waiting.tool_name}:
        return _OTHER.format(what="names", id=waiting.tool_call_id)
    if not _cleaned(waiting.tool_args) == _cleaned(execution.tool_args) == _cleaned(request.args):
        return _OTHER.format(what="arguments", id=waiting.tool_call_id)
    return ""


def _requested(run: Run, call_id: str) -> tuple[ToolCallRequest | None, ToolExecution | None]:
    """Return the call that the run's model asked for under this id, with what became of it; None once answered."""
    own = run.own_messages
    if not call_id or any(message.role == "tool" and message.tool_call_id == call_id for message in own):
        return None, None
    said = [message for message in own if message.role in ("assistant", "model")]
    request = next((call for message in said for call in message.tool_calls if call_id in call.ids), None)
    return request, next((tool for tool in run.tools if tool.tool_call_id == call_id), None)


def _run_of(run: Run, run_id: str) -> Run | None:
    """Return the run of this id among those inside `run`; the run itself for no id."""
    if not run_id or run.run_id == run_id:
        return run
    waiting = list(run.embedded)
    while waiting:
        inner = waiting.pop()
        if inner.run_id == run_id:
            return inner
        waiting += inner.embedded
    return None


def _cleaned(args: dict[str, Any] | None) -> dict[str, Any]:
    """Return arguments as Agno stores them: words for null, true and false are read as the values, space is cut off."""
    return {key: _clean(value) for key, value in (args or {}).items()}


def _clean(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    words: dict[str, Any] = {"none": None, "null": None, "true": True, "false": False}
    return words.get(value.strip().lower(), value.strip())
