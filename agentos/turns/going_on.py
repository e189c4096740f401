"""Going on with an answer that broke off: the model is shown what had arrived, and one run holds both pieces.

Only whoever was rebuilt from the session can: its one call to the model is all there is to an answer. An agent that
calls tools, or runs elsewhere, is asked anew.
"""

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from typing import Final

from agentos.llm import Delta, Model, ModelError, Request
from agentos.records import Message
from agentos.turns.errors import BadRequest
from agentos.turns.log import answer_so_far, events_of, reasoning_so_far
from agentos.turns.models import Turn, TurnEvent

__all__ = ["ABLE", "OPTION", "GoingOn", "arrived", "check", "may_go_on"]

# Under this name a turn's options hold the id of the turn whose answer it goes on with.
OPTION: Final = "goes_on"
# In what a turn's log says of its start: whether who answers is able to.
ABLE: Final = "able_to_go_on"

NOTHING: Final = "Nothing of this answer can be gone on with. Send the message again."
PROMPT: Final = (
    "Your answer was cut off by a fault on its way. Go on exactly where it stopped, in the middle of a word if it "
    "stopped there. Repeat nothing of it, and say nothing about the interruption."
)


def may_go_on(turn: Turn) -> bool:
    """Whether an answer that broke off can be gone on with, if any of it has arrived; one statement at most."""
    if not turn.may_be_retried or turn.kind != "message":
        return False
    return any(event.payload.get(ABLE) for event in events_of(turn, TurnEvent.Kind.STARTED))


def check(turn: Turn) -> None:
    """Refuse to go on with a turn.

    Raises:
        BadRequest: nothing of it has arrived, or whoever answered cannot go on in the middle.
    """
    if not may_go_on(turn) or not answer_so_far(turn):
        raise BadRequest(NOTHING)


def arrived(turn: Turn) -> Delta | None:
    """Return what had arrived of the answer that this turn goes on with, None when it begins a new one."""
    before = turn.retry_of if OPTION in turn.options else None
    return Delta(content=answer_so_far(before), reasoning=reasoning_so_far(before)) if before is not None else None


class GoingOn(Model):
    """A model that is asked to go on with an answer, and gives the whole of it.

    `hear` is told of what had arrived before anything else comes. It stands at the head of the first new piece, so that
    the time to the first token is that of the model; of a model that fails without a word it is given all the same.
    """

    def __init__(self, model: Model, before: Delta, hear: Callable[[Delta], None]) -> None:
        self.id, self.name, self.provider = model.id, model.name, model.provider
        self._model, self._before, self._hear = model, before, hear

    @property
    def service(self) -> str:
        """The long name of the model's provider."""
        return self._model.service

    def answer(self, request: Request, *, cancelled: Callable[[], bool]) -> Generator[Delta, None, None]:
        """Yield what had arrived, and what the model adds to it."""
        before: Delta | None = self._before
        self._hear(self._before)
        said = Message.from_dict({"role": "assistant", "content": self._before.content})
        asked = Message.from_dict({"role": "user", "content": PROMPT})
        longer = replace(request, messages=[*request.messages, said, asked])
        with closing(self._model.answer(longer, cancelled=cancelled)) as deltas:
            try:
                for delta in deltas:
                    if before is not None and (delta.content or delta.reasoning):
                        delta, before = _joined(before, delta), None
                    yield delta
            except ModelError:
                if before is not None:
                    yield before
                raise
        if before is not None:
            yield before


def _joined(before: Delta, delta: Delta) -> Delta:
    return replace(delta, content=before.content + delta.content, reasoning=before.reasoning + delta.reasoning)
