"""How much stored text one page may show: each text has its own limit, all texts of the page share a budget."""

from dataclasses import dataclass

from sessions_ui.rendering import clip


@dataclass(frozen=True)
class Clipped:
    """A text as far as it is shown, and its length in characters."""

    text: str
    total: int

    @property
    def is_cut(self) -> bool:
        """Whether there is more than is shown."""
        return self.total > len(self.text)


@dataclass
class Budget:
    """Characters of stored text that a page may still show, and how many one text may have.

    `folded`: how many a text may have that shows only when a tool call or a step is opened. `nodes`: values that the
    page may still show as trees and tables.
    """

    left: int
    each: int
    folded: int = 2_000
    nodes: int = 600

    def take(self, text: str, each: int | None = None) -> Clipped:
        """Return as much of `text` as may be shown."""
        shown, total = clip(text, max(0, min(self.left, self.each if each is None else each)))
        self.left -= len(shown)
        return Clipped(shown, total)
