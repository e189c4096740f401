"""Files that are sent along with a message: told by their bytes, bounded, and kept as Agno keeps such media."""

import base64
import mimetypes
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from agentos.records import sniff_mime_type
from agentos.turns.errors import BadRequest

MOST: Final = 20
# Bytes of one file, and of all of one message together.
LARGEST: Final = 20_000_000
TOGETHER: Final = 22_000_000
IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
SOUNDS: Final = {"audio/wav": "wav", "audio/mpeg": "mp3", "audio/ogg": "ogg", "audio/flac": "flac"}
DOCUMENTS: Final = frozenset({"application/pdf"})
# For a file dialogue: what it offers, not what is taken.
ACCEPT: Final = ",".join(sorted([*IMAGES, *SOUNDS, *DOCUMENTS, "text/*", ".json", ".yaml", ".yml", ".log"]))

NOT_TAKEN: Final = (
    "{name} is neither a picture (PNG, JPEG, GIF, WebP), a recording (WAV, MP3, OGG, FLAC), a PDF, nor text in UTF-8."
)
# Under this name a turn's options tell of its attachments, so that pages need not read them.
ATTACHED: Final = "attached"
_HEAD: Final = 64
_NAME: Final = 200
_UNFIT: Final = re.compile(r"[^\w .,()+@&=\-]")
# The types Python knows by itself, whatever the operating system's list says.
_BY_NAME: Final = mimetypes.MimeTypes()

Media = dict[str, list[dict[str, Any]]]


class Upload(Protocol):
    """A file that somebody sends."""

    @property
    def name(self) -> str | None:
        """What its sender calls it."""

    @property
    def size(self) -> int | None:
        """How many bytes it has."""

    def read(self) -> bytes:
        """Return all of them."""


@dataclass(frozen=True)
class Attached:
    """What is told of an attachment without its content. `kind`: image, audio or file; `size` in bytes."""

    name: str
    kind: str
    size: int


def media_of(uploads: Iterable[Upload]) -> Media:
    """Return the files as a turn has them, by "images", "audio" and "files".

    Raises:
        BadRequest: there are too many, one is too large, or of a kind that is not taken. None is read before all are
            counted and measured.
    """
    files = list(uploads)
    if len(files) > MOST:
        raise BadRequest(f"{len(files):,} files are attached; {MOST} can be sent with one message.")
    for file in files:
        if (file.size or 0) > LARGEST:
            raise BadRequest(f"{shown(file.name)} is larger than {LARGEST // 10**6} MB.")
    if sum(file.size or 0 for file in files) > TOGETHER:
        raise BadRequest(f"The attachments are larger than {TOGETHER // 10**6} MB together.")
    media: Media = {}
    for file in files:
        key, stored = medium(file.name or "", file.read())
        media.setdefault(key, []).append(stored)
    return media


def medium(name: str, data: bytes) -> tuple[str, dict[str, Any]]:
    """Return "images", "audio" or "files", and a file as Agno stores such a medium (format §3.7).

    What it is, its bytes say; its name only tells one kind of text from another.

    Raises:
        BadRequest: it is of a kind that is not taken, or empty.
    """
    name = shown(name)
    if not data:
        raise BadRequest(f"{name} is empty.")
    sniffed, key = sniff_mime_type(data[:_HEAD]), str(uuid.uuid4())
    if sniffed in IMAGES:
        return "images", _encoded(key, sniffed, data) | {"format": sniffed.removeprefix("image/")}
    if sniffed in SOUNDS:
        return "audio", _encoded(key, sniffed, data) | {"format": SOUNDS[sniffed]}
    if sniffed in DOCUMENTS:
        return "files", _encoded(key, sniffed, data) | {"filename": name, "size": len(data)}
    text = _text(data) if sniffed is None else None
    if text is None:
        raise BadRequest(NOT_TAKEN.format(name=name))
    kind = _BY_NAME.guess_type(name)[0] or "text/plain"
    # JSON, YAML …: under a text type Agno keeps content as it is.
    kind = kind if kind.startswith("text/") else "text/plain"
    return "files", {"id": key, "mime_type": kind, "content": text, "filename": name, "size": len(data)}


def shown(name: str | None) -> str:
    """Return a file's name without its path and without characters that steer anything, cut short."""
    last = re.split(r"[\\/]", name or "")[-1]
    cleaned = _UNFIT.sub("_", last).strip(" .")
    return cleaned[-_NAME:] or "unnamed"


def attached(media: Media) -> list[Attached]:
    """Return what is told of a turn's attachments."""
    words = {"images": "image", "audio": "audio", "files": "file"}
    return [
        Attached(str(one.get("filename") or one.get("format") or one.get("mime_type") or ""), kind, _size(one))
        for key, kind in words.items()
        for one in media.get(key, ())
    ]


def _size(stored: dict[str, Any]) -> int:
    size = stored.get("size")
    return size if isinstance(size, int) else len(str(stored.get("content") or "")) * 3 // 4


def _encoded(key: str, kind: str, data: bytes) -> dict[str, Any]:
    return {"id": key, "mime_type": kind, "content": base64.b64encode(data).decode("ascii")}


def _text(data: bytes) -> str | None:
    """Return the bytes as text; None if they are none."""
    if b"\0" in data:
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
