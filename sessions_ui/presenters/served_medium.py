"""The bytes of a stored medium, and whether a browser may show them or only keep them.

Only what is stored with the run is ever sent: no address is followed and no path is opened. What a browser is to show
must be what its first and last bytes say, of a stated type that agrees, of a bounded size, and free of markup.
"""

import re
import struct
from dataclasses import dataclass
from typing import Final

from agentos.records import Media, sniff_mime_type

IMAGES: Final = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
SOUNDS: Final = {"audio/mpeg": "mp3", "audio/wav": "wav", "audio/ogg": "ogg", "audio/flac": "flac"}

IMAGE_BYTES, SOUND_BYTES = 20_000_000, 50_000_000
"""Bytes of what is shown; larger files are downloads."""

PIXELS = 50_000_000
"""Pixels of an image that is shown: a small file can unfold to a huge one."""

NAME_LIMIT = 100
"""Characters of a file name, its ending included."""

# What makes a browser or a viewer take a file for a page.
_MARKUP: Final = re.compile(rb"<(?:!doctype|html|script|iframe|body|svg[\s>]|\?php|\?xml)", re.IGNORECASE)
_UNSAFE_IN_NAMES: Final = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]')
# JPEG's markers of a frame, which hold the size: all of C0 to CF but tables and restarts.
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class ServedMedium:
    """What is sent: a type other than application/octet-stream only for what a browser may show (`inline`)."""

    body: bytes
    content_type: str
    inline: bool
    filename: str


def served(medium: Media, number: int) -> ServedMedium | None:
    """Return a medium as it may be sent, None when no bytes of it are stored here, or none that can be read."""
    body = medium.data
    if not body:
        return None
    sniffed = sniff_mime_type(body[:64]) or ""
    ending = IMAGES.get(sniffed) or SOUNDS.get(sniffed)
    inline = ending is not None and agrees(medium, sniffed) and _is_showable(body, sniffed)
    name = file_name(medium, number, ending if inline else None)
    return ServedMedium(body, sniffed if inline else "application/octet-stream", inline, name)


def file_name(medium: Media, number: int, ending: str | None = None) -> str:
    """Return a name fit for any disk: no path, no control or direction marks; `ending` replaces the stated one."""
    stated = medium.filename or getattr(medium, "name", None) or medium.id or ""
    name = _UNSAFE_IN_NAMES.sub("_", str(stated).encode("utf-8", "replace").decode())
    name = name.strip(" ._") or f"{medium.kind}-{number + 1}"
    stem, dot, old = name.rpartition(".")
    if dot and len(old) <= 8:
        name, ending = stem, ending or old
    return f"{name[: NAME_LIMIT - 10]}.{ending}" if ending else name[:NAME_LIMIT]


def agrees(medium: Media, sniffed: str) -> bool:
    """Whether the type that the bytes say is one that is shown, and the stated one of the same family."""
    if sniffed not in IMAGES and sniffed not in SOUNDS:
        return False
    stated = (medium.mime or sniffed).partition(";")[0].strip().lower()
    family = IMAGES if sniffed in IMAGES else SOUNDS
    return stated in family or stated in ("image/jpg", "audio/mp3", "audio/x-wav", "audio/wave", "audio/x-flac")


def _is_showable(body: bytes, sniffed: str) -> bool:
    if _MARKUP.search(body):
        return False
    if sniffed in SOUNDS:
        return len(body) <= SOUND_BYTES
    size = image_size(body, sniffed) if len(body) <= IMAGE_BYTES and _ends_well(body, sniffed) else None
    return size is not None and 0 < size[0] * size[1] <= PIXELS


def _ends_well(body: bytes, sniffed: str) -> bool:
    """Whether the file ends where its format says: what follows may be another file."""
    if sniffed == "image/png":
        return body.endswith(b"IEND\xaeB`\x82")
    if sniffed == "image/gif":
        return body.endswith(b";")
    if sniffed == "image/jpeg":
        return body.rstrip(b"\0").endswith(b"\xff\xd9")
    return len(body) in (size := int.from_bytes(body[4:8], "little") + 8, size + 1)


def image_size(body: bytes, sniffed: str) -> tuple[int, int] | None:
    """Return width and height as the header of an image states them; None when it does not."""
    try:
        if sniffed == "image/png":
            return struct.unpack(">II", body[16:24]) if body[12:16] == b"IHDR" else None
        if sniffed == "image/gif":
            return struct.unpack("<HH", body[6:10])
        return _jpeg_size(body) if sniffed == "image/jpeg" else _webp_size(body)
    except (struct.error, IndexError):
        return None


def _jpeg_size(body: bytes) -> tuple[int, int] | None:
    at = 2
    while body[at] == 0xFF:
        marker, length = body[at + 1], int.from_bytes(body[at + 2 : at + 4], "big")
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", body[at + 5 : at + 9])
            return width, height
        at += 2 + max(2, length)
    return None


def _webp_size(body: bytes) -> tuple[int, int] | None:
    form = body[12:16]
    if form == b"VP8X":
        return int.from_bytes(body[24:27], "little") + 1, int.from_bytes(body[27:30], "little") + 1
    if form == b"VP8 " and body[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", body[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if form == b"VP8L" and body[20:21] == b"\x2f":
        bits = int.from_bytes(body[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None
