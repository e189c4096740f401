"""Calls that waited, after somebody has decided."""

from typing import Any

import pytest

from agentos.records import ToolExecution
from agentos.tools import Done, Prepared, UserControlFlowTools, UserFeedbackTools, functions_of, resume, tool
from tests.unit.tools.calls import ended, execution_of, one, request


def greet(name: str, times: int = 1) -> str:
    return f"Hello {name}" * times


def resumed(kit: Any, arguments: dict[str, Any], **decided: Any) -> Prepared | Done:
    """Let a call wait, decide, and go on."""
    call = one(kit, arguments)
    execution = ToolExecution.from_dict(call.execution().raw | decided)
    before = dict(execution.raw)
    outcome = resume(execution, call.request, functions_of([kit]))
    assert execution.raw == before
    return outcome


def settled(outcome: Prepared | Done) -> Done:
    assert isinstance(outcome, Done)
    return outcome


def carried_out(outcome: Prepared | Done) -> Done:
    assert isinstance(outcome, Prepared)
    assert outcome.pause is None
    return ended([outcome])[0]


CONFIRM = tool(requires_confirmation=True)(greet)
ASK = tool(requires_user_input=True, user_input_fields=["name"])(greet)
ELSEWHERE = tool(external_execution=True)(greet)


def test_a_confirmed_call_is_carried_out_in_its_own_place() -> None:
    done = carried_out(resumed(CONFIRM, {"name": "Ann"}, confirmed=True, created_at=5))
    execution = execution_of(done)
    assert set(execution.raw) == set(ToolExecution.always)
    assert (execution.result, execution.tool_call_error) == ("Hello Ann", False)
    assert (execution.requires_confirmation, execution.confirmed, execution.created_at) == (False, True, 5)
    assert done.message.content == "Hello Ann"


@pytest.mark.parametrize(("note", "said"), [("not today", "not today"), (None, "not carried out")])
def test_a_refused_call_is_not_carried_out(note: str | None, said: str) -> None:
    done = settled(resumed(CONFIRM, {"name": "Ann"}, confirmed=False, confirmation_note=note))
    execution = execution_of(done)
    assert (execution.confirmed, execution.requires_confirmation) == (False, False)
    assert (execution.tool_call_error, execution.result) == (True, None)
    assert said in done.message.text
    assert (done.message.role, done.message.tool_call_error, done.message.tool_args) == ("tool", True, {"name": "Ann"})
    assert not done.stop


def test_an_answered_call_gets_the_answers() -> None:
    fields = [{"name": "name", "value": "Bob"}, {"name": "times", "value": 2}]
    done = carried_out(resumed(ASK, {"times": 1}, user_input_schema=fields, answered=True))
    execution = execution_of(done)
    assert execution.result == "Hello BobHello Bob"
    assert execution.tool_args == done.message.tool_args == {"name": "Bob", "times": 2}
    assert (execution.requires_user_input, execution.answered) == (False, True)


def test_fields_left_open_keep_their_defaults_once_answered() -> None:
    fields = [{"name": "name", "value": "Bob"}, {"name": "times", "value": None}]
    assert carried_out(resumed(ASK, {}, user_input_schema=fields, answered=True)).message.content == "Hello Bob"


def test_wrong_answers_fail_the_call() -> None:
    fields = [{"name": "name", "value": "Bob"}, {"name": "times", "value": "many"}]
    execution = execution_of(carried_out(resumed(ASK, {}, user_input_schema=fields, answered=True)))
    assert execution.tool_call_error is True
    assert not execution.is_waiting


def test_a_result_from_elsewhere_is_the_result() -> None:
    done = settled(resumed(ELSEWHERE, {"name": "Ann"}, result="done there"))
    execution = execution_of(done)
    assert (execution.result, execution.tool_call_error) == ("done there", None)
    assert execution.external_execution_required is False
    assert done.message.content == "done there"
    assert "tool_call_error" not in done.message.raw


@pytest.mark.parametrize(
    ("kit", "arguments", "pause"),
    [
        (CONFIRM, {"name": "x"}, "confirmation"),
        (ASK, {}, "user_input"),
        (ELSEWHERE, {"name": "x"}, "external_execution"),
        (UserFeedbackTools(), {"questions": [{"question": "Q"}]}, "user_feedback"),
    ],
)
def test_what_is_undecided_goes_on_waiting(kit: Any, arguments: dict[str, Any], pause: str) -> None:
    outcome = resumed(kit, arguments)
    assert isinstance(outcome, Prepared)
    assert outcome.pause == pause
    assert outcome.execution().is_waiting
    assert ended([outcome]) == []


def test_answers_to_questions_are_told_the_model() -> None:
    asked = [{"question": "Which?", "selected_options": ["A"], "options": [{"label": "A", "selected": True}]}]
    questions = {"questions": [{"question": "Which?", "options": [{"label": "A"}]}]}
    done = settled(resumed(UserFeedbackTools(), questions, user_feedback_schema=asked, answered=True))
    assert '"selected": ["A"]' in done.message.text
    execution = execution_of(done)
    assert (execution.result, execution.tool_call_error) == (None, None)
    assert (execution.requires_user_input, execution.answered) == (False, True)


def test_values_asked_for_are_told_the_model() -> None:
    filled = [{"name": "n", "value": 5}]
    wanted = {"user_input_fields": [{"field_name": "n"}]}
    done = settled(resumed(UserControlFlowTools(), wanted, user_input_schema=filled))
    assert '{"name": "n", "value": 5}' in done.message.text


def test_a_tool_that_is_gone_fails_the_call() -> None:
    execution = ToolExecution(tool_call_id="c", tool_name="gone", requires_confirmation=True, confirmed=True)
    outcome = resume(execution, request("gone", {}, "c"), {})
    done = carried_out(outcome)
    assert done.message.text.startswith("Error")
    assert execution_of(done).tool_call_error is True
    assert not execution_of(done).is_waiting
