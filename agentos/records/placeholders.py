"""What stands in the place of a picture, a sound or a file that was taken out: small, valid, and always the same."""

import base64
from typing import Any, Final

from agentos.records.media import decode_base64, sniff_mime_type
from agentos.records.needles import MARKER

__all__ = ["MEDIA_FIELDS", "blank_media", "is_medium"]

# One grey pixel, and a hundredth of a second of silence: providers refuse what is no picture and no sound.
_PNG: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
_WAV_HEADER: Final = (
    "52494646c400000057415645666d7420100000000100010040"
    "1f0000803e00000200100064617461a0000000"
)  # 8000 Hz, one channel, 16 bit
_WAV: Final = base64.b64encode(bytes.fromhex(_WAV_HEADER) + bytes(160)).decode()
_MARKED: Final = base64.b64encode(MARKER.encode()).decode()
# A program that stores them again may tell them in other words.
_PLACEHOLDERS: Final = (_PNG, _WAV, _MARKED, MARKER)
# The fields of Agno's that hold media, with what Agno reads there.
MEDIA_FIELDS: Final = {
    "images": "image", "audio": "audio", "audios": "audio", "videos": "video", "files": "file",
    "audio_output": "audio", "response_audio": "audio",
}  # fmt: skip
_HOLDS: Final = frozenset({"content", "url", "filepath", "media_reference"})
_SAYS_WHAT: Final = frozenset(
    {"mime_type", "format", "file_type", "filename", "media_reference", "sample_rate", "detail", "alt_text"}
)


def is_medium(raw: dict[str, Any], within: str = "") -> bool:
    """Whether the object is one of Agno's media: it has or names bytes of a kind. `within`: the field it stands in."""
    if "role" in raw or _HOLDS.isdisjoint(raw):
        return False
    return within in MEDIA_FIELDS or not _SAYS_WHAT.isdisjoint(raw)


def blank_media(raw: dict[str, Any], within: str = "") -> dict[str, Any]:
    """Return what stands in the place of a medium: of its kind, under its id, and nothing else of it."""
    if raw.get("content") in _PLACEHOLDERS:
        return raw
    kind = MEDIA_FIELDS.get(within) or _family(raw)
    kept = {"id": raw["id"]} if "id" in raw else {}
    if kind == "image":
        return {**kept, "content": _PNG, "format": "png", "mime_type": "image/png"}
    if kind == "audio":
        return {**kept, "content": _WAV, "format": "wav", "mime_type": "audio/wav"}
    if kind == "video":
        return {**kept, "content": _MARKED, "mime_type": "video/mp4"}
    return {**kept, "content": MARKER, "mime_type": "text/plain", "filename": "redacted.txt"}


def _family(raw: dict[str, Any]) -> str:
    stated = raw.get("mime_type")
    if isinstance(stated, str) and stated:
        return stated.partition("/")[0]
    content = raw.get("content")
    head = decode_base64(content[:128]) if isinstance(content, str) else None
    sniffed = sniff_mime_type(head or b"")
    if sniffed:
        return sniffed.partition("/")[0]
    if {"sample_rate", "channels", "transcript"} & raw.keys():
        return "audio"
    return "image" if {"detail", "alt_text", "original_prompt", "revised_prompt"} & raw.keys() else "file"
