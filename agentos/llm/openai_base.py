"""What chat completions and the Responses API have in common: the openai client, and reading an answer in a thread.

The answer is read in a thread of its own, so that whoever waits for it can look around several times a second: a
silent server can be given up, and its connection closed, at any moment, also while a request is to be tried again.
"""

import os
import queue
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from agentos.llm.base import MAX_ANSWER, MAX_SECONDS, Delta, Json, Model, ModelError, Request
from agentos.llm.connection import Connection, Interrupted, certificates
from agentos.llm.errors import NO_ANSWER, explain
from agentos.llm.retry import with_retries

if TYPE_CHECKING:
    from openai import OpenAI

# Seconds between two ticks while nothing arrives.
_TICK: Final = 0.25
# Seconds without a byte until the model is given up, when no setting says otherwise.
_TIMEOUT: Final = 120.0
# Times a request is tried again when it fails before its answer begins.
_RETRIES: Final = 2
_END: Final = object()
# What of `request_params` is for the openai client; the rest is sent in the request's body as it is.
_FOR_CLIENT: Final = ("extra_headers", "extra_query", "extra_body", "timeout")


class Reader(Protocol):
    """Turns what the openai client yields for one answer into deltas."""

    def read(self, item: Any) -> Delta:
        """Return what one event of a stream, or the whole answer of a request without stream, brings.

        Raises:
            ModelError: the server reports a failure within its answer.
        """


@dataclass(eq=False)
class OpenAIModel(Model):
    """A model behind the openai client; the keywords are Agno's, and those that are None are not sent.

    What of `api_key`, `base_url` and `timeout` is not given comes, at each request, from Django's settings if there
    are any (`OPENAI_API_KEY`, `OPENAI_BASE_URL`, `AGENTOS_MODEL_TIMEOUT`), else from the environment's variables of
    the first two names and 120 s. `timeout` counts seconds without a byte. `client` (an `openai.OpenAI`) and
    `http_client` replace our own: a stop then takes effect with the next byte. `role_map` renames roles on the wire.
    """

    id: str = "gpt-4o-mini"
    name: str = ""
    provider: str = "OpenAI"
    temperature: float | None = None
    top_p: float | None = None
    user: str | None = None
    store: bool | None = None
    metadata: Json | None = None
    service_tier: str | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    strict_output: bool = True
    role_map: dict[str, str] | None = None
    extra_headers: Mapping[str, str] | None = field(default=None, repr=False)
    extra_query: Mapping[str, object] | None = None
    extra_body: Json | None = None
    request_params: Json | None = None
    api_key: str | None = field(default=None, repr=False)
    organization: str | None = None
    base_url: str | None = None
    timeout: float | None = None
    max_retries: int | None = None
    default_headers: Mapping[str, str] | None = field(default=None, repr=False)
    default_query: Mapping[str, object] | None = None
    http_client: Any = field(default=None, repr=False)
    client_params: Json | None = field(default=None, repr=False)
    client: Any = field(default=None, repr=False)

    # The fields above and below that are sent under their own names.
    _sent: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def _create(self, client: "OpenAI", params: Json) -> Any:
        """Make the request; return the whole answer, or a stream of events that is a context manager."""

    @abstractmethod
    def _params(self, request: Request) -> Json:
        """Return the request's own parameters: messages, tools and the like."""

    @abstractmethod
    def _reader(self) -> Reader:
        """Return a new reader for one answer."""

    def answer(self, request: Request, *, cancelled: Callable[[], bool]) -> Generator[Delta, None, None]:
        """Yield the answer as the server sends it; see `Model.answer`."""
        connection = Connection()
        arrivals: queue.Queue[Any] = queue.Queue(maxsize=1000)  # bounded: a fast server waits for a slow reader
        params = self.parameters(request)
        reader = threading.Thread(
            target=self._read, args=(params, connection, arrivals), name="model-stream", daemon=True
        )
        reader.start()
        try:
            yield from _bounded(_take(arrivals, self._reader(), may_call=bool(request.tools)), cancelled)
        except ModelError:
            raise
        except Exception as error:
            raise explain(error, model=self.id, timeout=self._seconds()) from error
        finally:
            connection.close()

    def parameters(self, request: Request) -> Json:
        """Return all that the openai client is called with for this request."""
        fields = {name: getattr(self, name) for name in (*self._sent, "extra_headers", "extra_query", "extra_body")}
        given = {name: value for name, value in fields.items() if value is not None}
        extra = dict(self.request_params or {})
        options: Json = {name: extra.pop(name) for name in _FOR_CLIENT if name in extra}
        params: Json = {"model": self.id, **given, **self._params(request), **options}
        if extra:
            body: Json = params.get("extra_body") or {}
            params["extra_body"] = {**body, **extra}
        return params

    def _read(self, params: Json, connection: Connection, arrivals: "queue.Queue[Any]") -> None:
        """Put each event of the answer into `arrivals`, then the error or the end; the thread's whole life."""
        retries = _RETRIES if self.max_retries is None else self.max_retries
        try:
            with self._client(connection) as client:
                with _keywords_checked():
                    answer = with_retries(lambda: self._create(client, params), retries, connection.wait)
                if not params.get("stream"):
                    connection.put(arrivals, answer)
                else:
                    with answer:
                        for event in answer:
                            connection.put(arrivals, event)
                connection.put(arrivals, _END)
        except Interrupted:
            return
        except Exception as error:  # handed to whoever waits, who explains it
            connection.put(arrivals, error, quietly=True)

    @contextmanager
    def _client(self, connection: Connection) -> "Iterator[OpenAI]":
        """Give the client for one request: it never retries by itself, and ours tells `connection` its sockets."""
        import httpx2
        from openai import DefaultHttpxClient, OpenAI

        if self.client is not None:
            yield self.client.with_options(max_retries=0)
            return
        seconds = self._seconds()
        timeout = httpx2.Timeout(seconds, connect=min(seconds, 10.0))
        ours = None
        if self.http_client is None:
            ours = DefaultHttpxClient(timeout=timeout, event_hooks=connection.hooks(), verify=certificates())
        try:
            with _keywords_checked():
                client = OpenAI(
                    **{"timeout": timeout, **self._client_params(), "http_client": ours or self.http_client}
                )
            yield client
        finally:
            if ours:
                ours.close()

    def _client_params(self) -> Json:
        return {
            # Servers at home often want no key, the client always wants one.
            "api_key": self.api_key or configured("OPENAI_API_KEY") or "none",
            "base_url": str(self.base_url or configured("OPENAI_BASE_URL") or "") or None,
            "organization": self.organization,
            "default_headers": self.default_headers,
            "default_query": self.default_query,
            **(self.client_params or {}),
            "max_retries": 0,
        }

    def _seconds(self) -> float:
        return self.timeout or float(configured("AGENTOS_MODEL_TIMEOUT") or _TIMEOUT)


@contextmanager
def _keywords_checked() -> Iterator[None]:
    """Turn the openai client's complaint about what it was called with into a sentence that says so."""
    try:
        yield
    except TypeError as error:
        raise ModelError(f"The model cannot be called: {str(error)[:300]}. Check the model's keywords.") from error


def configured(name: str) -> Any:
    """Return a setting of Django's, where there are settings that have it, else the environment's, else None."""
    from django.conf import settings

    if settings.configured and hasattr(settings, name):
        return getattr(settings, name)
    return os.environ.get(name)


def _take(arrivals: "queue.Queue[Any]", reader: Reader, *, may_call: bool) -> Iterator[Delta]:
    """Yield what arrives as deltas, and a tick whenever nothing does for a while; raise what the thread met."""
    called = answered = finished = begun = False
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
        delta = reader.read(arrived)
        called, finished = called or bool(delta.tool_calls), finished or bool(delta.finish_reason)
        answered, begun = answered or bool(delta.content), True
        yield delta
    if not begun:
        raise ModelError(NO_ANSWER)
    if not finished:
        raise ModelError("The model's answer broke off before its end. Send the message again.")
    if called and not answered and not may_call:
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
        texts = (delta.content, delta.reasoning, *(part.arguments for part in delta.tool_calls))
        size += sum(len(text.encode("utf-8", "replace")) for text in texts)
        if size > MAX_ANSWER:
            raise ModelError(f"The answer was stopped at {MAX_ANSWER // 2**20} MB. Ask for a shorter one.")
        if time.monotonic() > deadline:
            raise ModelError(f"The answer was stopped after {MAX_SECONDS / 60:.0f} min. Ask for a shorter one.")
        yield delta
