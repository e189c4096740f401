"""Walks through a JSON list in a SQLite column piece by piece.

SQLite's own JSON functions make several copies of the whole text: a list of 20 MB takes 90 MB of memory and more time
than this walk, which holds one element and one piece, stops at the last element asked for, and reads the NaN that Agno
lets in, which SQLite does not.
"""

import codecs
import json
import re
import sqlite3
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

_PIECE: Final = 1_000_000
_SPACE: Final = " \t\r\n"
_AFTER_ELEMENT: Final = frozenset(",]" + _SPACE)
# The longest escape of a JSON string has six characters; a character may need two of them.
_ESCAPE: Final = 6
_LONGEST_ESCAPE: Final = 2 * _ESCAPE
_HIGH_SURROGATE: Final = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}")
_decode: Final = json.JSONDecoder().raw_decode


class NotAList(ValueError):
    """What is stored is not the text of a JSON list, encoded once or twice over."""


def elements(blob: sqlite3.Blob) -> Iterator[tuple[Any, str]]:
    """Yield each element, decoded once, and its text.

    Raises:
        NotAList: there is no list, or it ends early or goes wrong after the elements yielded.
    """
    text = _Text(_pieces(blob))
    text.skip_space()
    if text.next_character() != "[":
        raise NotAList
    text.position += 1
    text.skip_space()
    if text.next_character() == "]":
        return
    while True:
        yield text.element()
        text.skip_space()
        end = text.next_character()
        text.position += 1
        if end == "]":
            return
        if end != ",":
            raise NotAList
        text.skip_space()


class _Text:
    """Text that arrives in pieces; what was read is let go of."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self._pieces = pieces
        self._text = ""
        self.position = 0

    def skip_space(self) -> None:
        while self.next_character() in _SPACE and self._text:
            self.position += 1

    def next_character(self) -> str:
        """Return the character at the position.

        Raises:
            NotAList: the text has ended.
        """
        while self.position >= len(self._text):
            self._read_more()
        return self._text[self.position]

    def element(self) -> tuple[Any, str]:
        """Decode the value at the position and go behind it; read more while it seems cut off."""
        while True:
            try:
                value, end = _decode(self._text, self.position)
            except (ValueError, RecursionError):
                end = len(self._text)
            # At the end of what is there a number may seem complete and yet go on.
            if self._text[end : end + 1] in _AFTER_ELEMENT:
                text = self._text[self.position : end]
                self.position = end
                return value, text
            self._read_more()

    def _read_more(self) -> None:
        """Append as much as is there: an element longer than a piece is then tried a few times only."""
        rest = self._text[self.position :]
        more: list[str] = []
        length = 0
        while length <= len(rest):
            piece = next(self._pieces, "")
            if not piece:
                break
            more.append(piece)
            length += len(piece)
        if not length:
            raise NotAList
        self._text = rest + "".join(more)
        self.position = 0


def _pieces(blob: sqlite3.Blob) -> Iterator[str]:
    """Yield the text, out of the JSON string that Agno 2 wraps it in; no piece is empty."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    stored = filter(None, (decoder.decode(piece) for piece in iter(lambda: blob.read(_PIECE), b"")))
    for piece in stored:
        if first := piece.lstrip(_SPACE):
            yield from _unwrapped(first[1:], stored) if first.startswith('"') else chain([first], stored)
            return


def _unwrapped(text: str, stored: Iterator[str]) -> Iterator[str]:
    for piece in stored:
        if cut := _before_escape(text.rstrip(_SPACE + '"')):  # the last quote is the end of the string
            yield _unescaped(text[:cut])
        text = text[cut:] + piece
    text = text.rstrip(_SPACE)
    if not text.endswith('"'):
        raise NotAList
    if text := _unescaped(text[:-1]):
        yield text


def _before_escape(text: str) -> int:
    """Return where `text`, which begins with no half of an escape, can be cut without cutting through one.

    That is before a run of backslashes, or behind enough characters that are none. Two escapes that make one character
    (a surrogate pair) stay together.
    """
    near_end = text.find("\\", max(0, len(text) - _LONGEST_ESCAPE))
    if near_end < 0:
        return len(text)
    cut = len(text[:near_end].rstrip("\\"))
    while _HIGH_SURROGATE.fullmatch(text, max(0, cut - _ESCAPE), cut):
        cut = len(text[: cut - _ESCAPE].rstrip("\\"))
    return cut


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError as error:
        raise NotAList from error
