"""What is sent to a model: only what providers accept."""

from typing import Any

import pytest

from agentos.llm.wire import to_wire
from agentos.records import Message


def call(call_id: str, arguments: str = "{}", more: str | None = None) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "look", "arguments": arguments}} | (
        {"call_id": more} if more else {}
    )


def assistant(*calls: dict[str, Any], content: str | None = None) -> Message:
    return Message.from_dict({"role": "assistant", "content": content, "tool_calls": list(calls)})


def tool(call_id: str, content: str = "found") -> Message:
    return Message(role="tool", tool_call_id=call_id, content=content)


def test_a_complete_pair_is_sent_as_it_is() -> None:
    assert to_wire([assistant(call("a", '{"x": 1}')), tool("a")]) == [
        {"role": "assistant", "content": None, "tool_calls": [call("a", '{"x": 1}')]},
        {"role": "tool", "tool_call_id": "a", "content": "found"},
    ]


def test_a_call_without_result_and_a_result_without_call_are_left_out() -> None:
    sent = to_wire([assistant(call("a"), call("b"), content="Looking."), tool("b"), tool("c")])
    assert [message["role"] for message in sent] == ["assistant", "tool"]
    assert [each["id"] for each in sent[0]["tool_calls"]] == ["b"]


def test_without_any_result_the_words_stay() -> None:
    assert to_wire([assistant(call("a"), content="Looking.")]) == [{"role": "assistant", "content": "Looking."}]
    assert to_wire([assistant(call("a"))]) == []


def test_a_result_may_name_the_other_id() -> None:
    sent = to_wire([assistant(call("fc_1", more="call_1")), tool("call_1")])
    assert sent[0]["tool_calls"][0]["id"] == sent[1]["tool_call_id"] == "call_1"


@pytest.mark.parametrize("arguments", ["{broken", "[1]", "", "[" * 100_000])
def test_arguments_that_are_no_object_are_left_out(arguments: str) -> None:
    assert to_wire([assistant(call("a", arguments)), tool("a")])[0]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_a_stored_picture_is_a_data_part() -> None:
    message = Message.from_dict(
        {"role": "user", "content": "See", "images": [{"content": "aGk=", "mime_type": "image/png"}]}
    )
    assert to_wire([message]) == [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "See"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
            ],
        }
    ]


@pytest.mark.parametrize(
    "image",
    [
        {"url": "http://169.254.169.254/latest"},
        {"filepath": "/etc/passwd"},
        {"content": "<svg onload=x>", "mime_type": "image/png"},
        {"content": "aGk=", "mime_type": "image/svg+xml"},
        {"content": 7},
        {},
    ],
)
def test_a_picture_that_is_not_held_is_named(image: dict[str, Any]) -> None:
    sent = to_wire([Message.from_dict({"role": "user", "content": "See", "images": [image, "odd"]})])
    assert sent == [{"role": "user", "content": "See\n\n[Here was a picture that is not sent along.]"}]


def test_a_text_file_is_inline_and_another_is_named() -> None:
    files = [
        {"content": "a,b", "mime_type": "text/csv", "filename": "t.csv"},
        {"content": "JVBERi0=", "mime_type": "application/pdf", "filename": "r.pdf"},
    ]
    sent = to_wire([Message.from_dict({"role": "user", "content": "Read", "files": files})])
    assert sent[0]["content"] == "Read\n\nFile t.csv:\n\na,b\n\n[Here was a file (r.pdf) that is not sent along.]"


def test_odd_messages_are_left_out() -> None:
    odd: list[dict[str, Any]] = [{}, {"role": 7}, {"role": "critic", "content": "x"}, {"role": "user"}]
    assert to_wire([Message.from_dict(raw) for raw in odd]) == []


def test_developer_is_system_and_model_is_assistant() -> None:
    sent = to_wire([Message(role="developer", content="Be brief."), Message(role="model", content="Yes.")])
    assert [message["role"] for message in sent] == ["system", "assistant"]
