"""What was sent to a model and what it said."""

from typing import Any, Final

from agentos.records.encoding import RecordError, loads
from agentos.records.fields import Flag, Integer, Many, Object, Objects, One, Record, Switch, Text, Value
from agentos.records.media import Audio, File, Image, Video
from agentos.records.metrics import Metrics
from agentos.records.moment import new_id, now
from agentos.records.text import as_text, parts_text

__all__ = ["FunctionCall", "Message", "ToolCallRequest"]

_MEDIA: Final = ("images", "audio", "videos", "files")


class FunctionCall(Record):
    """The function a model wants called, with its arguments as a JSON string, possibly malformed."""

    __slots__ = ()
    name = Text()
    arguments = Value()


class ToolCallRequest(Record):
    """One entry of an assistant message's `tool_calls`. The OpenAI Responses API adds `call_id` beside `id`."""

    __slots__ = ()
    id = Text()
    call_id = Text()
    type = Text()
    function = One(FunctionCall)

    @property
    def name(self) -> str | None:
        """Name of the tool."""
        return self.function.name if self.function else None

    @property
    def arguments(self) -> str:
        """The arguments as the model wrote them."""
        return as_text(self.function.arguments) if self.function else ""

    @property
    def args(self) -> dict[str, Any] | None:
        """The arguments, parsed; None when they are not a JSON object."""
        stored = self.function.arguments if self.function else None
        try:
            parsed = loads(stored)
        except RecordError:
            return None
        return parsed if isinstance(parsed, dict) else None

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids a tool message or execution may refer to this call by."""
        return tuple(key for key in (self.id, self.call_id) if key)


class Message(Record):
    """One message of a run. Early Agno 2.0 gave messages no id, and one created_at to all messages of a run."""

    __slots__ = ()
    id = Text()
    role = Text()
    content = Value()
    compressed_content = Text()
    name = Text()
    from_history = Flag()
    stop_after_tool_call = Flag()
    reasoning_content = Text()
    redacted_reasoning_content = Text()
    tool_calls = Many(ToolCallRequest)
    tool_call_id = Text()
    tool_name = Text()
    tool_args = Value()
    tool_call_error = Switch()
    images = Many(Image)
    audio = Many(Audio)
    videos = Many(Video)
    files = Many(File)
    audio_output = One(Audio)
    references = Value()
    metrics = One(Metrics)
    provider_data = Object()
    citations = Object()
    checkpoint_status = Text()
    checkpoint_created_at = Integer()
    created_at = Integer()
    parts = Objects("content")

    def __init__(self, **values: Any) -> None:
        # Agno always writes the flags, and gives each message an id and a time of its own.
        begun = {"id": new_id(), "from_history": False, "stop_after_tool_call": False}
        super().__init__(**{**begun, "created_at": int(now()), **values})

    @property
    def text(self) -> str:
        """The content as text; the text parts of a list, a line each."""
        return parts_text(self.content)

    def get_content_string(self) -> str:
        """Return the content as text."""
        return self.text

    @property
    def media(self) -> list[Image | Audio | Video | File]:
        """All attachments."""
        if not any(map(self.raw.get, _MEDIA)):  # as nearly all have none
            return []
        return [*self.images, *self.audio, *self.videos, *self.files]
