"""What a model asked for, before anything is carried out."""

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.records import InputField, ToolCallRequest, ToolExecution
from agentos.tools import Function, UserControlFlowTools, UserFeedbackTools, functions_of, prepare, tool
from tests.unit.tools.calls import called, ended, one, request


def greet(name: str = "you", times: int = 1) -> str:
    """Greet.

    Args:
        name: Whom.
    """
    return f"Hello {name}" * times


@pytest.mark.parametrize("written", ["", " ", "null", "{}", None])
def test_no_arguments_are_none(written: str | None) -> None:
    call = prepare(
        [ToolCallRequest.from_dict({"id": "c", "function": {"name": "greet", "arguments": written}})],
        functions_of([greet]),
    )[0]
    assert (call.args, call.problem) == ({}, "")
    assert ended([call])[0].message.content == "Hello you"


@pytest.mark.parametrize("written", ["{'name': 'Ann'}", '{"name": "Ann"}', '"{\\"name\\": \\"Ann\\"}"'])
def test_arguments_are_read_tolerantly(written: str) -> None:
    assert one(greet, written).args == {"name": "Ann"}


@pytest.mark.parametrize(
    "written", ["{bad", "[1]", '"x"', "7", "{1, 2}", "{'a': b'x'}", "__import__('os')", "(" * 5000]
)
def test_unreadable_arguments_leave_only_a_message(written: str) -> None:
    done = called(greet, written)
    assert done.execution is None
    message = dict(done.message.raw)
    assert message.pop("content").startswith("Error")
    expected = {"role": "tool", "tool_call_id": "call_1", "tool_name": "greet"}
    assert {key: message[key] for key in expected} == expected
    assert not {"tool_args", "tool_call_error", "metrics"} & set(message)


def test_an_unknown_tool_leaves_only_a_message_that_names_the_known() -> None:
    call = prepare([request("nope", {"a": 1})], functions_of([greet]))[0]
    assert (call.function, call.args, call.pause) == (None, None, None)
    done = ended([call])[0]
    assert done.execution is None
    assert done.message.text.startswith("Error")
    assert "greet" in done.message.text
    assert "tool_call_error" not in done.message.raw


def test_wrong_arguments_are_recorded_as_a_failed_call() -> None:
    done = called(greet, {"times": "many"})
    assert done.execution is not None
    assert done.execution.tool_call_error is True
    assert done.execution.tool_args == {"times": "many"}
    assert str(done.execution.result).startswith("Error")
    assert done.message.content == done.execution.result
    assert done.message.tool_call_error is True


def test_a_call_to_confirm_waits() -> None:
    options = {"requires_confirmation": True, "approval_type": "required", "stop_after_tool_call": True}
    call = one(tool(**options)(greet), {"name": "Ann"})
    assert call.pause == "confirmation"
    execution = call.execution()
    assert set(execution.raw) == set(ToolExecution.always)
    assert (execution.requires_confirmation, execution.confirmed, execution.is_waiting) == (True, None, True)
    assert (execution.tool_call_error, execution.result, execution.metrics) == (None, None, None)
    assert (execution.approval_type, execution.stop_after_tool_call) == ("required", False)
    assert execution.created_at == call.created_at
    assert ended([call]) == []


def test_nobody_is_asked_to_confirm_a_call_that_cannot_work() -> None:
    call = one(tool(requires_confirmation=True)(greet), {"times": "many"})
    assert call.pause is None
    assert call.problem.startswith("Error")


def test_a_call_done_elsewhere_waits() -> None:
    call = one(tool(external_execution=True, external_execution_silent=True)(greet), {})
    assert call.pause == "external_execution"
    assert call.execution().external_execution_required is True
    assert call.execution().external_execution_silent is True
    assert one(Function(name="there"), {"any": 1}).pause == "external_execution"


def test_a_person_sees_every_field_and_fills_in_their_own() -> None:
    @tool(requires_user_input=True, user_input_fields=["to"])
    def send(  # type: ignore[no-untyped-def]  # a tool without types is the test
        to: str,
        text: str,
        copies: list[str],
        kind: Literal["a", "b"],
        when: "int | None" = None,
        extra=None,
        run_context: Any = None,
    ) -> str:
        """Send.

        Args:
            to: The address.
        """
        return to

    call = one(send, {"to": "made@up", "text": "Hi"})
    assert call.pause == "user_input"
    assert call.execution().requires_user_input is True
    assert [(f.name, f.field_type, f.description, f.value) for f in call.execution().user_input_schema] == [
        ("to", "str", "The address.", None),
        ("text", "str", None, "Hi"),
        ("copies", "list[str]", None, None),
        ("kind", "typing.Literal['a', 'b']", None, None),
        ("when", "int | None", None, None),
        ("extra", "str", None, None),
    ]
    assert all(set(field.raw) == set(InputField.always) for field in call.execution().user_input_schema)


def test_the_fields_can_be_given() -> None:
    made = tool(requires_user_input=True, user_input_schema=[{"name": "name", "field_type": "str"}])(greet)
    fields = one(made, {"name": "Ann"}).execution().user_input_schema
    assert [(field.name, field.value) for field in fields] == [("name", "Ann")]


def test_questions_wait_for_the_user() -> None:
    questions = [{"question": "Which?", "header": "H", "options": [{"label": "A", "description": "a"}, {"label": "B"}]}]
    call = one(UserFeedbackTools(), {"questions": questions})
    assert call.pause == "user_feedback"
    options = [
        {"label": "A", "description": "a", "selected": False},
        {"label": "B", "description": None, "selected": False},
    ]
    asked = {"question": "Which?", "header": "H", "multi_select": False, "selected_options": None, "options": options}
    assert call.execution().raw["user_feedback_schema"] == [asked]
    assert call.execution().requires_user_input is True
    assert call.execution().is_waiting


def test_a_model_can_ask_for_values() -> None:
    wanted = [{"field_name": "n", "field_type": "int", "field_description": "A number"}]
    call = one(UserControlFlowTools(), {"user_input_fields": wanted})
    assert call.pause == "user_input"
    schema = [{"name": "n", "field_type": "int", "description": "A number", "value": None}]
    assert call.execution().raw["user_input_schema"] == schema
    assert one(UserControlFlowTools(), {"user_input_fields": "n"}).problem.startswith("Error")


@given(st.text())
def test_whatever_a_model_writes_is_prepared(written: str) -> None:
    call = one(greet, written)
    assert call.problem.startswith("Error") or call.args is not None
