"""Texts that anybody may have chosen, made fit for a log: one line, no control characters, of bounded length."""

import hashlib
import json
from typing import Any, Final

# Joiners that scripts and emoji need.
_JOINERS: Final = "\u200c\u200d"
_JSON_CHARACTERS: Final = 20_000
_BEGINNING: Final = 2_000


def bounded(text: str, limit: int) -> str:
    """Return the text on one line of at most `limit` characters; what is not printable is made visible.

    So no line break, escape sequence or change of direction in an id or a name can look like another entry.
    """
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(char if char.isprintable() or char in _JOINERS else _visible(char) for char in cut)[:limit]


def _visible(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return " " if char.isspace() and char not in "\u2028\u2029\x85" else f"<U+{code:04X}>"


def stored_json(value: Any) -> str:
    """Return the value as JSON in ASCII, "" for None; for one that is too long its length, hash and beginning."""
    if value is None:
        return ""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=str)
    if len(text) <= _JSON_CHARACTERS:
        return text
    cut = {"characters": len(text), "sha256": hashlib.sha256(text.encode()).hexdigest(), "beginning": text[:_BEGINNING]}
    return json.dumps(cut, separators=(",", ":"))
