"""Finds words in a text as it is stored, and cuts out what stands around them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from agentos.catalog.text.words import FOLDS, PAIRED, folded

_BEFORE: Final = 70
_BEHIND: Final = 170
# Hits that one snippet marks.
_MOST_MARKS: Final = 20
_SPACES: Final = re.compile(r"\s+")
_TOKEN: Final = re.compile(f"[{PAIRED}]+|[^ {PAIRED}]+")


@dataclass(frozen=True)
class Piece:
    """A stretch of a snippet; `is_hit`: it is what was looked for."""

    text: str
    is_hit: bool = False


@dataclass(frozen=True)
class Snippet:
    """What stands around the first hits in a text; `begins` and `ends` say whether it is all there is on that side."""

    pieces: tuple[Piece, ...]
    begins: bool
    ends: bool

    @property
    def text(self) -> str:
        """The snippet without its marks."""
        return "".join(piece.text for piece in self.pieces)

    @property
    def has_hit(self) -> bool:
        """Whether something is marked."""
        return any(piece.is_hit for piece in self.pieces)


def pattern(texts: Iterable[tuple[str, bool]]) -> re.Pattern[str] | None:
    """Return what finds the texts (the second value: is it only the beginning of its last word) in a folded text."""
    found = [one for text, prefix in texts if (one := _pattern(folded(text), prefix))]
    return re.compile("|".join(found)) if found else None


def says(text: str, looked_for: re.Pattern[str]) -> bool:
    """Whether the pattern finds something in a text as it is stored."""
    return looked_for.search(folded(text)) is not None


def spans(text: str, looked_for: re.Pattern[str]) -> list[tuple[int, int]]:
    """Return where the pattern finds something, by characters of the stored text, a bounded number of times."""
    return _spans(text, looked_for)


def snippet(text: str, looked_for: re.Pattern[str] | None) -> Snippet:
    """Return what stands around the first places of `text` that the pattern finds; its beginning if it finds none."""
    spans = _spans(text, looked_for) if looked_for is not None else []
    first = spans[0][0] if spans else 0
    start = _begin(text, first)
    end = min(len(text), max(first + _BEHIND, min(spans[0][1], first + 2 * _BEHIND) if spans else 0))
    if end < len(text):
        space = text.rfind(" ", max(start, end - 20), end)
        end = space if space > first and (not spans or space >= spans[0][1]) else end
    pieces: list[Piece] = []
    at = start
    for begin, stop in spans:
        if begin >= end:
            break
        pieces += [Piece(_line(text[at:begin])), Piece(_line(text[begin : min(stop, end)]), True)]
        at = min(stop, end)
    pieces.append(Piece(_line(text[at:end])))
    return Snippet(tuple(piece for piece in pieces if piece.text), start == 0, end == len(text))


def _begin(text: str, first: int) -> int:
    if first <= _BEFORE:
        return 0
    space = text.find(" ", first - _BEFORE, first)
    return first - _BEFORE if space < 0 else space + 1


def _line(text: str) -> str:
    return _SPACES.sub(" ", text)


def _spans(text: str, looked_for: re.Pattern[str]) -> list[tuple[int, int]]:
    """Return where the first hits are, by characters of the stored text."""
    plain, places = _placed(text)
    found = []
    for match in looked_for.finditer(plain):
        start, end = match.span()
        found.append((start, end) if places is None else (places[start], places[end - 1] + 1))
        if len(found) == _MOST_MARKS:
            break
    return [(start, end) for start, end in found if start < end]


def _placed(text: str) -> tuple[str, list[int] | None]:
    """Return the text folded and, unless each character became one, which character each of it comes from."""
    if text.isascii():
        return folded(text), None
    plain = text.translate(FOLDS)
    if all(len(FOLDS[ord(character)]) == 1 for character in set(text)):
        return plain, None
    places: list[int] = []
    for at, character in enumerate(text):
        places += [at] * len(FOLDS[ord(character)])
    return plain, places


def _pattern(plain: str, prefix: bool) -> str:
    tokens = _TOKEN.findall(plain)
    if not tokens:
        return ""
    # Characters of scripts without spaces may stand next to anything; other words end where they end.
    last = tokens[-1]
    begins = "" if _is_paired(tokens[0]) else f"(?<![^ {PAIRED}])"
    ends = "" if _is_paired(last) else f"[^ {PAIRED}]*" if prefix else f"(?![^ {PAIRED}])"
    return begins + " *".join(map(re.escape, tokens)) + ends


def _is_paired(token: str) -> bool:
    return re.match(f"[{PAIRED}]", token) is not None
