"""The Responses API: what is sent, and what becomes of the answer, in a stream and in one piece."""

import json
import threading
import time
from typing import Any

import pytest

from agentos.llm.base import Delta, Json, ModelError, Request
from agentos.llm.openai_responses import OpenAIResponses, ResponsesReader, flat_choice, usage_of
from agentos.llm.reply import Reply
from agentos.llm.responses_wire import to_items
from agentos.llm.structured import response_format
from agentos.records import Message

PARAMETERS: Json = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL: Json = {"type": "function", "function": {"name": "look", "description": "Look.", "parameters": PARAMETERS}}
HI = [Message(role="user", content="Hi")]


def reply_to(text: str, *, stream: bool = True, tools: tuple[Json, ...] = (TOOL,), **options: Any) -> Reply:
    reply = Reply()
    request = Request([Message(role="user", content=text)], tools, stream=stream)
    for delta in OpenAIResponses("m", **options).answer(request, cancelled=lambda: False):
        reply.add(delta)
    return reply


def body_of(fake_model: Any, request: Request, **options: Any) -> Json:
    list(OpenAIResponses("m", **options).answer(request, cancelled=lambda: False))
    body: Json = fake_model.brain.log[-1]["body"]
    return body


both = pytest.mark.parametrize("stream", [True, False])


@both
def test_all_that_an_answer_brings(fake_model: Any, stream: bool) -> None:
    reply = reply_to("[[reason hm so]] [[say one two]] [[cite http://x.test/|Title]] [[usage 20 5]]", stream=stream)
    message = reply.message()
    assert (message.content, message.reasoning_content, reply.finish_reason) == ("one two", "hm so", "stop")
    assert reply.citations is not None
    assert reply.citations["urls"] == [{"url": "http://x.test/", "title": "Title"}]
    assert reply.provider_data["response_id"].startswith("resp_")
    [thought] = reply.provider_data["reasoning_items"]
    assert thought["type"] == "reasoning"
    assert reply.usage is not None
    assert reply.usage.to_dict() == {
        "input_tokens": 20,
        "output_tokens": 5,
        "total_tokens": 25,
        "reasoning_tokens": 2,
    }


@both
def test_calls_have_two_ids(fake_model: Any, stream: bool) -> None:
    places = ["Oslo, and a long text that is cut into pieces", "Rome"]
    calls = [{"id": f"call_{n}", "name": "look", "args": {"city": city}} for n, city in enumerate(places)]
    fake_model.brain.enqueue("*", {"content": None, "tool_calls": calls})
    reply = reply_to("x", stream=stream)
    assert reply.finish_reason == "tool_calls"
    assert [(call["call_id"], call["function"]) for call in reply.tool_calls] == [
        (f"call_{n}", {"name": "look", "arguments": json.dumps({"city": city})}) for n, city in enumerate(places)
    ]
    assert all(call["id"].startswith("fc_") for call in reply.tool_calls)
    assert reply.message().content is None


def test_a_whole_tool_loop(fake_model: Any) -> None:
    reply = reply_to('[[reason hm]] [[tool look {"city": "Oslo"}]]')
    asked = reply.message()
    result = Message(role="tool", tool_call_id=reply.tool_calls[0]["id"], content="sun")
    question = Message(role="user", content='[[tool look {"city": "Oslo"}]]')
    body = body_of(fake_model, Request([Message(role="system", content="Be brief."), question, asked, result], [TOOL]))
    thought = reply.provider_data["reasoning_items"][0]
    call = reply.tool_calls[0]
    assert body["input"] == [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": question.content},
        thought,
        {
            "type": "function_call",
            "id": call["id"],
            "call_id": call["call_id"],
            "name": "look",
            "arguments": '{"city": "Oslo"}',
        },
        {"type": "function_call_output", "call_id": call["call_id"], "output": "sun"},
    ]


def test_without_keywords_nothing_is_sent_but_the_conversation(fake_model: Any) -> None:
    assert body_of(fake_model, Request(HI, stream=False)) == {
        "model": "m",
        "input": [{"role": "user", "content": "Hi"}],
    }


def test_every_keyword_is_sent(fake_model: Any) -> None:
    given: Json = {
        "temperature": 0.0, "top_p": 0.9, "user": "dana", "store": False, "metadata": {"a": "b"},
        "service_tier": "flex", "include": ["reasoning.encrypted_content"], "max_output_tokens": 9, "max_tool_calls": 2,
        "parallel_tool_calls": False, "truncation": "auto",
    }  # fmt: skip
    thinking: Json = {"reasoning": {"effort": "high"}, "reasoning_effort": "low", "reasoning_summary": "auto"}
    body = body_of(fake_model, Request(HI), **given, **thinking, verbosity="low", request_params={"top_k": 4})
    assert body == {
        "model": "m", "input": [{"role": "user", "content": "Hi"}], "stream": True, **given, "top_k": 4,
        "reasoning": {"effort": "low", "summary": "auto"}, "text": {"verbosity": "low"},
    }  # fmt: skip


def test_tools_a_choice_and_a_format(fake_model: Any) -> None:
    choice: Json = {"type": "function", "function": {"name": "look"}}
    shape = response_format({"type": "object", "title": "T", "properties": {}})
    body = body_of(fake_model, Request(HI, [TOOL, {"type": "web_search"}], choice, shape), verbosity="high")
    assert body["tools"] == [
        {"type": "function", "strict": False, "name": "look", "description": "Look.", "parameters": PARAMETERS},
        {"type": "web_search"},
    ]
    assert body["tool_choice"] == {"type": "function", "name": "look"}
    assert body["text"] == {"format": {"type": "json_schema", **shape["json_schema"]}, "verbosity": "high"}
    assert body_of(fake_model, Request(HI, response_format={"type": "json_object"}))["text"] == {
        "format": {"type": "json_object"}
    }
    assert flat_choice("required") == "required"


def assistant(*calls: Json, **more: Any) -> Message:
    return Message.from_dict({"role": "assistant", "tool_calls": list(calls), **more})


def call(call_id: str, second: str = "") -> Json:
    return {"id": call_id, "type": "function", "function": {"name": "look", "arguments": "{}"}} | (
        {"call_id": second} if second else {}
    )


def test_a_history_is_sent_only_as_servers_take_it() -> None:
    asked = assistant(call("fc_1", "call_1"), call("call_2"), call("call_3"), content="Looking.")
    results = [Message(role="tool", tool_call_id=key, content=key) for key in ("fc_1", "call_2", "nobody")]
    odd: list[Json] = [{}, {"role": 7}, {"role": "critic", "content": "x"}, {"role": "user"}, {"role": "assistant"}]
    common = {"type": "function_call", "name": "look", "arguments": "{}"}
    assert to_items([asked, *results, *(Message.from_dict(raw) for raw in odd)]) == [
        {"role": "assistant", "content": "Looking."},
        {**common, "call_id": "call_1"},
        {**common, "call_id": "call_2"},
        {"type": "function_call_output", "call_id": "call_1", "output": "fc_1"},
        {"type": "function_call_output", "call_id": "call_2", "output": "call_2"},
    ]


def test_reasoning_goes_back_only_where_the_server_has_it() -> None:
    thought: Json = {"type": "reasoning", "id": "rs_1", "summary": []}
    sealed = thought | {"encrypted_content": "…"}
    result = Message(role="tool", tool_call_id="fc_1", content="r")

    def sent(kept: Any, *after: Message, **options: Any) -> list[Json]:
        asked = assistant(call("fc_1", "call_1"), provider_data={"reasoning_items": kept})
        items = to_items([*HI, asked, result, *after], **options)
        return [item for item in items if item.get("type") == "reasoning"]

    assert sent([thought, 7]) == [thought]
    assert sent([thought], reasoning=False) == []
    assert sent([sealed], reasoning=False) == [sealed]
    assert sent([thought], *HI) == []
    assert sent("odd") == []
    unanswered = assistant(call("fc_1", "call_1"), call("fc_2"), provider_data={"reasoning_items": [thought]})
    assert [item.get("id") for item in to_items([*HI, unanswered, result])] == [None, None, None]


def test_media() -> None:
    media: Json = {
        "images": [
            {"content": "iVBORw0KGgo=", "mime_type": "image/png", "detail": "low"},
            {"url": "http://x.test/a.png"},
        ],
        "files": [
            {"content": "JVBERi0=", "mime_type": "application/pdf", "filename": "r.pdf"},
            {"url": "http://x.test/b.pdf"},
        ],
        "audio": [{"content": "UklGRiQAAABXQVZF"}],
    }
    message = Message.from_dict({"role": "user", "content": "See", **media})
    see: Json = {"type": "input_text", "text": "See"}
    picture: Json = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}
    document: Json = {"type": "input_file", "filename": "r.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}
    absent = {kind: f"[Here was {kind} that is not sent along.]" for kind in ("a picture", "a file", "a recording")}
    unsent = {kind: {"type": "input_text", "text": words} for kind, words in absent.items()}
    assert to_items([message])[0]["content"] == [
        *(see, picture, unsent["a picture"], document, unsent["a file"], unsent["a recording"])
    ]
    assert to_items([message], remote_media=True)[0]["content"] == [
        *(see, picture, {"type": "input_image", "image_url": "http://x.test/a.png", "detail": "auto"}, document),
        *({"type": "input_file", "file_url": "http://x.test/b.pdf"}, unsent["a recording"]),
    ]


class Event:
    """As the openai client gives an event."""

    def __init__(self, **raw: Any) -> None:
        self.raw = raw

    def to_dict(self, *, warnings: bool) -> Any:
        """Return the JSON it was made of."""
        return self.raw


def test_why_an_answer_ended() -> None:
    def end(**response: Any) -> Delta:
        return ResponsesReader().read(Event(type="response.incomplete", response={"id": "r", **response}))

    assert end(incomplete_details={"reason": "max_output_tokens"}).finish_reason == "length"
    assert end(incomplete_details={"reason": "content_filter"}).finish_reason == "content_filter"
    assert end().finish_reason == "stop"


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.failed", "response": {"status": "failed", "error": {"message": "out of memory"}}},
        {"type": "error", "message": "out of memory"},
        {"object": "response", "status": "failed", "error": {"message": "out of memory"}},
    ],
)
def test_a_failure_within_the_answer(event: Json) -> None:
    with pytest.raises(ModelError, match="out of memory"):
        ResponsesReader().read(Event(**event))


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": 7, "delta": 7},
        {"type": "response.output_item.added", "item": "x", "output_index": "y"},
        {"type": "response.output_text.annotation.added", "annotation": 1},
        {"type": "response.function_call_arguments.delta", "delta": None},
    ],
)
def test_odd_events_bring_nothing(event: Json) -> None:
    assert ResponsesReader().read(Event(**event)) == Delta()


def test_parts_of_a_summary_are_paragraphs() -> None:
    reader, reply = ResponsesReader(), Reply()
    for index, words in enumerate(("One.", "Two.")):
        reply.add(reader.read(Event(type="response.reasoning_summary_part.added", summary_index=index)))
        reply.add(reader.read(Event(type="response.reasoning_summary_text.delta", delta=words)))
    assert reply.reasoning == "One.\n\nTwo."


@pytest.mark.parametrize(
    ("directive", "words"),
    [
        ("[[error 401 wrong]]", "Check OPENAI_API_KEY"),
        ("[[say one two three]] [[drop 6]]", "broke"),
        ("[[tool look {}]]", "asked for a tool"),
    ],
)
def test_an_error_says_what_to_do(fake_model: Any, directive: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        reply_to(directive, tools=())


@both
def test_stopping_closes_the_connection(fake_model: Any, stream: bool) -> None:
    begun = time.monotonic()
    request = Request([Message(role="user", content="[[sleep 30]]")], stream=stream)
    list(OpenAIResponses("m").answer(request, cancelled=lambda: time.monotonic() - begun > 0.4))
    assert time.monotonic() - begun < 2
    deadline = time.monotonic() + 2
    while any(thread.name == "model-stream" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "the thread still reads"
        time.sleep(0.02)


def test_names(fake_model: Any) -> None:
    model = OpenAIResponses()
    assert (model.id, model.name, model.provider, model.service) == (
        *("gpt-4o-mini", "OpenAIResponses", "OpenAI", "OpenAI Responses"),
    )


def test_usage_leaves_out_zeros() -> None:
    usage = {"input_tokens": 7, "output_tokens": 0, "input_tokens_details": {"cached_tokens": 4}}
    assert usage_of(usage).to_dict() == {"input_tokens": 7, "cache_read_tokens": 4}
