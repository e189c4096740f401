"""What every model offers: it answers one request piece by piece, and fails with a sentence that says what to do."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agentos.records import Message, Metrics

Json = dict[str, Any]

# Bytes of UTF-8: no answer grows beyond it, whatever the server sends.
MAX_ANSWER: Final = 4 * 1024 * 1024
# Seconds: a stream that never ends is ended.
MAX_SECONDS: Final = 15 * 60.0


@dataclass(frozen=True)
class ToolCallPart:
    """A piece of one tool call: the pieces of one `index` make the call, `arguments` joined, the rest as first given.

    `call_id` is the second id that the Responses API gives a call; chat completions have none.
    """

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    call_id: str = ""


@dataclass(frozen=True)
class Delta:
    """A piece of an answer. An empty one is a tick: nothing new, but the caller may look around.

    `usage`, once per answer and cumulative, holds token counts; fields the server does not report are missing.
    `audio` is a piece of a spoken answer: `data` (base64 of its own), `transcript`, and `id`, `expires_at`, `format`
    when known. `citations` (Agno's shape) and `provider_data` replace what came before of the same key.
    `finish_reason` is the server's word; non-empty means that the answer is complete.
    """

    content: str = ""
    reasoning: str = ""
    usage: Metrics | None = None
    tool_calls: tuple[ToolCallPart, ...] = ()
    audio: Json | None = None
    citations: Json | None = None
    provider_data: Json | None = None
    finish_reason: str = ""


@dataclass(frozen=True)
class Request:
    """What is asked of a model, in the form of chat completions whatever the model's own form is.

    `tools` are `{"type": "function", "function": {…}}`; `tool_choice` is `"auto"`, `"none"`, `"required"` or
    `{"type": "function", "function": {"name": …}}`; `response_format` is `{"type": "json_object"}` or
    `{"type": "json_schema", "json_schema": {…}}` (see `structured.response_format`). `remote_media`: the URLs of
    pictures and files are passed on to the model server, which then fetches them; otherwise they are only named.
    """

    messages: Sequence[Message]
    tools: Sequence[Json] = ()
    tool_choice: str | Json | None = None
    response_format: Json | None = None
    stream: bool = True
    remote_media: bool = False


class ModelError(Exception):
    """The model gave no answer, or not all of it; `str()` is a plain sentence that says what to do.

    `status` is the HTTP status when the server answered with one.
    """

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


class Model(ABC):
    """A model that can carry on a conversation."""

    id: str
    # The class as Agno calls it ("OpenAIChat").
    name: str
    # Short name, as a run's `model_provider` has it.
    provider: str

    @property
    @abstractmethod
    def service(self) -> str:
        """Long name of the provider, as `metrics.details` has it ("OpenAI Chat")."""

    @abstractmethod
    def answer(self, request: Request, *, cancelled: Callable[[], bool]) -> Generator[Delta, None, None]:
        """Yield the answer to one request piece by piece, at least one tick a second, until it ends.

        It ends early, without an error, once `cancelled()` is true. Closing the iterator closes the connection.
        Without `request.stream` everything comes in one piece, after ticks.

        Raises:
            ModelError: the model gave no answer, or its answer broke off.
        """
