"""What a paused run waits for, and how people answer: as Agno 3.1 behaves with the same calls."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from agentos.records import FeedbackOption, InputField, Requirement, ToolExecution, UserQuestion

CONFIRM = {"requires_confirmation": True}
OUTSIDE = {"external_execution_required": True}


def fields() -> dict[str, Any]:
    asked = [InputField(name=name, field_type="str", description="") for name in ("a", "b")]
    return {"requires_user_input": True, "user_input_schema": asked}


def questions() -> dict[str, Any]:
    options = [FeedbackOption(label="x"), FeedbackOption(label="y")]
    return {"user_feedback_schema": [UserQuestion(question="q?", options=options)]}


def asked(**values: Any) -> Requirement:
    return Requirement(ToolExecution(tool_call_id="c", tool_name="t", **values))


def needs(requirement: Requirement) -> str:
    found = {
        "confirmation": requirement.needs_confirmation,
        "input": requirement.needs_user_input,
        "feedback": requirement.needs_user_feedback,
        "outside": requirement.needs_external_execution,
    }
    assert requirement.is_resolved() is not any(found.values())
    return " ".join(name for name, wanted in found.items() if wanted)


@pytest.mark.parametrize(
    ("call", "wanted", "pause_type"),
    [
        ({}, "", "confirmation"),
        (CONFIRM, "confirmation", "confirmation"),
        (CONFIRM | {"confirmed": False}, "", "confirmation"),
        (fields(), "input", "user_input"),
        (fields() | {"answered": True}, "", "user_input"),
        (questions(), "feedback", "user_feedback"),
        (OUTSIDE, "outside", "external_execution"),
        (CONFIRM | fields(), "confirmation input", "user_input"),
        (CONFIRM | OUTSIDE, "confirmation outside", "external_execution"),
        (CONFIRM | questions() | OUTSIDE, "confirmation feedback outside", "user_feedback"),
    ],
)
def test_a_call_may_need_several_things(call: dict[str, Any], wanted: str, pause_type: str) -> None:
    requirement = asked(**call)
    assert (needs(requirement), requirement.pause_type) == (wanted, pause_type)
    assert needs(Requirement.from_dict(requirement.to_dict())) == wanted


def test_each_thing_is_answered_for_itself() -> None:
    requirement = asked(**CONFIRM, **fields(), **OUTSIDE)
    requirement.confirm()
    assert needs(requirement) == "input outside"
    requirement.provide_user_input({"a": 1, "unknown": 2})
    assert needs(requirement) == "input outside"
    requirement.provide_user_input({"b": ""})
    assert needs(requirement) == "outside"
    requirement.set_external_execution_result("")
    assert requirement.is_resolved()


def test_decisions_are_written_into_the_runs_call() -> None:
    call = ToolExecution(tool_call_id="c", **CONFIRM, **fields())
    requirement = Requirement(tool_execution=call)
    requirement.reject("Too dear.")
    requirement.provide_user_input({"a": "1", "b": "2"})
    assert (call.confirmed, call.confirmation_note, call.answered) == (False, "Too dear.", True)
    assert [field.value for field in call.user_input_schema] == ["1", "2"]
    assert (requirement.confirmation, requirement.confirmation_note) == (False, "Too dear.")


@pytest.mark.parametrize("labels", [["x"], ["x", "y"], [], ["none of these"]])
def test_questions_are_answered_by_labels_even_by_none(labels: list[str]) -> None:
    requirement = asked(**questions())
    requirement.provide_user_feedback({"another?": ["x"]})
    assert needs(requirement) == "feedback"
    requirement.provide_user_feedback({"q?": labels})
    [question] = requirement.user_feedback_schema
    assert [option.label for option in question.options if option.selected] == [x for x in labels if x in ("x", "y")]
    assert requirement.tool_execution is not None
    assert requirement.tool_execution.user_feedback_schema == [question]
    assert requirement.is_resolved()


@pytest.mark.parametrize("raw", [{}, {"tool_execution": None, "user_input_schema": [{}]}, {"tool_execution": {}}])
def test_what_nobody_asked_for_is_refused(raw: dict[str, Any]) -> None:
    requirement = Requirement.from_dict(raw)
    answers: list[Callable[[], None]] = [
        requirement.confirm,
        requirement.reject,
        partial(requirement.provide_user_input, {}),
        partial(requirement.provide_user_feedback, {}),
        partial(requirement.set_external_execution_result, "r"),
    ]
    for answer in answers:
        with pytest.raises(ValueError, match="needs no"):
            answer()


def test_a_built_one_has_an_id_and_a_time() -> None:
    built = Requirement(ToolExecution(external_execution_silent=True), created_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert (built.created_at, built.external_execution_silent) == ("2026-01-01T00:00:00+00:00", True)
    assert len(built.id or "") == 36
    assert Requirement(id="given").id == "given"
    assert not Requirement().external_execution_silent
