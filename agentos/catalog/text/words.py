"""Makes text into words that are the same on every database, and a text one looks for into words that find them.

Databases differ in what a word is, and in some it depends on the machine's locale. So words are made here, and the
databases take them as they are: whatever stands between two spaces.

Letters lose case, accents (Latin, Greek, Cyrillic) and vowel points (Arabic, Hebrew); forms of one letter become one.
Signs of Indic scripts stay. All punctuation parts words, so `seat_fee_refund` is found by `fee`. Scripts without spaces
between words become overlapping pairs: 東京都 is 東京 京都 都. The last character stands alone as well, so each is the
beginning of a word. An emoji is a word. Words longer than LONGEST, which nobody types, are left out.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 64
_ASCII: Final = {code: chr(code).lower() if chr(code).isalnum() else " " for code in range(128)}
# Scripts that are written without spaces between words, and Korean, whose words take endings.
PAIRED: Final = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1050-\u108f\u1100-\u11ff\u1780-\u17d3\u3005-\u3007\u3041-\u3096"
    "\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\ua960-\ua97c"
    "\uac00-\ud7c6\uf900-\ufaff\U00020000-\U0003fffd"
)
_RUN: Final = re.compile(f"[{PAIRED}]+")
_IS_PAIRED: Final = re.compile(f"[{PAIRED}]")
# Letters that are one to a reader but have no common decomposition.
_SAME: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك"}
)
_TATWEEL: Final = "\u0640"
_ZERO_WIDTH_SPACE: Final = "\u200b"


@dataclass(frozen=True)
class Wanted:
    """Words to be found one behind the other; of the last one only its beginning, if `prefix`."""

    words: tuple[str, ...]
    prefix: bool = False


def words_of(text: str) -> list[str]:
    """Return the words of `text` in order."""
    plain = folded(text)
    words = plain.split() if plain.isascii() else _RUN.sub(_pairs, plain).split()
    if words and len(max(words, key=len)) > LONGEST:
        return [word for word in words if len(word) <= LONGEST]
    return words


def wanted(text: str, *, prefix: bool = False) -> Wanted:
    """Return what finds a text that one looks for. Nothing finds a text without words."""
    plain = folded(text)
    last = None
    for last in _RUN.finditer(plain):  # noqa: B007  # the last one, if it ends the text
        pass
    if last is None or plain[last.end() :].strip():
        return Wanted(tuple(words_of(text)), prefix)
    # The text may go on where the query ends: its last character is no word yet, but the beginning of one.
    run = last[0]
    before = _RUN.sub(_pairs, plain[: last.start()]).split()
    pairs = [run[at : at + 2] for at in range(len(run) - 1)] or [run]
    return Wanted(tuple(word for word in [*before, *pairs] if len(word) <= LONGEST), prefix or len(run) == 1)


def folded(text: str) -> str:
    """Return `text` with letters that count as one made one, and a space for all that parts words."""
    if text.isascii():
        return text.translate(_ASCII)
    return unicodedata.normalize("NFKC", text).translate(FOLDS)


def _pairs(run: re.Match[str]) -> str:
    characters = run[0]
    pairs = [characters[at : at + 2] for at in range(len(characters))]
    return f" {' '.join(pairs)} "


class _Folds(dict[int, str]):
    """What each character becomes, found out when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = found = _fold(chr(code))
        return found


FOLDS: Final = _Folds(_ASCII)


def _fold(character: str) -> str:
    if _IS_PAIRED.match(character):
        return character
    folded = character.casefold()
    return "".join(map(_kept, unicodedata.normalize("NFKD", folded).translate(_SAME)))


def _kept(character: str) -> str:
    """Return what is left of a character: itself in a word, nothing inside of one, or a space."""
    category, code = unicodedata.category(character), ord(character)
    if category[0] == "M":
        return "" if _is_accent(character, code) else character
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "Cf":
        return " " if character == _ZERO_WIDTH_SPACE else ""
    if character == _TATWEEL:
        return ""
    if category == "So" and (code >= 0x1F000 or 0x2600 <= code <= 0x27BF or 0x2B00 <= code <= 0x2BFF):
        return f" {character} "
    return character if category[0] in "LN" else " "


def _is_accent(character: str, code: int) -> bool:
    """Whether a mark only varies a letter: of Latin, Greek, Cyrillic, Hebrew and Arabic, or of the look of a symbol."""
    return (
        code <= 0x07FF
        or 0x1AB0 <= code <= 0x1AFF
        or 0x1DC0 <= code <= 0x1DFF
        or 0x20D0 <= code <= 0x20FF
        or 0xFE00 <= code <= 0xFE2F
        or code >= 0xE0000
        or (0x08D3 <= code <= 0x08FF)
    )
