"""Takes in a model's answer: writes it to the turn's log about ten times a second, whatever the model's pace."""

import time
from collections.abc import Generator
from contextlib import closing
from typing import Final
from uuid import UUID

from agentos.agents.building import Answer
from agentos.llm.base import Delta, ModelError
from agentos.records import Metrics
from agentos.turns.log import Entry, beat
from agentos.turns.models import TurnEvent

# Seconds between two writes while text arrives, and between two signs of life while none does.
_FLUSH: Final = 0.1
_BEAT: Final = 1.0


class Intake:
    """What has arrived for one turn. `cancelled` tells the model that somebody asked to stop."""

    def __init__(self, turn_id: UUID) -> None:
        self._turn_id = turn_id
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._pending = {TurnEvent.Kind.REASONING: "", TurnEvent.Kind.CONTENT: ""}
        self._usage: Metrics | None = None
        self._cancelled = False
        self._started_at = time.time()
        self._begun = self._written = time.monotonic()
        self._first_token: float | None = None

    def cancelled(self) -> bool:
        """Whether somebody asked to stop, as of the last write."""
        return self._cancelled

    def take(self, deltas: Generator[Delta, None, None]) -> Answer:
        """Read the answer to its end and return it, an error or a stop included.

        Raises:
            TurnLost: the turn does not run any more.
        """
        status, problem = "COMPLETED", ""
        try:
            with closing(deltas):  # whatever happens here, the connection to the model is closed
                for delta in deltas:
                    self._add(delta)
                    self._write_if_due()
        except ModelError as error:
            status, problem = "ERROR", error.sentence
        self._write(last=True)
        if self._cancelled and status == "COMPLETED":
            status = "CANCELLED"
        return Answer(
            status=status,
            text="".join(self._text),
            reasoning="".join(self._reasoning),
            problem=problem,
            usage=self._usage,
            duration=time.monotonic() - self._begun,
            time_to_first_token=self._first_token,
            started_at=self._started_at,
        )

    def _add(self, delta: Delta) -> None:
        if self._first_token is None and (delta.content or delta.reasoning):
            self._first_token = time.monotonic() - self._begun
        self._pending[TurnEvent.Kind.CONTENT] += delta.content
        self._pending[TurnEvent.Kind.REASONING] += delta.reasoning
        self._usage = delta.usage or self._usage

    def _write_if_due(self) -> None:
        waited = time.monotonic() - self._written
        if waited >= (_FLUSH if any(self._pending.values()) else _BEAT):
            self._write()

    def _write(self, *, last: bool = False) -> None:
        entries: list[Entry] = []
        for kind, kept in ((TurnEvent.Kind.REASONING, self._reasoning), (TurnEvent.Kind.CONTENT, self._text)):
            text, self._pending[kind] = split_whole(self._pending[kind], last=last)
            if text:
                kept.append(text)
                entries.append((kind, {"text": text}))
        self._cancelled = beat(self._turn_id, entries) or self._cancelled
        self._written = time.monotonic()


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
