"""What is looked for in many sessions at once: texts, and what the detectors of secrets know; with samples of it."""

from collections.abc import Sequence
from typing import Final

from agentos.masking import Detectors, current
from agentos.records.needles import MARKER, Finder

# Characters shown before and behind what was found.
_AROUND: Final = 60


class Detected:
    """What detectors find, as something to be taken out. Binary files are not looked into."""

    def __init__(self, detectors: Detectors) -> None:
        self._detectors = detectors

    def __bool__(self) -> bool:
        """Whether anything is looked for."""
        return bool(self._detectors)

    def replaced(self, text: str) -> tuple[str, int]:
        """Return the text with the marker in place of each secret, and how many there were."""
        if not self._detectors.may_be_in(text):
            return text, 0
        found = self._detectors.masked(text, MARKER)
        return found, 0 if found == text else max(1, found.count(MARKER) - text.count(MARKER))

    def are_in(self, text: str) -> bool:
        """Whether there is a secret in the text."""
        return self.replaced(text)[1] > 0

    def are_in_bytes(self, data: bytes) -> bool:
        """Whether there is one in a file that is text."""
        try:
            return self.are_in(data.decode())
        except UnicodeDecodeError:
            return False


class Several:
    """What any of these finds."""

    def __init__(self, finders: Sequence[Finder]) -> None:
        self._finders = [one for one in finders if one]

    def __bool__(self) -> bool:
        """Whether anything is looked for."""
        return bool(self._finders)

    def replaced(self, text: str) -> tuple[str, int]:
        """Return the text with the marker in place of each thing found, and how many there were."""
        number = 0
        for finder in self._finders:
            text, found = finder.replaced(text)
            number += found
        return text, number

    def are_in(self, text: str) -> bool:
        """Whether one is in the text."""
        return any(finder.are_in(text) for finder in self._finders)

    def are_in_bytes(self, data: bytes) -> bool:
        """Whether one is in a file."""
        return any(finder.are_in_bytes(data) for finder in self._finders)


class Sampling(Several):
    """Keeps a few places where something was found, with the marker in its place and other secrets masked."""

    def __init__(self, finder: Finder, most: int) -> None:
        super().__init__([finder])
        self._most = most
        self.samples: list[str] = []

    def replaced(self, text: str) -> tuple[str, int]:
        """Do as what it looks with does, and keep a sample."""
        found, number = super().replaced(text)
        if number and len(self.samples) < self._most:
            shown = current().masked(found)
            at = max(0, shown.find(MARKER))
            begin, end = max(0, at - _AROUND), at + len(MARKER) + _AROUND
            cut = " ".join(shown[begin:end].split())
            sample = f"{'…' if begin else ''}{cut}{'…' if end < len(shown) else ''}"
            if sample not in self.samples:
                self.samples.append(sample)
        return found, number
