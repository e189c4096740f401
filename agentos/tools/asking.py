"""Tools with which a model asks somebody. They are never carried out: the call waits, and the answer is its result."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from agentos.records import InputField, ToolExecution
from agentos.tools.function import Function
from agentos.tools.toolkit import Toolkit

__all__ = ["UserControlFlowTools", "UserFeedbackTools", "answer_text", "asked"]

_FEEDBACK: Final = "Use `ask_user` when the user has to choose: a short header, a clear question, two to four options."
_INPUT: Final = (
    "Use `get_user_input` when the user has to tell you something before you can go on. Ask only for what you lack."
)


@dataclass
class Option:
    """One choice."""

    label: str
    description: str | None = None


@dataclass
class Question:
    """A question with choices."""

    question: str
    header: str | None = None
    options: list[Option] = field(default_factory=list)
    multi_select: bool = False


@dataclass
class WantedField:
    """Something the user is to fill in."""

    field_name: str
    field_type: str = "str"
    field_description: str | None = None


class UserFeedbackTools(Toolkit):
    """Lets a model ask questions with choices: `ask_user`."""

    def __init__(
        self,
        instructions: str | None = None,
        add_instructions: bool = True,
        name: str = "user_feedback_tools",
        **options: Any,
    ) -> None:
        tools = [Function(name="ask_user", entrypoint=_ask_user, asks="user_feedback")]
        super().__init__(name, None, tools, None, instructions or _FEEDBACK, add_instructions, **options)


class UserControlFlowTools(Toolkit):
    """Lets a model ask for values: `get_user_input`."""

    def __init__(
        self,
        instructions: str | None = None,
        add_instructions: bool = True,
        enable_get_user_input: bool = True,
        name: str = "user_control_flow_tools",
        **options: Any,
    ) -> None:
        tools = [Function(name="get_user_input", entrypoint=_get_user_input, asks="user_input")]
        given = tools if enable_get_user_input else []
        super().__init__(name, None, given, None, instructions or _INPUT, add_instructions, **options)


def asked(function: Function, args: dict[str, Any]) -> dict[str, Any]:
    """Return what a call of one of these tools writes into its execution: the questions, or the fields, still open."""
    converted = function.convert(args)
    if function.asks == "user_feedback":
        return {"user_feedback_schema": [_as_stored(question) for question in converted["questions"]]}
    fields: list[WantedField] = converted["user_input_fields"]
    return {
        "user_input_schema": [
            InputField(name=wanted.field_name, field_type=wanted.field_type, description=wanted.field_description)
            for wanted in fields
        ]
    }


def answer_text(execution: ToolExecution) -> str:
    """Return what the model is told of the answers."""
    if execution.user_feedback_schema:
        chosen = [
            {"question": item.question, "selected": item.selected_options} for item in execution.user_feedback_schema
        ]
        return f"The user chose: {json.dumps(chosen, ensure_ascii=False)}"
    values = [{"name": item.name, "value": item.value} for item in execution.user_input_schema]
    return f"The user filled in: {json.dumps(values, ensure_ascii=False, default=str)}"


def _as_stored(question: Question) -> dict[str, Any]:
    options = [{**asdict(option), "selected": False} for option in question.options]
    stored = {"question": question.question, "header": question.header, "multi_select": question.multi_select}
    return {**stored, "selected_options": None, "options": options}


def _ask_user(questions: list[Question]) -> str:
    """Ask the user to choose between options.

    Args:
        questions: The questions. Each has two to four options; with multi_select several may be chosen.
    """
    raise NotImplementedError("The user answers this call; nothing carries it out.")


def _get_user_input(user_input_fields: list[WantedField]) -> str:
    """Ask the user to fill in fields.

    Args:
        user_input_fields: The fields, each with a name, a type (str, int, float, bool, list, dict) and a description.
    """
    raise NotImplementedError("The user answers this call; nothing carries it out.")
