"""Agno's import path `agno.media`; what it names is at home elsewhere."""

from agentos.records import Audio, File, Image, Video

__all__ = ["Audio", "File", "Image", "Video"]
