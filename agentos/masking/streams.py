"""Masking of text that comes in pieces: what may be the beginning of a secret waits for what follows it."""

import re
import string
from typing import Final

from agentos.masking.detectors import Detectors

# Nothing that is masked goes on behind one of these, but for what `_goes_on` and `_private_key` see to.
_BREAK: Final = re.compile(r"[\s\x7f-\U0010ffff]")
# The first or last line of a private key, of which more may come.
_LINE_OF_KEY: Final = re.compile(r"-----(?:BEGIN|END)(?: [A-Z ]{0,45}-{0,4})?\Z")
_DIGITS: Final = frozenset(string.digits)
_LETTERS: Final = frozenset(f"{string.ascii_letters}_")
# More digits in one group than a card or a telephone has.
_LONGEST: Final = 40
# More characters than a secret has that ends somewhere in a word.
_LONGEST_WORD: Final = 1_000
# Characters from which on a text in which no place to cut was found is looked at again only when it is twice as long.
_SHORT: Final = 2_000


class StreamMask:
    """Takes the pieces of one text and gives out what is certain, masked. However it is cut, the whole is the same."""

    def __init__(self, detectors: Detectors) -> None:
        self._detectors = detectors
        self._held: list[str] = []
        self._size = 0
        self._look_at = 0

    def feed(self, piece: str) -> str:
        """Take a piece; return what can be shown now: often less, sometimes nothing, later more."""
        if not self._detectors:
            return piece
        self._held.append(piece)
        self._size += len(piece)
        if self._size < self._look_at or _BREAK.search(piece) is None:
            return ""
        text = "".join(self._held)
        cut = self._cut(text)
        self._look_at = 2 * len(text) if not cut and len(text) > _SHORT else 0
        self._held, self._size = [text[cut:]], len(text) - cut
        return self._detectors.masked(text[:cut])

    def end(self) -> str:
        """Return what is left: nothing follows."""
        text = "".join(self._held)
        self._held, self._size, self._look_at = [], 0, 0
        return self._detectors.masked(text)

    def _cut(self, text: str) -> int:
        """Return up to where nothing that follows can change what is masked; 0 for nowhere."""
        end = self._private_key(text)
        for place in range(end, 0, -1):
            if _BREAK.match(text, place - 1) and not self._goes_on(text, place) and not self._is_in_key(text, place):
                return place
        return 0

    def _goes_on(self, text: str, place: int) -> bool:
        """Whether what stands before a space may go on behind it: a token behind its word, digits in groups."""
        if text[place - 1] != " " or place < 2:
            return False
        if text.endswith("earer", 0, place - 1):
            return True
        if place < len(text) and text[place] not in _DIGITS and text[place] != "(":
            return False
        return text[place - 2] == ")" or self._may_be_grouped(text, place - 1)

    def _may_be_grouped(self, text: str, end: int) -> bool:
        """Whether digits that end there may belong to a card or a telephone.

        None that follow a letter do, as in `v2`, unless the letter is the last of a secret: that is masked first.
        """
        number = len(text[max(0, end - _LONGEST) : end].rstrip(string.digits))
        first = max(0, end - _LONGEST) + number
        if first == end:
            return False
        if first == 0 or text[first - 1] not in _LETTERS:
            return True
        before = text[max(0, first - _LONGEST_WORD) : first]
        return self._detectors.may_be_in(before)

    def _is_in_key(self, text: str, place: int) -> bool:
        """Whether a private key that is whole reaches over the place."""
        if self._detectors.pem is None or "-----" not in text:
            return False
        return any(found.start() < place < found.end() for found in self._detectors.pem.finditer(text))

    def _private_key(self, text: str) -> int:
        """Return where a private key begins of which more may come, else the end of the text."""
        if self._detectors.pem is None or "-----" not in text:
            return len(text)
        line = _LINE_OF_KEY.search(text, max(0, len(text) - 80))
        end = line.start() if line else len(text)
        for found in self._detectors.pem.finditer(text):
            if found.end() in (end, len(text)) and "-----END" not in found[0]:
                return found.start()
        return end
