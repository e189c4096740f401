"""Stored media as parts of a request.

Only what is held in the message itself is sent, and URLs where the caller allows it; nothing is fetched or opened
here. What cannot be sent is named in the text, so that the model knows of it.
"""

import base64
import re
from collections.abc import Callable
from typing import Any, Final

from agentos.records import Audio, File, Image, Media, Message, sniff_mime_type

Wire = dict[str, Any]

_IMAGE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
# Types whose content is text although they do not say so by `text/`.
_TEXT_TYPES: Final = frozenset({"application/json", "application/xml", "application/x-yaml", "application/yaml"})
# What OpenAI takes as a document (its guide "File inputs").
_OFFICE: Final = "application/vnd.openxmlformats-officedocument."
_DOCUMENT_TYPES: Final = frozenset(
    {
        "application/pdf",
        "application/msword",
        "application/rtf",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        f"{_OFFICE}wordprocessingml.document",
        f"{_OFFICE}presentationml.presentation",
        f"{_OFFICE}spreadsheetml.sheet",
    }
)
# The two sound formats that chat completions take, by what types call them.
_SOUNDS: Final = {"wav": "wav", "x-wav": "wav", "wave": "wav", "vnd.wave": "wav", "mp3": "mp3", "mpeg": "mp3"}
_BASE64: Final = re.compile(r"[A-Za-z0-9+/\s]+={0,2}\s*")
_WEB: Final = re.compile(r"https?://\S+")
# Characters of base64, and of a text file. What is longer is named, not sent.
MAX_IMAGE: Final = 20 * 1024 * 1024
MAX_DOCUMENT: Final = 45 * 1024 * 1024
MAX_SOUND: Final = 35 * 1024 * 1024
MAX_FILE: Final = 200_000


def user_parts(
    message: Message, *, remote_media: bool, sounds: bool = True, by_url: Callable[[File], Wire | None] | None = None
) -> list[Wire]:
    """Return a user's message as parts of a chat completion request: its text, then its media.

    `sounds`: whether the server takes recordings. `by_url` makes the part of a file that is stored as a URL, for
    servers that take such.
    """
    parts = [text_part(message.text)] if message.text else []
    parts += [_image(image, remote_media=remote_media) for image in message.images]
    parts += [_file(file) or (by_url and by_url(file)) or absent("a file", file) for file in message.files]
    parts += [(_sound(sound) if sounds else None) or absent("a recording", sound) for sound in message.audio]
    parts += [absent("a video", video) for video in message.videos]
    return parts


def text_part(text: str) -> Wire:
    """Return words as a part."""
    return {"type": "text", "text": text}


def absent(what: str, medium: Media) -> Wire:
    """Return the part that stands for a medium that is not sent."""
    name = name_of(medium)
    return text_part(f"[Here was {what}{f' ({name})' if name else ''} that is not sent along.]")


def name_of(medium: Media) -> str:
    """Return what a person may call it, cut short; empty when nothing names it."""
    name = medium.raw.get("filename") or medium.raw.get("name") or medium.id or ""
    return name[:200] if isinstance(name, str) else ""


def web_url(medium: Media) -> str | None:
    """Return the medium's URL, if it is one of the web."""
    return medium.url if medium.url and _WEB.fullmatch(medium.url) else None


def _image(image: Image, *, remote_media: bool) -> Wire:
    """Return the picture as a data part, or by its URL."""
    held = _held(image, MAX_IMAGE)
    kind = image.mime or (sniff_mime_type(base64.b64decode(held[:128])) if held else None) or "image/png"
    kind = {"image/jpg": "image/jpeg"}.get(kind, kind)
    if held and kind in _IMAGE_TYPES:
        return _image_part(f"data:{kind};base64,{held}", image)
    url = web_url(image) if remote_media else None
    return _image_part(url, image) if url else absent("a picture", image)


def _image_part(url: str, image: Image) -> Wire:
    detail = {"detail": image.detail} if image.detail in ("low", "high", "auto") else {}
    return {"type": "image_url", "image_url": {"url": url, **detail}}


def _file(file: File) -> Wire | None:
    """Return a text file's text, or a document as it is; None when it is not here or cannot be sent."""
    kind = (file.mime or "").partition(";")[0].strip()
    text = _text_of(file, kind)
    if text is not None and len(text) <= MAX_FILE:
        return text_part(f"File {name_of(file)}:\n\n{text}")
    held = _held(file, MAX_DOCUMENT) if kind in _DOCUMENT_TYPES else None
    if not held:
        return None
    name = name_of(file) or f"file.{kind.rpartition('/')[2][:20]}"
    return {"type": "file", "file": {"filename": name, "file_data": f"data:{kind};base64,{held}"}}


def _text_of(file: File, kind: str) -> str | None:
    """Return the text of a text file: Agno keeps it plain under a text type, and base64 under any other."""
    content = file.content
    if kind.startswith("text/") and isinstance(content, str):
        return content
    if kind not in _TEXT_TYPES and not kind.startswith("text/"):
        return None
    if isinstance(content, str) and len(content) > 2 * MAX_FILE:
        return None
    data = content if isinstance(content, bytes) else file.data
    try:
        return data.decode() if data is not None else None
    except UnicodeDecodeError:
        return None


def _sound(sound: Audio) -> Wire | None:
    """Return the recording as it is; None when it is not here or in another format."""
    stated = sound.format or (sound.mime or "").partition(";")[0].rpartition("/")[2]
    kind, held = _SOUNDS.get(stated.lower()), _held(sound, MAX_SOUND)
    if not kind or not held:
        return None
    return {"type": "input_audio", "input_audio": {"data": held, "format": kind}}


def _held(medium: Media, limit: int) -> str | None:
    """Return the content as base64 without line breaks; None when it is not here, no base64, or too long."""
    content = medium.content
    if isinstance(content, bytes):
        content = base64.b64encode(content).decode()
    if isinstance(content, str) and content.startswith("data:"):
        content = content.partition(",")[2]
    if not isinstance(content, str) or len(content) > limit or not _BASE64.fullmatch(content):
        return None
    joined = "".join(content.split())
    return joined if len(joined) % 4 == 0 else None
