"""Takes in an answer: writes it to the turn's log about ten times a second, whatever the model's pace."""

import logging
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from agentos.agents.cancelling import cancel_run
from agentos.llm import Delta, Model, ModelError, Request
from agentos.records import strip_for_postgres
from agentos.records.events import RunOutputEvent
from agentos.records.text import as_text
from agentos.turns.log import Entry, beat, count_of
from agentos.turns.models import TurnEvent
from agentos.turns.patience import AWAY, give_back, let_go, patiently
from agentos.turns.steps import step_of

logger = logging.getLogger(__name__)

# Seconds between two writes while text arrives, and between two signs of life while none does.
_FLUSH: Final = 0.1
# Seconds more between two writes for each turn at work in this process: many share what a process can do.
_SHARE: Final = 0.004
_BEAT: Final = 1.0
# Between what is said before a step and after it.
_NEW_PART: Final = "\n\n"
# Seconds until what could not be written is tried again, while our own database is away.
_AGAIN: Final = 1.0
_OURS: Final = (TurnEvent.Kind.REASONING, TurnEvent.Kind.CONTENT, TurnEvent.Kind.STEP)
# Events of steps that a log holds at most: an agent may call tools for ever.
MOST_STEPS: Final = 1_000


class Intake:
    """What has arrived for one turn.

    It stands before the model of a component that was rebuilt here, and listens to whoever asks that model. Of any
    other component it hears the events. A stop that somebody asked for reaches the run by `cancel`.

    While our own database is away the answer goes on: what arrives is held here until it can be written.

    `run_id`: the run that is listened to. An answerer that does not choose it sets it once it knows. `crowd` says how
    many turns are at work in this process.
    """

    def __init__(self, turn_id: UUID, run_id: str, crowd: Callable[[], int] = lambda: 0) -> None:
        self.run_id = run_id
        self.cancel: Callable[[], object] = lambda: cancel_run(self.run_id)
        self._turn_id, self._crowd = turn_id, crowd
        self._steps_left = MOST_STEPS
        self._has_said = self._is_new_part = False
        self._pending = {TurnEvent.Kind.REASONING: "", TurnEvent.Kind.CONTENT: ""}
        self._steps: list[dict[str, Any]] = []
        self._written, self._pause = time.monotonic(), _FLUSH
        # Events of ours that are in the log, and those of which that is not known.
        self._count, self._batch = 0, list[Entry]()

    def watch(self, model: Model) -> Model:
        """Return the model with this intake before it."""
        return _Watched(model, self)

    def hear(self, event: RunOutputEvent, *, tells: bool) -> None:
        """Take in what the run does; with `tells` also what it says.

        Raises:
            TurnLost: the turn does not run any more.
        """
        if event.event is None:  # nothing new: whoever answers waits
            self._write_if_due()
        elif tells and self._is_own(event):
            self._say(event)
        elif self._steps_left and (step := step_of(event, self.run_id)):
            self._steps_left -= 1
            self._is_new_part = self._has_said
            self._note(step)

    def note(self, sentence: str) -> None:
        """Say something about the answer itself in the log, once.

        Raises:
            TurnLost: the turn does not run any more.
        """
        self._note({"key": sentence, "kind": "note", "name": sentence, "state": "ok", "by": ""})

    def _is_own(self, event: RunOutputEvent) -> bool:
        """Whether the event is a piece of this run's own answer; a workflow speaks by the agents of its steps."""
        said = event.is_content or event.event == "WorkflowCompleted"
        return said and self.run_id in (event.run_id, event.workflow_run_id)

    def _say(self, event: RunOutputEvent) -> None:
        if event.event == "WorkflowCompleted" and self._has_said:
            return  # what its steps said
        text = as_text(event.content)
        if text and self._is_new_part:
            text, self._is_new_part = f"{_NEW_PART}{text}", False
        self._has_said = self._has_said or bool(text)
        self.add(Delta(content=text, reasoning=event.reasoning_content or ""))

    def add(self, delta: Delta) -> None:
        """Take in the next piece of the answer, or a tick.

        Raises:
            TurnLost: the turn does not run any more.
        """
        self._pending[TurnEvent.Kind.CONTENT] += delta.content
        self._pending[TurnEvent.Kind.REASONING] += delta.reasoning
        self._write_if_due()

    def end(self) -> None:
        """The answer has ended: write the rest of it, when our own database is there again.

        Raises:
            TurnLost: the turn does not run any more.
        """
        patiently(lambda: self._write(last=True))

    def _note(self, step: dict[str, Any]) -> None:
        self._steps.append(strip_for_postgres(step))
        self._write_or_wait()

    def _write_if_due(self) -> None:
        waited = time.monotonic() - self._written
        is_news = self._batch or self._steps or any(self._pending.values())
        pause = max(self._pause, _SHARE * self._crowd())
        if waited >= (pause if is_news else max(_BEAT, pause)):
            self._write_or_wait()

    def _write_or_wait(self) -> None:
        try:
            self._write()
        except AWAY as error:
            if self._pause == _FLUSH:
                logger.warning("Turn %s goes on while its log cannot be written: %s", self._turn_id, error)
            self._written, self._pause = time.monotonic(), _AGAIN
            let_go()

    def _write(self, *, last: bool = False) -> None:
        """Write what is pending.

        A server that goes away while it commits does not say whether it has: then the log is asked before more is
        written.
        """
        if self._batch and count_of(self._turn_id, _OURS) == self._count:
            self._send()
        else:
            self._count, self._batch = self._count + len(self._batch), []
        for kind in (TurnEvent.Kind.REASONING, TurnEvent.Kind.CONTENT):
            text, self._pending[kind] = split_whole(self._pending[kind], last=last)
            if text:
                self._batch.append((kind, {"text": text}))
        self._batch += [(TurnEvent.Kind.STEP, step) for step in self._steps]
        self._steps = []
        self._send()

    def _send(self) -> None:
        if beat(self._turn_id, self._batch):
            self.cancel()
        give_back()  # the model takes its time
        self._count, self._batch = self._count + len(self._batch), []
        self._written, self._pause = time.monotonic(), _FLUSH


class _Watched(Model):
    """A model whose answers an intake listens to."""

    def __init__(self, model: Model, intake: Intake) -> None:
        self.id, self.name, self.provider = model.id, model.name, model.provider
        self._model, self._intake = model, intake

    @property
    def service(self) -> str:
        """The long name of the model's provider."""
        return self._model.service

    def answer(self, request: Request, *, cancelled: Callable[[], bool]) -> Generator[Delta, None, None]:
        """Yield what the model yields."""
        with closing(self._model.answer(request, cancelled=cancelled)) as deltas:
            try:
                for delta in deltas:
                    kept = without_nul(delta)
                    self._intake.add(kept)
                    yield kept
            except ModelError:
                self._intake.end()
                raise
        self._intake.end()


def without_nul(delta: Delta) -> Delta:
    """Return the piece without NUL: Agno keeps it on SQLite, but PostgreSQL and pages have no place for it."""
    if "\0" not in delta.content + delta.reasoning:
        return delta
    return replace(delta, content=delta.content.replace("\0", ""), reasoning=delta.reasoning.replace("\0", ""))


def split_whole(text: str, *, last: bool) -> tuple[str, str]:
    """Return the part of `text` that can be stored, and what has to wait for the next piece.

    A server may cut a character into two surrogates, sent in two pieces. PostgreSQL takes neither a lone one nor NUL.
    """
    rest = ""
    if not last and text and "\ud800" <= text[-1] <= "\udbff":
        text, rest = text[:-1], text[-1]
    return storable(text), rest


def storable(text: str) -> str:
    """Return the text without what a database refuses: NUL is dropped, surrogates are paired or replaced."""
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
