"""Images, audio, video and files, as runs and messages hold them. Nothing here fetches or opens anything."""

import base64
import binascii
import mimetypes
import re
from typing import Any, ClassVar, Final

from agentos.records.fields import Integer, Number, Object, One, Record, Text, Value

__all__ = ["Audio", "File", "Image", "Media", "MediaReference", "Video", "sniff_mime_type"]

# The types Python knows by itself: the operating system's list would make answers differ between machines.
_BY_NAME: Final = mimetypes.MimeTypes()
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/\r\n]+={0,2}\s*")
_SIGNATURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"OggS", "audio/ogg"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
)
_RIFF: Final = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}


class MediaReference(Record):
    """Where Agno 3's media storage put the content."""

    __slots__ = ()
    media_id = Text()
    storage_key = Text()
    storage_backend = Text()
    bucket = Text()
    region = Text()
    url = Text()
    mime_type = Text()
    filename = Text()
    size = Integer()
    content_hash = Text()
    media_type = Text()
    session_id = Text()


class Media(Record):
    """One picture, sound, film or file: by url, by path, by content or by a reference into media storage."""

    __slots__ = ()
    kind: ClassVar[str] = "media"
    # What a bare `format` stands for: "png" is image/png, "wav" audio/wav.
    _family: ClassVar[str] = ""

    id = Text()
    url = Text()
    filepath = Text()
    content = Value()
    format = Text()
    mime_type = Text()
    metadata = Object()
    media_reference = One(MediaReference)
    # On files only in Agno's own objects; asked of every medium by whatever names a download.
    filename = Text()

    @property
    def data(self) -> bytes | None:
        """Decode the content; None when there is none here, or it is not what it should be."""
        return decode_base64(self.content)

    @property
    def stored_size(self) -> int:
        """Characters of stored content: what can be known without decoding it."""
        return len(self.content) if isinstance(self.content, str) else 0

    @property
    def mime(self) -> str | None:
        """The media type as stored, or by reference, format or name, or by the first bytes of the content."""
        return self._stated_mime() or self._mime_by_name() or self.sniffed_mime

    @property
    def sniffed_mime(self) -> str | None:
        """The media type by the first bytes of the content alone, whatever is stated."""
        return sniff_mime_type(self._head())

    def _stated_mime(self) -> str | None:
        reference = self.media_reference
        return self.mime_type or (reference.mime_type if reference else None)

    def _mime_by_name(self) -> str | None:
        if self.format:
            guess = _BY_NAME.guess_type(f"x.{self.format}", strict=False)[0]
            return guess or (f"{self._family}/{self.format}" if self._family else None)
        for name in (self.filename, self.filepath, (self.url or "").partition("?")[0]):
            if name and (guess := _BY_NAME.guess_type(name.rpartition("/")[2])[0]):
                return guess
        return None

    def _head(self) -> bytes:
        return decode_base64(self.content[:128]) or b"" if isinstance(self.content, str) else b""


class Image(Media):
    """A picture."""

    __slots__ = ()
    kind = "image"
    _family = "image"
    detail = Text()
    original_prompt = Text()
    revised_prompt = Text()
    alt_text = Text()


class Audio(Media):
    """A sound; `duration` is in seconds."""

    __slots__ = ()
    kind = "audio"
    _family = "audio"
    duration = Number()
    sample_rate = Integer()
    channels = Integer()
    transcript = Text()
    expires_at = Integer()

    @property
    def data(self) -> bytes | None:
        """Decode the content, twice if need be: spoken answers of OpenAI chat models are base64 of base64."""
        once = decode_base64(self.content)
        if once and _BASE64.fullmatch(once):
            return decode_base64(once) or once
        return once

    def _head(self) -> bytes:
        once = super()._head()
        if once and _BASE64.fullmatch(once):
            return decode_base64(once[: len(once) // 4 * 4]) or once
        return once


class Video(Media):
    """A film; `duration` is in seconds."""

    __slots__ = ()
    kind = "video"
    _family = "video"
    duration = Number()
    width = Integer()
    height = Integer()
    fps = Number()
    eta = Text()
    original_prompt = Text()
    revised_prompt = Text()


class File(Media):
    """A document: its content is plain text when its type starts with `text/`, otherwise base64."""

    __slots__ = ()
    kind = "file"
    file_type = Text()
    size = Integer()
    name = Text()
    external = Value()

    @property
    def data(self) -> bytes | None:
        """Return the content's bytes; text as UTF-8."""
        if isinstance(self.content, str) and (self.mime_type or "").startswith("text/"):
            return self.content.encode("utf-8", "replace")
        return decode_base64(self.content)

    @property
    def text(self) -> str | None:
        """The content, when it is stored as plain text."""
        is_text = (self.mime_type or "").startswith("text/")
        return self.content if is_text and isinstance(self.content, str) else None


def decode_base64(content: Any) -> bytes | None:
    """Decode base64 text or bytes; None for anything that is not exactly that. A `data:` prefix is passed over."""
    if isinstance(content, str):
        if content.startswith("data:"):
            content = content.partition(",")[2]
        if not content.isascii():
            return None
        content = content.encode()
    if not isinstance(content, bytes):
        return None
    try:
        return base64.b64decode(b"".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def sniff_mime_type(head: bytes) -> str | None:
    """Tell a media type by a file's first bytes; None when they say nothing. Never text: no markup by guessing."""
    for signature, mime_type in _SIGNATURES:
        if head.startswith(signature):
            return mime_type
    if head.startswith(b"RIFF"):
        return _RIFF.get(head[8:12])
    return "video/mp4" if head[4:8] == b"ftyp" else None
