"""What every model offers: it streams an answer, and fails with a sentence that says what to do."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from agentos.records import Message, Metrics

# Bytes of UTF-8: no answer grows beyond it, whatever the server sends.
MAX_ANSWER: Final = 4 * 1024 * 1024
# Seconds: a stream that never ends is ended.
MAX_SECONDS: Final = 15 * 60.0


@dataclass(frozen=True)
class Delta:
    """A piece of an answer. An empty one is a tick: nothing new, but the caller may look around.

    `usage`, once per answer and cumulative, holds token counts; fields the server does not report are missing.
    """

    content: str = ""
    reasoning: str = ""
    usage: Metrics | None = None


class ModelError(Exception):
    """The model gave no answer, or not all of it; `str()` is a plain sentence that says what to do.

    `status` is the HTTP status when the server answered with one.
    """

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status


class Model(Protocol):
    """A model that can carry on a conversation."""

    id: str
    # Short name, as a run's `model_provider` has it, and long name, as `metrics.details` has it.
    provider: str
    service: str

    def stream(self, messages: Sequence[Message], *, cancelled: Callable[[], bool]) -> Generator[Delta, None, None]:
        """Yield the answer to `messages` piece by piece, at least one tick a second, until it ends.

        It ends early, without an error, once `cancelled()` is true. Closing the iterator closes the connection.

        Raises:
            ModelError: the model gave no answer, or its answer broke off.
        """
