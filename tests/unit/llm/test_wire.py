"""What is sent to a model: only what providers accept."""

from typing import Any

import pytest

from agentos.llm.wire import SYSTEM_ROLES, to_wire
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


def sent_parts(remote_media: bool = False, **media: list[Any]) -> list[Any]:
    """Return the parts of a user message that says "x" and holds these media, without the words."""
    [sent] = to_wire([Message.from_dict({"role": "user", "content": "x", **media})], remote_media=remote_media)
    return sent["content"][1:] if isinstance(sent["content"], list) else [sent["content"].removeprefix("x\n\n")]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ({"content": "a,b", "mime_type": "text/csv", "filename": "t.csv"}, "File t.csv:\n\na,b"),
        (
            {"content": "eyJhIjogMX0=", "mime_type": "application/json", "filename": "d.json"},
            'File d.json:\n\n{"a": 1}',
        ),
        ({"content": b"raw", "mime_type": "text/plain", "id": "f"}, "File f:\n\nraw"),
    ],
)
def test_a_text_file_is_inline(file: dict[str, Any], text: str) -> None:
    assert sent_parts(files=[file]) == [text]


def test_a_document_is_sent_as_it_is() -> None:
    file = {"content": "JVBE\nRi0=", "mime_type": "application/pdf", "filename": "r.pdf"}
    document = {"filename": "r.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}
    assert sent_parts(files=[file]) == [{"type": "file", "file": document}]


@pytest.mark.parametrize(
    "file",
    [
        {"content": "UEsDBA==", "mime_type": "application/zip"},
        {"content": "no base64!", "mime_type": "application/pdf"},
        {"content": "gICA", "mime_type": "application/json"},
        {"content": "x" * 200_001, "mime_type": "text/plain"},
        {"content": None, "mime_type": "application/pdf"},
        {"url": "https://example.test/r.pdf", "mime_type": "application/pdf"},
    ],
)
def test_a_file_that_cannot_be_sent_is_named(file: dict[str, Any]) -> None:
    assert sent_parts(files=[file | {"filename": "r"}]) == ["[Here was a file (r) that is not sent along.]"]


@pytest.mark.parametrize("kind", [{"format": "wav"}, {"mime_type": "audio/x-wav"}, {}])
def test_a_recording_is_sent_as_it_is(kind: dict[str, Any]) -> None:
    wave = "UklGRiQAAABXQVZF"
    assert sent_parts(audio=[{"content": wave, **kind}]) == [
        {"type": "input_audio", "input_audio": {"data": wave, "format": "wav"}}
    ]


@pytest.mark.parametrize("sound", [{"content": "aGk=", "format": "ogg"}, {"url": "https://example.test/a.wav"}, {}])
def test_a_recording_that_cannot_be_sent_is_named(sound: dict[str, Any]) -> None:
    assert sent_parts(audio=[sound]) == ["[Here was a recording that is not sent along.]"]


def test_the_url_of_a_picture_is_sent_only_when_allowed() -> None:
    images = [{"url": "https://example.test/a.png", "detail": "low"}, {"url": "file:///etc/passwd"}]
    absent = "[Here was a picture that is not sent along.]"
    assert sent_parts(images=images) == [f"{absent}\n\n{absent}"]
    assert sent_parts(images=images, remote_media=True) == [
        {"type": "image_url", "image_url": {"url": "https://example.test/a.png", "detail": "low"}},
        {"type": "text", "text": absent},
    ]


def test_a_picture_without_a_type_is_told_by_its_first_bytes() -> None:
    for content in ("/9j/4AAQ", b"\xff\xd8\xff\xe0\x00\x10", "data:image/jpeg;base64,/9j/4AAQ"):
        [part] = sent_parts(images=[{"content": content}])
        assert part["image_url"]["url"] == "data:image/jpeg;base64,/9j/4AAQ"


def test_a_compressed_result_is_sent_in_place_of_the_whole() -> None:
    result = Message(role="tool", tool_call_id="a", content="very long", compressed_content="short")
    assert to_wire([assistant(call("a")), result])[1]["content"] == "short"


def test_odd_messages_are_left_out() -> None:
    odd: list[dict[str, Any]] = [{}, {"role": 7}, {"role": "critic", "content": "x"}, {"role": "user"}]
    assert to_wire([Message.from_dict(raw) for raw in odd]) == []


def test_developer_is_system_and_model_is_assistant() -> None:
    sent = to_wire([Message(role="developer", content="Be brief."), Message(role="model", content="Yes.")])
    assert [message["role"] for message in sent] == ["developer", "assistant"]


def test_roles_can_be_renamed() -> None:
    messages = [Message(role="system", content="Be brief."), Message(role="developer", content="Be kind.")]
    assert [each["role"] for each in to_wire(messages)] == ["developer", "developer"]
    assert [each["role"] for each in to_wire(messages, roles=SYSTEM_ROLES)] == ["system", "system"]
