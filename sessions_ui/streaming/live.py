"""What a running turn shows: the whole answer so far, so that a message may be missed or come twice without harm."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Final

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from agentos.catalog.keys import quote_id
from agentos.masking import StreamMask, current, masked_value
from agentos.turns.models import Turn, TurnEvent
from agentos.turns.service import (
    answer_so_far,
    events_after,
    lacks_worker,
    may_go_on,
    reasoning_so_far,
    steps_so_far,
)
from sessions_ui.rendering import markdown, plain
from sessions_ui.streaming import sse

# Characters of an answer that are shown while it grows; a longer one shows its end until it is complete.
SHOWN: Final = 60_000
STEPS_SHOWN: Final = 50
# Levels that steps are shown nested; what is deeper stands on the last one.
DEEPEST: Final = 6
# Events that tell nothing of the turn itself.
_SAID: Final = (TurnEvent.Kind.CONTENT, TurnEvent.Kind.REASONING, TurnEvent.Kind.STEP)
EARLIER: Final = mark_safe('<p class="earlier">The beginning is shown when the answer is complete.</p>')

WAITING: Final = mark_safe("<b>Waiting in line</b> for the message before it.")
NO_WORKER: Final = mark_safe("<b>Waiting for a worker.</b> <code>manage.py worker</code> carries turns out here.")


def answer_html(text: str) -> SafeString:
    """Return the answer so far as sanitised HTML, of bounded size."""
    if len(text) <= SHOWN:
        return markdown(text)
    tail = text[-SHOWN:]
    paragraph = tail.find("\n\n")
    return EARLIER + markdown(tail[paragraph + 2 :] if paragraph >= 0 else tail)


def reasoning_html(text: str) -> SafeString:
    """Return the reasoning so far as sanitised HTML, of bounded size."""
    return plain(text[-SHOWN:])


def nested(steps: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return steps in the order of a tree, what is a part of another behind it, each with its `depth`, DEEPEST at most.

    One whose whole is not among them stands by itself; a server that says of two that each is a part of the other is
    not believed.
    """
    known = {str(step.get("key")): step for step in steps}
    parts: dict[str, list[str]] = {}
    for key, step in known.items():
        parts.setdefault(str(step.get("under") or ""), []).append(key)
    alone = [key for key, step in known.items() if str(step.get("under") or "") not in known]
    placed: dict[str, int] = {}
    for first in [*alone, *known]:
        waiting = [(first, 0)]
        while waiting:
            key, depth = waiting.pop()
            if key not in placed:
                placed[key] = depth
                waiting += [(part, min(depth + 1, DEEPEST)) for part in reversed(parts.get(key, []))]
    return [known[key] | {"depth": depth} for key, depth in placed.items()]


def status_html(turn: Turn) -> SafeString:
    """Return the live line's words: who is answering, or that the turn waits."""
    if turn.status == "queued":
        return NO_WORKER if lacks_worker(turn) else WAITING
    return format_html("<b><bdi>{}</bdi> is answering.</b>", turn.answering or "The model")


@dataclass
class LiveTurn:
    """A turn's text up to event `seq`, from which the messages for one browser are made."""

    turn: Turn
    seq: int = 0
    text: str = ""
    reasoning: str = ""
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    done: bool = False
    # What may be the beginning of a secret waits in these for what follows.
    _answer_mask: StreamMask = field(default_factory=lambda: StreamMask(current()))
    _reasoning_mask: StreamMask = field(default_factory=lambda: StreamMask(current()))

    @classmethod
    def at(cls, turn: Turn, seq: int) -> "LiveTurn":
        """Return the state that a browser has which got everything up to event `seq`."""
        shown = copy(turn)
        shown.message = current().masked(turn.message)
        live = cls(shown, seq)
        live._hear(TurnEvent.Kind.CONTENT, answer_so_far(turn, seq))
        live._hear(TurnEvent.Kind.REASONING, reasoning_so_far(turn, seq))
        if not turn.is_active:
            live._end()
        for step in steps_so_far(turn, seq):
            live.take_step(step)
        return live

    def _hear(self, kind: str, piece: str) -> None:
        """Take in more of the answer or of the reasoning; what is shown of it is masked."""
        if kind == TurnEvent.Kind.CONTENT:
            self.text += self._answer_mask.feed(piece)
        else:
            self.reasoning += self._reasoning_mask.feed(piece)

    def _end(self) -> None:
        """Show what waited, as nothing follows."""
        self.text += self._answer_mask.end()
        self.reasoning += self._reasoning_mask.end()

    def take_step(self, step: dict[str, Any]) -> None:
        """Take in what the log says of a step; what it said of it before stands where it says nothing new."""
        key = str(step.get("key"))
        self.steps[key] = self.steps.get(key, {}) | masked_value(step, current())

    @property
    def quoted_session_id(self) -> str:
        """The session's id for a URL."""
        return quote_id(self.turn.session_id)

    @property
    def reason_id(self) -> str:
        """The id of the field for why it is sent again."""
        return f"reason-{self.turn.pk}"

    @property
    def may_go_on(self) -> bool:
        """Whether the model can go on with what has arrived."""
        return bool(self.text) and may_go_on(self.turn)

    @property
    def answer(self) -> SafeString:
        """The answer so far, for the page."""
        return answer_html(self.text)

    @property
    def thoughts(self) -> SafeString:
        """The reasoning so far, for the page."""
        return reasoning_html(self.reasoning)

    @property
    def steps_html(self) -> SafeString:
        """What the run did besides talking, for the page: the last of it, if it is much."""
        steps = list(self.steps.values())
        context = {"steps": nested(steps[-STEPS_SHOWN:]), "steps_before": max(0, len(steps) - STEPS_SHOWN)}
        return render_to_string("sessions_ui/composer.html#steps", context)

    @property
    def line(self) -> SafeString:
        """The live line, for the page."""
        return status_html(self.turn)

    def take(self, events: Sequence[TurnEvent]) -> dict[str, bytes]:
        """Take the events in and return the messages that bring a browser up to them, by kind: one of each at most."""
        kinds = {event.kind for event in events}
        before = len(self.text), len(self.reasoning)
        for event in events:
            if event.kind in (TurnEvent.Kind.CONTENT, TurnEvent.Kind.REASONING):
                self._hear(event.kind, str(event.payload.get("text", "")))
            elif event.kind == TurnEvent.Kind.STEP:
                self.take_step(event.payload)
            self.seq = event.seq
        if TurnEvent.Kind.DONE in kinds:
            self._end()
        messages = self._grown(*before)
        if TurnEvent.Kind.STARTED in kinds:
            messages["status"] = self.status_message()
        if TurnEvent.Kind.STEP in kinds:
            messages["steps"] = sse.message("steps", self.steps_html, self.seq)
        if TurnEvent.Kind.DONE in kinds:
            messages["done"] = self._over()
        return messages

    def _grown(self, text: int, reasoning: int) -> dict[str, bytes]:
        """Return messages of what is longer than so many characters."""
        messages = {}
        if len(self.reasoning) != reasoning:
            messages["reasoning"] = sse.message("reasoning", self.thoughts, self.seq)
        if len(self.text) != text:
            messages["answer"] = sse.message("answer", self.answer, self.seq)
        return messages

    def status_message(self) -> bytes:
        """Return the message of the live line."""
        return sse.message("status", self.line, self.seq)

    def catch_up(self) -> dict[str, bytes]:
        """Read what is new in the log and return its messages, as `take` does."""
        events = events_after(self.turn.pk, self.seq)
        if any(event.kind not in _SAID for event in events):
            self.turn.refresh_from_db(fields=["status", "answering", "last_seq"])
        messages = self.take(events)
        if not self.done and not events and self._ended_before():
            before = len(self.text), len(self.reasoning)
            self._end()
            messages = self._grown(*before) | {"done": self._over()}
        return messages

    def _over(self) -> bytes:
        self.done = True
        return sse.message("done", self.turn.status, self.seq)

    def _ended_before(self) -> bool:
        """Whether the turn was over at the last look: a late reader has to be told as well.

        One that ends just now is not, as its last events are read at the next look. They may be gone, see
        `turns/retention.py`.
        """
        if self.turn.is_active:
            self.turn.refresh_from_db(fields=["status", "last_seq"])
            return False
        return True
