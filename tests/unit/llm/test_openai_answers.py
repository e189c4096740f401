"""What a chat completions server's answer becomes: calls, sound, citations, in a stream and in one piece."""

import base64
import json
from typing import Any

import pytest

from agentos.llm.base import Delta, Json, ModelError, Request, ToolCallPart
from agentos.llm.openai_chat import ChatReader, OpenAIChat, usage_of
from agentos.llm.reply import Reply
from agentos.records import Message

TOOL: Json = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def reply_to(text: str, *, stream: bool = True, tools: tuple[Json, ...] = (TOOL,), **options: Any) -> Reply:
    reply = Reply()
    request = Request([Message(role="user", content=text)], tools, stream=stream)
    for delta in OpenAIChat("m", **options).answer(request, cancelled=lambda: False):
        reply.add(delta)
    return reply


both = pytest.mark.parametrize("stream", [True, False])


@both
def test_calls_are_put_together(fake_model: Any, stream: bool) -> None:
    arguments = {"a": {"city": "Oslo, and a long text that is cut into pieces"}, "b": {"city": "Rome"}}
    calls = [{"id": key, "name": "look", "args": value} for key, value in arguments.items()]
    fake_model.brain.enqueue("*", {"content": None, "tool_calls": calls})
    reply = reply_to("x", stream=stream)
    assert reply.tool_calls == [
        {"id": key, "type": "function", "function": {"name": "look", "arguments": json.dumps(value)}}
        for key, value in arguments.items()
    ]
    assert reply.finish_reason == "tool_calls"
    message = reply.message()
    assert message.content is None
    assert [call.args for call in message.tool_calls] == list(arguments.values())


@both
def test_all_else_that_an_answer_brings(fake_model: Any, stream: bool) -> None:
    reply = reply_to("[[reason hm]] [[say yes]] [[cite http://x.test/|Title]] [[usage 20 5]]", stream=stream)
    message = reply.message()
    assert (reply.text, reply.reasoning, reply.finish_reason) == ("yes", "hm", "stop")
    assert (message.role, message.content, message.reasoning_content) == ("assistant", "yes", "hm")
    assert reply.citations is not None
    assert reply.citations["urls"] == [{"url": "http://x.test/", "title": "Title"}]
    assert [raw["type"] for raw in reply.citations["raw"]] == ["url_citation"]
    assert set(reply.provider_data) == {"id", "system_fingerprint"}
    assert message.metrics is not None
    assert message.metrics.total_tokens == 25
    assert message.metrics.time_to_first_token is not None
    assert (message.metrics.duration or 0) >= message.metrics.time_to_first_token


@both
def test_a_spoken_answer_is_kept(fake_model: Any, stream: bool) -> None:
    fake_model.brain.enqueue("*", {"content": None, "audio": {"transcript": "hi", "data": "UklGRiQAAABXQVZF"}})
    reply = reply_to("x", stream=stream, modalities=["text", "audio"], audio={"voice": "alloy", "format": "wav"})
    sound = reply.message().audio_output
    assert sound is not None
    assert (sound.transcript, sound.format, sound.sample_rate, sound.channels) == ("hi", "wav", 24000, 1)
    assert (sound.data or b"").startswith(b"RIFF")
    assert reply.text == reply.message().content == "hi"


def test_without_stream_everything_comes_in_one_piece(fake_model: Any) -> None:
    request = Request([Message(role="user", content="[[say one two three]] [[sleep 0.6]]")], stream=False)
    deltas = list(OpenAIChat("m").answer(request, cancelled=lambda: False))
    assert [delta.content for delta in deltas if delta != Delta()] == ["one two three"]
    assert deltas[0] == Delta()
    assert "stream" not in fake_model.brain.log[0]["body"]


def test_a_call_without_tools_is_an_error_unless_it_comes_with_words(fake_model: Any) -> None:
    with pytest.raises(ModelError, match="asked for a tool"):
        reply_to("[[tool look {}]]", tools=())
    assert reply_to("[[say Looking.]] [[tool look {}]]", tools=()).text == "Looking."


class Chunk:
    """As the openai client gives a chunk."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    def to_dict(self, *, warnings: bool) -> Any:
        """Return the JSON it was made of."""
        return self.raw


def pieces(*calls: Any) -> list[ToolCallPart]:
    reader = ChatReader()
    chunks = [Chunk({"choices": [{"delta": {"tool_calls": [call]}}]}) for call in calls]
    return [part for chunk in chunks for part in reader.read(chunk).tool_calls]


def test_servers_number_calls_in_their_own_ways() -> None:
    def numbered(*calls: Any) -> list[tuple[int, str]]:
        return [(part.index, part.arguments) for part in pieces(*calls)]

    def call(index: int | None, call_id: str | None, name: str | None, arguments: str) -> Json:
        return {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}

    together = [(0, "1"), (0, "2"), (1, "3")]
    assert numbered(call(0, "a", "f", "1"), call(0, None, None, "2"), call(1, "b", "f", "3")) == together
    assert numbered(call(0, "a", "f", "1"), call(0, "a", "f", "2"), call(0, "b", "f", "3")) == together
    assert numbered(call(None, "a", "f", "1"), call(None, None, None, "2"), call(None, None, "f", "3")) == together


@pytest.mark.parametrize(
    "odd", [{}, {"choices": [7]}, {"choices": [{"delta": {"tool_calls": ["x", {"function": 7}], "audio": "x"}}]}]
)
def test_odd_chunks_bring_nothing_worse(odd: Any) -> None:
    delta = ChatReader().read(Chunk(odd))
    assert (delta.content, delta.audio, delta.finish_reason) == ("", None, "")


def test_sounds_in_usage() -> None:
    usage = {"prompt_tokens_details": {"audio_tokens": 3}, "completion_tokens_details": {"audio_tokens": 4}}
    assert usage_of(usage).to_dict() == {"audio_input_tokens": 3, "audio_output_tokens": 4, "audio_total_tokens": 7}


def test_a_reply_mends_what_was_cut() -> None:
    reply = Reply()
    parts = [base64.b64encode(part).decode() for part in (b"a", b"bc")]
    for delta in (
        Delta("\ud83d", audio={"data": parts[0]}),
        Delta("\ude00", audio={"data": parts[1]}),
        Delta("\ud83d"),
    ):
        reply.add(delta)
    assert reply.text == "\U0001f600\ufffd"
    assert reply.audio == {"content": base64.b64encode(b"abc").decode()}


def test_calls_without_id_get_one() -> None:
    reply = Reply()
    reply.add(Delta(tool_calls=(ToolCallPart(0, name="look"), ToolCallPart(1, name="look"))))
    first, second = reply.tool_calls
    assert first["function"] == {"name": "look", "arguments": "{}"}
    assert first["id"] not in ("", second["id"])
    assert reply.tool_calls == [first, second]


def test_an_empty_reply_is_a_message_all_the_same() -> None:
    message = Reply().message().to_dict()
    assert (message["role"], message["content"]) == ("assistant", "")
    assert not {"tool_calls", "provider_data", "reasoning_content", "audio_output"} & set(message)
