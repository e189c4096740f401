"""An answer put together from its pieces, in the shape in which Agno stores it."""

import base64
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agentos.llm.base import Delta, Json, ToolCallPart
from agentos.records import Message, Metrics


@dataclass
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""
    call_id: str = ""
    # For servers at home that give calls no id: results need one.
    spare: str = field(default_factory=lambda: f"call_{uuid.uuid4().hex}")

    def add(self, part: ToolCallPart) -> None:
        self.id = self.id or part.id
        self.name = self.name or part.name
        self.call_id = self.call_id or part.call_id
        self.arguments += part.arguments

    def to_dict(self) -> Json:
        """Return the call as a message stores it."""
        call_id = self.id or self.call_id or self.spare
        function = {"name": self.name, "arguments": whole(self.arguments) or "{}"}
        second = {"call_id": self.call_id} if self.call_id else {}
        return {"id": call_id, **second, "type": "function", "function": function}


class Reply:
    """Collects the pieces of one answer; every attribute can be read at any time, also of an answer that broke off.

    Times are measured from when this is made, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.usage: Metrics | None = None
        self.citations: Json | None = None
        self.provider_data: Json = {}
        self.finish_reason = ""
        self.time_to_first_token: float | None = None
        self._clock, self._begun = clock, clock()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: dict[int, _Call] = {}
        self._audio: Json = {}
        self._sound: list[str] = []

    def add(self, delta: Delta) -> None:
        """Take in the next piece."""
        if self.time_to_first_token is None and (delta.content or delta.reasoning or delta.tool_calls or delta.audio):
            self.time_to_first_token = self._clock() - self._begun
        self._text.append(delta.content)
        self._reasoning.append(delta.reasoning)
        for part in delta.tool_calls:
            self._calls.setdefault(part.index, _Call()).add(part)
        if delta.audio:
            self._add_audio(delta.audio)
        self.usage = delta.usage or self.usage
        self.citations = delta.citations or self.citations
        self.provider_data |= delta.provider_data or {}
        self.finish_reason = delta.finish_reason or self.finish_reason

    def _add_audio(self, piece: Json) -> None:
        transcript = self._audio.get("transcript", "") + (piece.get("transcript") or "")
        self._sound += [piece["data"]] if piece.get("data") else []
        self._audio |= {key: value for key, value in piece.items() if key != "data" and value is not None}
        self._audio["transcript"] = transcript

    @property
    def text(self) -> str:
        """The words so far; of an answer that is only spoken, what was said."""
        return whole("".join(self._text) or self._audio.get("transcript", ""))

    @property
    def reasoning(self) -> str:
        """The reasoning so far, as far as the server shows it."""
        return whole("".join(self._reasoning))

    @property
    def tool_calls(self) -> list[Json]:
        """The calls as `Message.tool_calls` stores them, in the model's order; of a broken answer perhaps not whole."""
        return [self._calls[index].to_dict() for index in sorted(self._calls)]

    @property
    def audio(self) -> Json | None:
        """The spoken answer as a stored `Audio`: `content` is base64; None when nothing was said aloud."""
        if not self._audio:
            return None
        content = joined_base64(self._sound)
        return {key: value for key, value in {**self._audio, "content": content}.items() if value not in (None, "")}

    @property
    def metrics(self) -> Metrics:
        """Token counts and times so far, as a message has them."""
        times = {"duration": self._clock() - self._begun, "time_to_first_token": self.time_to_first_token}
        known = {key: value for key, value in times.items() if value is not None}
        return Metrics.from_dict((self.usage.to_dict() if self.usage else {}) | known)

    def message(self) -> Message:
        """Return the assistant's message; an answer that only calls tools has no content.

        Citations are not part of it: Agno keeps them with the run.
        """
        calls, text = self.tool_calls, self.text
        values: dict[str, Any] = {
            "content": text if text or not calls else None,
            "reasoning_content": self.reasoning or None,
            "tool_calls": calls or None,
            "audio_output": self.audio,
            "provider_data": self.provider_data or None,
            "metrics": self.metrics.to_dict(),
        }
        return Message(role="assistant", **{key: value for key, value in values.items() if value is not None})


def whole(text: str) -> str:
    """Return the text with surrogates paired, or replaced: a server may cut one character into two pieces."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def joined_base64(pieces: list[str]) -> str:
    """Return one base64 text for pieces that were encoded apart or cut anywhere; as they are if they are no base64."""
    joined = "".join(pieces)
    if "=" not in joined.rstrip("="):
        return joined
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece, validate=True) for piece in pieces)).decode()
    except ValueError:
        return joined
