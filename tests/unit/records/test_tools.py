"""Tool calls, joined from what was asked for, what was carried out and what the model was told."""

from typing import Any

import pytest

from agentos.records import Message, RunOutput, ToolExecution, join_tool_calls


def asked(own_id: str, name: str = "search", arguments: Any = '{"q": "x"}', **more: Any) -> Message:
    function = {"name": name, "arguments": arguments}
    return Message(role="assistant", tool_calls=[{"id": own_id, "type": "function", "function": function, **more}])


def told(call_id: str, content: str, **more: Any) -> Message:
    return Message(role="tool", tool_call_id=call_id, content=content, **more)


def done(call_id: str, **more: Any) -> ToolExecution:
    return ToolExecution(tool_call_id=call_id, tool_name="search", **more)


def test_the_three_parts_of_a_call_are_joined() -> None:
    run = RunOutput(
        agent_id="a",
        messages=[asked("c1"), told("c1", "found")],
        tools=[done("c1", tool_args={"q": "x"}, result="found", metrics={"duration": 0.5})],
    )
    [call] = run.tool_calls
    assert (call.id, call.name, call.arguments, call.args) == ("c1", "search", '{"q": "x"}', {"q": "x"})
    assert (call.result, call.error, call.duration, call.status) == ("found", False, 0.5, "ok")


def test_unknown_tool_leaves_no_execution() -> None:
    [call] = join_tool_calls([], [asked("c1", "no_such_tool"), told("c1", "Error: The requested tool does not exist")])
    assert (call.name, call.status, call.error, call.execution) == ("no_such_tool", "error", True, None)


@pytest.mark.parametrize("arguments", ['{"q": ', "[1]", "", None, 7])
def test_arguments_that_are_no_object(arguments: Any) -> None:
    [call] = join_tool_calls([], [asked("c1", arguments=arguments)])
    assert call.args is None
    assert isinstance(call.arguments, str)


def test_responses_api_has_two_ids() -> None:
    for other in ("fc_1", "call_1"):
        messages = [asked("fc_1", call_id="call_1"), told(other, "found")]
        [call] = join_tool_calls([done(other, result="found")], messages)
        assert (call.id, call.status) == ("fc_1", "ok")


def test_executions_without_messages_are_kept() -> None:
    [call] = join_tool_calls([done("c1", tool_args={"q": "x"}, result="found")], [])
    assert (call.name, call.arguments, call.result, call.status) == ("search", '{"q": "x"}', "found", "ok")


def test_history_is_not_counted() -> None:
    earlier = [asked("c1"), told("c1", "found")]
    for message in earlier:
        message.from_history = True
    assert join_tool_calls([], earlier) == []


def test_repeated_ids_are_separate_calls() -> None:
    messages = [asked("c1"), told("c1", "one"), asked("c1"), told("c1", "two")]
    calls = join_tool_calls([done("c1", result="one"), done("c1", result="two")], messages)
    assert [call.result for call in calls] == ["one", "two"]
    assert all(call.request and call.execution and call.message for call in calls)


def test_calls_without_ids_stay_apart() -> None:
    calls = join_tool_calls([ToolExecution(tool_name="a"), ToolExecution(tool_name="b")], [Message(role="tool")])
    assert len(calls) == 3


def test_many_messages_of_one_id_take_no_quadratic_time() -> None:
    assert len(join_tool_calls([], [told("c1", str(number)) for number in range(20_000)])) == 20_000


@pytest.mark.parametrize(
    ("execution", "status", "error"),
    [
        ({"result": "None"}, "ok", False),
        ({"result": "boom", "tool_call_error": True}, "error", True),
        ({"confirmed": False, "tool_call_error": True, "requires_confirmation": False}, "rejected", True),
        ({"requires_confirmation": True}, "waiting", False),
        ({"requires_confirmation": True, "confirmed": True, "result": "ok"}, "ok", False),
        ({"requires_user_input": True, "user_input_schema": [{"name": "n", "value": None}]}, "waiting", False),
        ({"requires_user_input": True, "answered": True}, "not_stored", False),
        ({"user_feedback_schema": [{"question": "Which?"}]}, "waiting", False),
        ({"external_execution_required": True}, "waiting", False),
        ({"external_execution_required": True, "result": "files"}, "ok", False),
        ({}, "not_stored", False),
    ],
)
def test_status(execution: dict[str, Any], status: str, error: bool) -> None:
    [call] = join_tool_calls([done("c1", **execution)], [])
    assert (call.status, call.error) == (status, error)


def test_an_execution_is_written_with_every_key() -> None:
    raw = ToolExecution(tool_call_id="c1", tool_name="search", tool_args={}, result="found", created_at=5).to_dict()
    assert raw["confirmed"] is None
    assert raw["stop_after_tool_call"] is False
    assert len(raw) == 20


def test_error_texts_do_not_make_an_error_of_a_call_that_ran() -> None:
    messages = [asked("c1"), told("c1", "Error rates fell", tool_call_error=False)]
    [call] = join_tool_calls([done("c1", result="Error rates fell", tool_call_error=False)], messages)
    assert call.status == "ok"
