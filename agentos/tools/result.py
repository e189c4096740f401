"""What a tool may return when a text does not say it all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentos.records import Audio, File, Image, Media, Video

__all__ = ["ToolResult"]


@dataclass(kw_only=True)
class ToolResult:
    """The text for the model, and the media a tool made, which become the run's."""

    content: str
    metadata: dict[str, Any] | None = None
    images: Sequence[Image] | None = None
    videos: Sequence[Video] | None = None
    audios: Sequence[Audio] | None = None
    files: Sequence[File] | None = None

    @property
    def media(self) -> list[Media]:
        """All of its media."""
        return [*(self.images or ()), *(self.videos or ()), *(self.audios or ()), *(self.files or ())]
