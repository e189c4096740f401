"""What people answer to the questions of a paused run: read, held against what was asked, and written into the run."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from agentos.records.details import InputField
from agentos.records.questions import Ask, Question
from agentos.records.requirements import ErrorRequirement, Requirement, StepRequirement

__all__ = ["CHOICES", "BadReply", "Reply", "choices_of", "take"]

# Characters of one text in an answer.
MOST: Final = 100_000

# What can be chosen for each kind of question.
CHOICES: Final[Mapping[Ask, tuple[str, ...]]] = {
    Ask.CONFIRMATION: ("confirm", "reject"),
    Ask.USER_INPUT: ("answer",),
    Ask.USER_FEEDBACK: ("answer",),
    Ask.EXTERNAL: ("answer",),
    Ask.STEP: ("confirm", "reject"),
    Ask.STEP_INPUT: ("answer",),
    Ask.ROUTE: ("answer",),
    Ask.REVIEW: ("confirm", "edit", "reject"),
    Ask.ERROR: ("retry", "skip"),
}


class BadReply(ValueError):
    """The answer does not fit what was asked; `str()` is a sentence that says why."""


@dataclass(frozen=True)
class Reply:
    """An answer to the question `key` as it was when its `mark` was made.

    `values`: fields by name; `selected`: labels by the question's text; `picked`: a router's choices; `text`: the
    reason of a rejection, the result of a call carried out elsewhere, or an output in place of a step's own.
    """

    key: str
    mark: str
    choice: str
    text: str = ""
    values: Mapping[str, Any] | None = None
    selected: Mapping[str, list[str]] | None = None
    picked: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, given: Any) -> "Reply":
        """Read an answer as a turn stores it.

        Raises:
            BadReply: it is none.
        """
        known = {"key": str, "mark": str, "choice": str, "text": str, "values": dict, "selected": dict, "picked": list}
        if not isinstance(given, dict) or not {"key", "mark", "choice"} <= set(given) <= set(known):
            raise BadReply("An answer has a key, a mark and a choice, and may have text, values, selected and picked.")
        for name, value in given.items():
            if not isinstance(value, known[name]):
                raise BadReply(f"In an answer, {name} has to be a {known[name].__name__}.")
        lists = [*(given.get("selected") or {}).values(), given.get("picked") or []]
        if not all(isinstance(items, list) and all(isinstance(item, str) for item in items) for items in lists):
            raise BadReply("What is chosen has to be lists of texts.")
        return cls(**{**given, "picked": tuple(given.get("picked") or ())})

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON, without what is empty."""
        given = {"text": self.text, "values": self.values, "selected": self.selected, "picked": list(self.picked)}
        stored = {key: dict(value) if isinstance(value, Mapping) else value for key, value in given.items() if value}
        return {"key": self.key, "mark": self.mark, "choice": self.choice, **stored}


def choices_of(question: Question) -> tuple[str, ...]:
    """Return what can be chosen."""
    return CHOICES[question.ask]


def take(question: Question, reply: Reply) -> None:
    """Write an answer into the run's own record of the question.

    Raises:
        BadReply: it does not fit; nothing was written.
    """
    if reply.choice not in choices_of(question):
        raise BadReply(f"{question.name}: {' or '.join(choices_of(question))} can be answered, nothing else.")
    if len(reply.text) > MOST:
        raise BadReply(f"{question.name}: a text may have {MOST:,} characters.")
    _TAKE[question.ask](question, reply)


def _take_confirmation(question: Question, reply: Reply) -> None:
    asked: Requirement = question.holder  # type: ignore[assignment]  # what this kind of question has
    asked.confirm() if reply.choice == "confirm" else asked.reject(reply.text or None)


def _take_input(question: Question, reply: Reply) -> None:
    asked: Requirement = question.holder  # type: ignore[assignment]  # what this kind of question has
    asked.provide_user_input(_values(question, reply))


def _take_feedback(question: Question, reply: Reply) -> None:
    asked: Requirement = question.holder  # type: ignore[assignment]  # what this kind of question has
    given = dict(reply.selected or {})
    known = {item.question or "" for item in question.feedback}
    if set(given) - known:
        raise BadReply(f"{question.name}: nothing like {next(iter(set(given) - known))!r} was asked.")
    for item in question.feedback:
        chosen, labels = given.get(item.question or ""), [option.label for option in item.options]
        if chosen is None:
            raise BadReply(f"{question.name}: {item.question or 'a question'} is not answered.")
        if unknown := [label for label in chosen if label not in labels]:
            raise BadReply(f"{question.name}: {unknown[0]!r} cannot be chosen.")
        if not item.multi_select and len(chosen) != 1:
            raise BadReply(f"{question.name}: one answer has to be chosen for {item.question or 'the question'}.")
    asked.provide_user_feedback({text: list(dict.fromkeys(chosen)) for text, chosen in given.items()})


def _take_result(question: Question, reply: Reply) -> None:
    asked: Requirement = question.holder  # type: ignore[assignment]  # what this kind of question has
    if not reply.text.strip():
        raise BadReply(f"{question.name}: say what it gave where it was carried out.")
    asked.set_external_execution_result(reply.text)


def _take_step(question: Question, reply: Reply) -> None:
    asked: StepRequirement = question.holder  # type: ignore[assignment]  # what this kind of question has
    if reply.choice == "edit":
        if not reply.text.strip():
            raise BadReply(f"{question.name}: the output in place of its own is empty.")
        asked.edit(reply.text)
    elif reply.choice == "confirm":
        asked.confirm()
    else:
        asked.reject(reply.text or None)


def _take_step_input(question: Question, reply: Reply) -> None:
    asked: StepRequirement = question.holder  # type: ignore[assignment]  # what this kind of question has
    try:
        asked.set_user_input(**_values(question, reply))
    except ValueError as error:
        raise BadReply(f"{question.name}: {error}") from None


def _take_route(question: Question, reply: Reply) -> None:
    asked: StepRequirement = question.holder  # type: ignore[assignment]  # what this kind of question has
    if not reply.picked:
        raise BadReply(f"{question.name}: nothing was chosen.")
    if unknown := [choice for choice in reply.picked if choice not in question.choices]:
        raise BadReply(f"{question.name}: {unknown[0]!r} cannot be chosen.")
    try:
        asked.select(*dict.fromkeys(reply.picked))
    except ValueError as error:
        raise BadReply(f"{question.name}: {error}") from None


def _take_error(question: Question, reply: Reply) -> None:
    asked: ErrorRequirement = question.holder  # type: ignore[assignment]  # what this kind of question has
    asked.retry() if reply.choice == "retry" else asked.skip()


_TAKE: Final[Mapping[Ask, Callable[[Question, Reply], None]]] = {
    Ask.CONFIRMATION: _take_confirmation,
    Ask.USER_INPUT: _take_input,
    Ask.USER_FEEDBACK: _take_feedback,
    Ask.EXTERNAL: _take_result,
    Ask.STEP: _take_step,
    Ask.STEP_INPUT: _take_step_input,
    Ask.ROUTE: _take_route,
    Ask.REVIEW: _take_step,
    Ask.ERROR: _take_error,
}


def _values(question: Question, reply: Reply) -> dict[str, Any]:
    """Return the fields' values, each of its field's type.

    Raises:
        BadReply: a field is unknown, set already, missing, or of another type.
    """
    open_fields = {field.name or "": field for field in question.fields if field.value is None}
    given = dict(reply.values or {})
    if unknown := [name for name in given if name not in open_fields]:
        raise BadReply(f"{question.name}: no field {unknown[0]!r} is asked for.")
    values = {}
    for name, field in open_fields.items():
        value = given.get(name)
        if value is None or (value == "" and not _may_be_empty(field)):
            if field.required:
                raise BadReply(f"{question.name}: {name or 'a field'} is missing.")
            continue
        values[name] = _typed(question, field, value)
    return values


def _may_be_empty(field: InputField) -> bool:
    return (field.field_type or "str") in ("str", "text") and not field.required


def _typed(question: Question, field: InputField, value: Any) -> Any:
    """Return a value of the field's type; one that was typed is read as what it stands for."""
    kind = field.field_type or "str"
    if kind not in _READ:
        kind = "str" if isinstance(value, str) else "any"
    try:
        typed = _READ[kind](value)
    except (ValueError, TypeError, RecursionError):
        raise BadReply(f"{question.name}: {field.name} has to be {_SAID[kind]}.") from None
    allowed = field.raw.get("allowed_values")
    if isinstance(allowed, list) and allowed and typed not in allowed:
        raise BadReply(f"{question.name}: {field.name} has to be one of {', '.join(map(str, allowed))}.")
    return typed


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MOST:
        raise ValueError
    return value


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError
    number = int(value)
    if abs(number) >= 2**63:
        raise ValueError
    return number


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _switch(value: Any) -> bool:
    words = {"true": True, "yes": True, "false": False, "no": False}
    if isinstance(value, bool):
        return value
    if not isinstance(value, str) or value.strip().lower() not in words:
        raise ValueError
    return words[value.strip().lower()]


def _parsed(kind: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        found = json.loads(_text(value)) if isinstance(value, str) else value
        if not isinstance(found, kind):
            raise ValueError
        return found

    return read


_READ: Final[Mapping[str, Callable[[Any], Any]]] = {
    "str": _text, "text": _text, "int": _integer, "float": _number, "bool": _switch,
    "list": _parsed(list), "dict": _parsed(dict), "any": lambda value: value,
}  # fmt: skip
_SAID: Final = {
    "str": "a text", "text": "a text", "int": "a whole number", "float": "a number", "bool": "yes or no",
    "list": "a list in JSON", "dict": "an object in JSON", "any": "a value",
}  # fmt: skip
