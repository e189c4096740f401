"""What reaches the server of a model's keywords and of a request; when a request is tried again."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from agentos.llm.base import Delta, Json, ModelError, Request
from agentos.llm.openai_chat import OpenAIChat
from agentos.llm.retry import retry_after
from agentos.records import Message

HI = [Message(role="user", content="Hi")]
TOOL: Json = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}


def answer_of(model: OpenAIChat, request: Request, cancelled: Callable[[], bool] = lambda: False) -> list[Delta]:
    return list(model.answer(request, cancelled=cancelled))


def body_of(fake_model: Any, model: OpenAIChat, request: Request) -> Json:
    answer_of(model, request)
    body: Json = fake_model.brain.log[-1]["body"]
    return body


def test_without_keywords_nothing_is_sent_but_the_conversation(fake_model: Any) -> None:
    assert body_of(fake_model, OpenAIChat(), Request(HI)) == {
        "model": "gpt-4o-mini",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_every_keyword_is_sent_under_its_name(fake_model: Any) -> None:
    given: Json = {
        "temperature": 0.0, "top_p": 0.9, "max_tokens": 5, "max_completion_tokens": 6, "seed": 0, "stop": ["."],
        "frequency_penalty": 0.1, "presence_penalty": 0.2, "logit_bias": {"50256": -100}, "logprobs": True,
        "top_logprobs": 2, "user": "dana", "reasoning_effort": "low", "verbosity": "low", "modalities": ["text"],
        "audio": {"voice": "alloy", "format": "wav"}, "store": False, "metadata": {"a": "b"}, "service_tier": "flex",
    }  # fmt: skip
    body = body_of(fake_model, OpenAIChat("m", **given), Request(HI, stream=False))
    assert body == {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **given}


def test_what_openai_does_not_know_goes_into_the_body(fake_model: Any) -> None:
    model = OpenAIChat("m", extra_body={"top_k": 5, "min_p": 0.1}, request_params={"top_k": 7, "temperature": 0.5})
    body = body_of(fake_model, model, Request(HI))
    assert (body["top_k"], body["min_p"], body["temperature"]) == (7, 0.1, 0.5)


def test_an_unknown_keyword_is_an_error() -> None:
    with pytest.raises(TypeError, match="temprature"):
        OpenAIChat("m", temprature=1)  # type: ignore[call-arg]  # a name that is not there is the test


def test_tools_and_a_choice_and_a_format(fake_model: Any) -> None:
    shape: Json = {"type": "json_object"}
    body = body_of(fake_model, OpenAIChat("m"), Request(HI, [TOOL], tool_choice="auto", response_format=shape))
    assert body["tools"] == [TOOL]
    assert body["tool_choice"] == "auto"
    assert body["response_format"] == shape
    assert "tool_choice" not in body_of(fake_model, OpenAIChat("m"), Request(HI, tool_choice="auto"))


def test_a_name_of_ones_own_for_the_provider() -> None:
    model = OpenAIChat("m", name="Mine", provider="Azure", api_key="sk-secret")
    assert (model.name, model.provider, model.service) == ("Mine", "Azure", "Azure Chat")
    assert "sk-secret" not in repr(model)


class Flaky(BaseHTTPRequestHandler):
    """Fails as often as `failures` say, each a status and headers, then answers."""

    failures: list[tuple[int, dict[str, str]]]
    seen: list[dict[str, str]]

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append({name.lower(): value for name, value in self.headers.items()} | {"path": self.path})
        status, headers = self.failures.pop(0) if self.failures else (200, {})
        good = b'{"id": "1", "choices": [{"index": 0, "message": {"content": "ok"}, "finish_reason": "stop"}]}'
        body = (
            good
            if status == 200
            else b'{"error": {"message": "not now", "code": "%s"}}' % headers.pop("code", "").encode()
        )
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def flaky() -> Iterator[Callable[..., tuple[str, list[dict[str, str]]]]]:
    """Give a function that starts a server with these failures, and returns its URL and the requests it has seen."""
    servers: list[ThreadingHTTPServer] = []

    def serve(*failures: tuple[int, dict[str, str]]) -> tuple[str, list[dict[str, str]]]:
        handler = type("Handler", (Flaky,), {"failures": list(failures), "seen": []})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}/v1", handler.seen  # type: ignore[attr-defined]  # the handler keeps what it saw

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


SOON = {"retry-after-ms": "10"}


def test_what_may_pass_is_tried_again(flaky: Any) -> None:
    url, seen = flaky((429, dict(SOON)), (503, dict(SOON)))
    assert answer_of(OpenAIChat("m", base_url=url, api_key="k"), Request(HI, stream=False))[-1].content == "ok"
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("failure", "options", "times"),
    [
        ((429, SOON), {}, 3),
        ((429, SOON), {"max_retries": 0}, 1),
        ((429, {"Retry-After": "3600"}), {}, 1),
        ((429, SOON | {"code": "insufficient_quota"}), {}, 1),
        ((400, {}), {}, 1),
        ((500, {"x-should-retry": "false"}), {}, 1),
    ],
)
def test_how_often_it_is_tried(flaky: Any, failure: tuple[int, dict[str, str]], options: Json, times: int) -> None:
    url, seen = flaky(*[(failure[0], dict(failure[1])) for _ in range(5)])
    with pytest.raises(ModelError) as error:
        answer_of(OpenAIChat("m", base_url=url, api_key="k", **options), Request(HI))
    assert error.value.status == failure[0]
    assert len(seen) == times


def test_stopping_ends_the_pause_before_another_try(flaky: Any) -> None:
    url, seen = flaky(*[(429, {"Retry-After": "30"})] * 5)
    begun = time.monotonic()
    stop = lambda: time.monotonic() - begun > 0.5  # noqa: E731  # the handler keeps what it saw
    answer_of(OpenAIChat("m", base_url=url, api_key="k"), Request(HI), stop)
    assert time.monotonic() - begun < 2
    assert len(seen) == 1


def test_the_pause_that_a_server_asks_for() -> None:
    assert retry_after({"retry-after-ms": "250", "retry-after": "9"}) == 0.25
    assert retry_after({"retry-after": "-4"}) == 0
    assert retry_after({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, clock=lambda: 40.0) == 60
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


def test_headers_and_queries(flaky: Any) -> None:
    url, seen = flaky()
    model = OpenAIChat(
        "m", base_url=url, api_key="k", organization="org-1", default_headers={"X-A": "1"}, default_query={"a": "1"},
        extra_headers={"X-B": "2"}, extra_query={"b": "2"}, client_params={"project": "p-1"},
    )  # fmt: skip
    answer_of(model, Request(HI, stream=False))
    [request] = seen
    assert request["path"] == "/v1/chat/completions?a=1&b=2"
    assert {request[name] for name in ("x-a", "x-b", "openai-organization", "openai-project")} == {
        "1",
        "2",
        "org-1",
        "p-1",
    }


def test_a_client_of_ones_own_is_used_and_stays_open(fake_model: Any) -> None:
    import httpx2
    from openai import OpenAI

    with OpenAI(api_key="mine", base_url=fake_model.url) as client, httpx2.Client() as http_client:
        for model in (OpenAIChat("m", client=client), OpenAIChat("m", api_key="mine", http_client=http_client)):
            for _ in range(2):
                assert answer_of(model, Request(HI))
    assert [request["key"] for request in fake_model.brain.log] == ["mine"] * 4


@pytest.mark.parametrize("wrong", [{"http_client": "x"}, {"client_params": {"api_kee": "x"}}])
def test_what_the_client_does_not_take_is_an_error_that_says_so(wrong: Json) -> None:
    with pytest.raises(ModelError, match="Check the model's keywords"):
        answer_of(OpenAIChat("m", **wrong), Request(HI))


def test_it_works_without_django(fake_model: Any) -> None:
    script = """
import sys
import agentos.llm
costly = {"openai", "pydantic", "httpx2", "django"} & set(sys.modules)
assert not costly, costly
request = agentos.llm.Request([agentos.llm_message])
"""
    script = script.replace(
        "agentos.llm_message", "__import__('agentos.records').records.Message(role='user', content='[[say hello]]')"
    )
    script += "print(*(delta.content for delta in agentos.llm.OpenAIChat().answer(request, cancelled=lambda: False)))\n"
    env = {"OPENAI_API_KEY": "from-outside", "OPENAI_BASE_URL": fake_model.url}
    done = subprocess.run([sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.split() == ["hello"]
    assert fake_model.brain.log[-1]["key"] == "from-outside"
