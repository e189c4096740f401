"""The real openai client against a real server on this machine, in every way in which an answer can go wrong."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agentos.llm.base import Delta, ModelError, Request
from agentos.llm.openai_chat import OpenAIChat, usage_of
from agentos.records import Message


def never() -> bool:
    return False


def ask(text: str, cancelled: Callable[[], bool] = never, **options: Any) -> list[Delta]:
    model = OpenAIChat("fake-model", **options)
    return list(model.answer(Request([Message(role="user", content=text)]), cancelled=cancelled))


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.content for delta in deltas)


@pytest.fixture
def raw_server() -> Iterator[Callable[[bytes], str]]:
    """Give a function that starts a server answering any request with these bytes, and returns its base URL."""
    listeners = []

    def serve(answer: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        threading.Thread(target=run, daemon=True).start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"

    yield serve
    for listener in listeners:
        listener.close()


def http(body: bytes, kind: bytes = b"text/event-stream") -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\nConnection: close\r\n\r\n" + body


def test_the_answer_arrives_word_by_word_with_its_usage(fake_model: Any) -> None:
    deltas = ask("[[say one two three]] [[usage 20 5]]")
    assert [delta.content for delta in deltas if delta.content] == ["one ", "two ", "three"]
    assert [delta.usage.to_dict() for delta in deltas if delta.usage] == [
        {"input_tokens": 20, "output_tokens": 5, "total_tokens": 25}
    ]


def test_reasoning_comes_apart_from_the_answer(fake_model: Any) -> None:
    deltas = ask("[[reason let me see]] [[say yes]]")
    assert "".join(delta.reasoning for delta in deltas) == "let me see"
    assert text_of(deltas) == "yes"


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking"])
def test_every_server_calls_reasoning_something_else(raw_server: Any, name: str) -> None:
    chunk = b'data: {"id": "1", "choices": [{"index": 0, "delta": {"%s": "hm"}, "finish_reason": "stop"}]}\n\n'
    url = raw_server(http(chunk % name.encode() + b"data: [DONE]\n\n"))
    assert "".join(delta.reasoning for delta in ask("x", base_url=url, api_key="k")) == "hm"


def test_a_silent_server_gives_ticks(fake_model: Any) -> None:
    deltas = ask("[[sleep 0.8]] [[say late]]")
    assert sum(delta == Delta() for delta in deltas) >= 2
    assert text_of(deltas) == "late"


@pytest.mark.parametrize(
    ("directive", "status", "words"),
    [
        ("[[error 401 wrong key sk-secret]]", 401, "Check OPENAI_API_KEY"),
        ("[[error 403 no]]", 403, "may not use the model 'fake-model'"),
        ("[[error 404 no such model]]", 404, "does not know the model 'fake-model': “no such model”"),
        ("[[error 429 slow down]]", 429, "takes no more requests now (429): “slow down”"),
        ("[[error 500 exploded]]", 500, "failed (500): “exploded”"),
        ("[[error 400 bad]]", 400, "refused the request (400): “bad”"),
    ],
)
def test_an_error_says_what_to_do(fake_model: Any, directive: str, status: int, words: str) -> None:
    with pytest.raises(ModelError) as error:
        ask(directive)
    assert error.value.status == status
    assert words in error.value.sentence
    assert "sk-secret" not in error.value.sentence


def test_a_cut_stream_is_an_error_after_what_arrived(fake_model: Any) -> None:
    arrived = []
    with pytest.raises(ModelError, match=r"broke (off )?before"):
        for delta in OpenAIChat("m").answer(
            Request([Message(role="user", content="[[say one two three]] [[drop 2]]")]), cancelled=never
        ):
            arrived.append(delta.content)
    assert "".join(arrived) == "one "


def test_a_server_that_stays_silent_is_given_up(fake_model: Any) -> None:
    begun = time.monotonic()
    with pytest.raises(ModelError, match=r"silent for 0\.3 s"):
        ask("[[sleep 5]]", timeout=0.3)
    assert time.monotonic() - begun < 4


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ModelError, match="cannot be reached"):
        ask("hello", base_url=f"http://127.0.0.1:{port}/v1", api_key="k")


@pytest.mark.parametrize(
    "answer",
    [
        http(b"<html>Welcome to nginx</html>", b"text/html"),
        http(b"data: {not json\n\n"),
        http(b"data: [1, 2]\n\n"),
        http(b'data: {"choices": "many"}\n\n'),
        http(b""),
        b"SSH-2.0-OpenSSH_9.2\r\n",
    ],
)
def test_garbage_is_an_error_and_nothing_worse(raw_server: Any, answer: bytes) -> None:
    with pytest.raises(ModelError):
        ask("x", base_url=raw_server(answer), api_key="k")


def test_an_error_within_the_stream(raw_server: Any) -> None:
    url = raw_server(http(b'data: {"error": {"message": "out of memory"}}\n\n'))
    with pytest.raises(ModelError, match="out of memory"):
        ask("x", base_url=url, api_key="k")


def test_an_answer_without_end_is_ended(fake_model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentos.llm.openai_base.MAX_ANSWER", 2**20)
    fake_model.brain.enqueue("*", {"content": "x" * (2**20 + 1)})
    with pytest.raises(ModelError, match="stopped at 1 MB"):
        ask("long")


def test_a_line_without_end_is_ended(raw_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentos.llm.connection._MAX_BODY", 100_000)
    with pytest.raises(ModelError, match="far more than an answer"):
        ask("x", base_url=raw_server(http(b"data: " + b"x" * 300_000)), api_key="k")


def test_a_tool_the_model_asks_for_is_not_there(fake_model: Any) -> None:
    with pytest.raises(ModelError, match="asked for a tool"):
        ask('[[tool get_weather {"city": "Oslo"}]]')


@pytest.mark.parametrize("silence", ["[[slow 0.1]] [[long 500]]", "[[sleep 30]]"])
def test_stopping_closes_the_connection(fake_model: Any, silence: str) -> None:
    begun = time.monotonic()
    ask(silence, cancelled=lambda: time.monotonic() - begun > 0.6)
    assert time.monotonic() - begun < 2
    deadline = time.monotonic() + 2
    while any(thread.name == "model-stream" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "the thread still reads"
        time.sleep(0.02)


def test_usage_leaves_out_zeros_and_nonsense() -> None:
    assert usage_of(
        {
            "prompt_tokens": 7,
            "completion_tokens": 0,
            "total_tokens": "many",
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": None,
            "cost": float("inf"),
        }
    ).to_dict() == {"input_tokens": 7, "cache_read_tokens": 4}
