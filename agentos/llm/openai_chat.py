"""Any server that speaks OpenAI's chat completions, through the openai client.

The stream is read in a thread of its own, so that whoever waits for it can look around several times a second: a
silent server can be given up, and its connection closed, at any moment.
"""

import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any, Final, cast

from django.conf import settings

from agentos.llm.base import MAX_ANSWER, MAX_SECONDS, Delta, Model, ModelError, Request
from agentos.llm.connection import Connection, Interrupted
from agentos.llm.errors import NO_ANSWER, explain
from agentos.llm.wire import to_wire
from agentos.records import Metrics

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletionMessageParam

# Seconds between two ticks while nothing arrives.
_TICK: Final = 0.25
# Where servers put the model's reasoning: DeepSeek and vLLM, OpenRouter and Ollama, others.
_REASONING_FIELDS: Final = ("reasoning_content", "reasoning", "thinking")
_END: Final = object()


class OpenAIChat(Model):
    """A model behind a chat completions endpoint.

    Args:
        model_id: as the server knows it.
        api_key, base_url: from the settings unless given.
        timeout: seconds without a byte until the model is given up.
    """

    name = "OpenAIChat"
    provider = "OpenAI"
    service = "OpenAI Chat"

    def __init__(
        self, model_id: str, *, api_key: str | None = None, base_url: str | None = None, timeout: float | None = None
    ) -> None:
        self.id = model_id
        self.api_key = settings.OPENAI_API_KEY if api_key is None else api_key
        self.base_url = settings.OPENAI_BASE_URL if base_url is None else base_url
        self.timeout = settings.AGENTOS_MODEL_TIMEOUT if timeout is None else timeout

    def answer(self, request: Request, *, cancelled: Callable[[], bool]) -> Generator[Delta, None, None]:
        """Yield the answer as the server sends it; see `Model.answer`."""
        connection = Connection()
        arrivals: queue.Queue[Any] = queue.Queue(maxsize=1000)  # bounded: a fast server waits for a slow reader
        reader = threading.Thread(
            target=self._read, args=(to_wire(request.messages), connection, arrivals), name="model-stream", daemon=True
        )
        reader.start()
        try:
            yield from _bounded(_take(arrivals), cancelled)
        except ModelError:
            raise
        except Exception as error:
            raise explain(error, model=self.id, timeout=self.timeout) from error
        finally:
            connection.close()

    def _read(self, wire: list[dict[str, Any]], connection: Connection, arrivals: "queue.Queue[Any]") -> None:
        """Put each chunk of the stream into `arrivals`, then the error or the end; the thread's whole life."""
        try:
            with self._client(connection) as client:
                stream = client.chat.completions.create(
                    model=self.id,
                    messages=cast("list[ChatCompletionMessageParam]", wire),
                    stream=True,
                    stream_options={"include_usage": True},
                )
                with stream:
                    for chunk in stream:
                        connection.put(arrivals, chunk)
                connection.put(arrivals, _END)
        except Interrupted:
            return
        except Exception as error:  # handed to whoever waits, who explains it
            connection.put(arrivals, error, quietly=True)

    def _client(self, connection: Connection) -> "OpenAI":
        import httpx2
        from openai import DefaultHttpxClient, OpenAI

        timeout = httpx2.Timeout(self.timeout, connect=min(self.timeout, 10.0))
        return OpenAI(
            api_key=self.api_key or "none",  # servers at home often want no key, the client always wants one
            base_url=self.base_url or None,
            timeout=timeout,
            max_retries=1,
            http_client=DefaultHttpxClient(timeout=timeout, event_hooks=connection.hooks()),
        )


def _take(arrivals: "queue.Queue[Any]") -> Iterator[Delta]:
    """Yield what arrives as deltas, and a tick whenever nothing does for a while; raise what the reader met."""
    asked_for_tool = answered = finished = begun = False
    while True:
        try:
            arrived = arrivals.get(timeout=_TICK)
        except queue.Empty:
            yield Delta()
            continue
        if arrived is _END:
            break
        if isinstance(arrived, Exception):
            raise arrived
        delta, called, ended = read_chunk(arrived)
        asked_for_tool, finished = asked_for_tool or called, finished or ended
        answered, begun = answered or bool(delta.content), True
        yield delta
    if not begun:
        raise ModelError(NO_ANSWER)
    if not finished:
        raise ModelError("The model's answer broke off before its end. Send the message again.")
    if asked_for_tool and not answered:
        raise ModelError("The model asked for a tool, and no tools can be run here. Ask for an answer in words.")


def _bounded(deltas: Iterator[Delta], cancelled: Callable[[], bool]) -> Iterator[Delta]:
    """Pass deltas on until cancelled.

    Raises:
        ModelError: the answer is longer than any may be, or does not end.
    """
    deadline, size = time.monotonic() + MAX_SECONDS, 0
    for delta in deltas:
        if cancelled():
            return
        size += len(delta.content.encode("utf-8", "replace")) + len(delta.reasoning.encode("utf-8", "replace"))
        if size > MAX_ANSWER:
            raise ModelError(f"The answer was stopped at {MAX_ANSWER // 2**20} MB. Ask for a shorter one.")
        if time.monotonic() > deadline:
            raise ModelError(f"The answer was stopped after {MAX_SECONDS / 60:.0f} min. Ask for a shorter one.")
        yield delta


def read_chunk(chunk: Any) -> tuple[Delta, bool, bool]:
    """Return a chunk's delta, whether it asks for a tool, and whether it says that the answer is complete.

    Raises:
        ModelError: the server reports a failure within its stream.
    """
    if failure := getattr(chunk, "error", None):
        said = failure.get("message") if isinstance(failure, dict) else failure
        raise ModelError(f"The model server failed while it was answering: {str(said)[:300]}. Send the message again.")
    usage = usage_of(chunk.usage.to_dict()) if getattr(chunk, "usage", None) else None
    choice = next(iter(getattr(chunk, "choices", None) or []), None)
    delta = getattr(choice, "delta", None)
    reasoning = next((text for name in _REASONING_FIELDS if (text := _text(getattr(delta, name, None)))), "")
    content = _text(getattr(delta, "content", None)) or _text(getattr(delta, "refusal", None))
    called = bool(getattr(delta, "tool_calls", None))
    return Delta(content, reasoning, usage), called, bool(getattr(choice, "finish_reason", None))


def usage_of(usage: dict[str, Any]) -> Metrics:
    """Return a chat completion's usage under Agno's names; counts that are zero or missing are left out."""
    prompt, completion = usage.get("prompt_tokens_details"), usage.get("completion_tokens_details")
    prompt, completion = prompt if isinstance(prompt, dict) else {}, completion if isinstance(completion, dict) else {}
    counts = {
        "input_tokens": usage.get("prompt_tokens"),
        "output_tokens": usage.get("completion_tokens"),
        "total_tokens": usage.get("total_tokens"),
        "audio_input_tokens": prompt.get("audio_tokens"),
        "audio_output_tokens": completion.get("audio_tokens"),
        "cache_read_tokens": prompt.get("cached_tokens"),
        "reasoning_tokens": completion.get("reasoning_tokens"),
    }
    kept: dict[str, Any] = {key: count for key, count in counts.items() if type(count) is int and count > 0}
    cost = usage.get("cost")
    if isinstance(cost, float | int) and not isinstance(cost, bool) and 0 < cost < float("inf"):
        kept["cost"] = float(cost)
    return Metrics.from_dict(kept)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
