"""A text to be found wherever it stands in stored JSON: as it is, and as JSON, Python, HTML or URLs write it."""

import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final, Protocol
from urllib.parse import quote, quote_plus

__all__ = ["MARKER", "Finder", "Needles"]

# What stands in the place of whatever was taken out. Always the same, so that nobody learns how long that was.
MARKER: Final = "[redacted]"
# How often a text may have been encoded: JSON in a string of JSON, in a column that is encoded twice.
_LAYERS: Final = 4


class Finder(Protocol):
    """What is taken out wherever it stands. True if there is anything to look for."""

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""

    def replaced(self, text: str) -> tuple[str, int]:
        """Return the text with MARKER in place of each, and how many there were."""

    def are_in(self, text: str) -> bool:
        """Whether one of them stands in the text."""

    def are_in_bytes(self, data: bytes) -> bool:
        """Whether one of them stands in the bytes of a file."""


class Needles:
    """Texts to be found and replaced in linear time, in upper and lower case if `any_case`."""

    def __init__(self, texts: Iterable[str], *, any_case: bool = False) -> None:
        self.texts = tuple(dict.fromkeys(filter(None, texts)))
        spellings = sorted({one for text in self.texts for one in _spellings(text)}, key=len, reverse=True)
        self._spellings = spellings
        self._any_case = any_case
        flags = re.IGNORECASE if any_case else 0
        self._pattern = re.compile("|".join(map(re.escape, spellings)), flags) if spellings else None
        self._bytes = [spelling.encode("utf-8", "surrogatepass") for spelling in spellings]

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return self._pattern is not None

    def replaced(self, text: str) -> tuple[str, int]:
        """Return the text with the marker in place of each of them, and how many there were."""
        if self._pattern is None or not (self._any_case or any(one in text for one in self._spellings)):
            return text, 0
        return self._pattern.subn(MARKER, text)

    def are_in(self, text: str) -> bool:
        """Whether one of them stands in the text."""
        if self._pattern is None:
            return False
        return bool(self._pattern.search(text)) if self._any_case else any(one in text for one in self._spellings)

    def are_in_bytes(self, data: bytes) -> bool:
        """Whether one of them stands in the bytes of a text, however it is encoded there."""
        if self._any_case:
            return self.are_in(data.decode("utf-8", "replace"))
        return any(one in data for one in self._bytes)


def _spellings(text: str) -> Iterator[str]:
    for line_ends in {text, text.replace("\r\n", "\n"), text.replace("\r\n", "\n").replace("\n", "\r\n")}:
        for form in {line_ends, unicodedata.normalize("NFC", line_ends), unicodedata.normalize("NFD", line_ends)}:
            yield from _encoded(form)
            yield repr(form)[1:-1]
            yield html.escape(form)
            yield html.escape(form, quote=False)
            yield quote(form, safe="", errors="replace")
            yield quote(form, errors="replace")
            yield quote_plus(form, errors="replace")


def _encoded(text: str) -> Iterator[str]:
    """Yield the text as it stands inside so many layers of JSON strings, non-ASCII letters escaped or not."""
    plain = escaped = text
    for _ in range(_LAYERS):
        yield plain
        yield escaped
        escaped = json.dumps(escaped)[1:-1]
        yield json.dumps(plain)[1:-1]
        plain = json.dumps(plain, ensure_ascii=False)[1:-1]
