"""What a running turn shows: the whole answer so far, so that a message may be missed or come twice without harm."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from agentos.catalog.keys import quote_id
from agentos.turns.models import Turn, TurnEvent
from agentos.turns.service import answer_so_far, events_after, reasoning_so_far
from sessions_ui.rendering import markdown, plain
from sessions_ui.streaming import sse

# Characters of an answer that are shown while it grows; a longer one shows its end until it is complete.
SHOWN: Final = 60_000
EARLIER: Final = mark_safe('<p class="earlier">The beginning is shown when the answer is complete.</p>')

WAITING: Final = mark_safe("<b>Waiting in line</b> for the message before it.")


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


def status_html(turn: Turn) -> SafeString:
    """Return the live line's words: who is answering, or that the turn waits."""
    if turn.status == "queued":
        return WAITING
    return format_html("<b><bdi>{}</bdi> is answering.</b>", turn.answering or "The model")


@dataclass
class LiveTurn:
    """A turn's text up to event `seq`, from which the messages for one browser are made."""

    turn: Turn
    seq: int = 0
    text: str = ""
    reasoning: str = ""
    done: bool = False

    @classmethod
    def at(cls, turn: Turn, seq: int) -> "LiveTurn":
        """Return the state that a browser has which got everything up to event `seq`."""
        return cls(turn, seq, answer_so_far(turn, seq), reasoning_so_far(turn, seq))

    @property
    def quoted_session_id(self) -> str:
        """The session's id for a URL."""
        return quote_id(self.turn.session_id)

    @property
    def answer(self) -> SafeString:
        """The answer so far, for the page."""
        return answer_html(self.text)

    @property
    def thoughts(self) -> SafeString:
        """The reasoning so far, for the page."""
        return reasoning_html(self.reasoning)

    @property
    def line(self) -> SafeString:
        """The live line, for the page."""
        return status_html(self.turn)

    def take(self, events: Sequence[TurnEvent]) -> list[bytes]:
        """Take the events in and return the messages that bring a browser up to them: one of each kind at most."""
        kinds = {event.kind for event in events}
        for event in events:
            if event.kind == TurnEvent.Kind.CONTENT:
                self.text += str(event.payload.get("text", ""))
            elif event.kind == TurnEvent.Kind.REASONING:
                self.reasoning += str(event.payload.get("text", ""))
            self.seq = event.seq
        messages = []
        if TurnEvent.Kind.STARTED in kinds:
            messages.append(sse.message("status", self.line, self.seq))
        if TurnEvent.Kind.REASONING in kinds:
            messages.append(sse.message("reasoning", self.thoughts, self.seq))
        if TurnEvent.Kind.CONTENT in kinds:
            messages.append(sse.message("answer", self.answer, self.seq))
        if TurnEvent.Kind.DONE in kinds:
            self.done = True
            messages.append(sse.message("done", self.turn.status, self.seq))
        return messages

    def all(self) -> list[bytes]:
        """Return the messages that show everything up to now to a browser that has nothing."""
        messages = [sse.message("status", self.line, self.seq)]
        messages += [sse.message("reasoning", self.thoughts, self.seq)] if self.reasoning else []
        messages += [sse.message("answer", self.answer, self.seq)] if self.text else []
        return messages

    def catch_up(self) -> list[bytes]:
        """Read what is new in the log and return its messages."""
        events = events_after(self.turn.pk, self.seq)
        if events:
            self.turn.refresh_from_db(fields=["status", "answering", "last_seq"])
        messages = self.take(events)
        if not self.done and not events and self._ended_before():
            self.done = True
            messages.append(sse.message("done", self.turn.status, self.seq))
        return messages

    def _ended_before(self) -> bool:
        """Whether the turn is over and its last event was already had: a late reader has to be told as well."""
        if self.turn.is_active:
            self.turn.refresh_from_db(fields=["status", "last_seq"])
        return not self.turn.is_active and self.seq >= self.turn.last_seq
