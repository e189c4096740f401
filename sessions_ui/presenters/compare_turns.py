"""The turns of two sessions, or the messages of two runs, as they are aligned; of them only narrow rows are read."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final, Self

from agentos.catalog.models import CatalogRun, CatalogSession
from sessions_ui.presenters.alignment import Turn, aligned

TURNS: Final = 5_000
"""Turns of each side that are aligned, from the first on."""

WINDOW: Final = 20
PAYLOAD: Final = 4_000_000
"""Bytes of one side's runs that one page reads; one run is always read."""


@dataclass(frozen=True)
class Cursor:
    """A place between turns: how many of A's and of B's are before it."""

    a: int
    b: int

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the place that "12.14" names, None for anything else."""
        a, _, b = text.partition(".")
        if not all(part.isascii() and part.isdecimal() and len(part) < 8 for part in (a, b)):
            return None
        return cls(int(a), int(b))

    def __str__(self) -> str:
        """How it stands in a URL."""
        return f"{self.a}.{self.b}"


@dataclass(frozen=True)
class Outline:
    """What is known of a turn without reading it. `number`: from 1, on its side. `facts`: what tells turns apart."""

    number: int
    turn: Turn
    row: int
    size: int = 0
    duration: float | None = None
    facts: tuple[Any, ...] = ()


@dataclass(frozen=True)
class OutlinePair:
    """Two turns that belong together, or one that stands alone."""

    a: Outline | None
    b: Outline | None

    @property
    def seems_alike(self) -> bool:
        """Whether nothing that is known of both without reading them differs."""
        return self.a is not None and self.b is not None and (self.a.turn, self.a.facts) == (self.b.turn, self.b.facts)


def outlines(session: CatalogSession) -> tuple[list[Outline], int]:
    """Return the session's own runs as turns, TURNS at most, and how many there are; one or two statements."""
    roots = CatalogRun.objects.filter(session=session, depth=0).order_by("ordinal")
    names = ("ordinal", "input_preview", "size", "duration", "content_preview", "status", "tool_names")
    facts = ("tool_error_count", "kind", "component_id", "model")
    found = [
        Outline(number, Turn(" ".join(asked.split())), ordinal, size, duration, (answer, status, sorted(tools), *facts))
        for number, (ordinal, asked, size, duration, answer, status, tools, *facts) in enumerate(
            roots.values_list(*names, *facts)[:TURNS], 1
        )
    ]
    return found, len(found) if len(found) < TURNS else roots.count()


def pairs_of(left: Sequence[Outline], right: Sequence[Outline]) -> list[OutlinePair]:
    """Return both sides' turns as pairs, in their order."""
    found = aligned([one.turn for one in left], [one.turn for one in right])
    return [OutlinePair(None if i is None else left[i], None if j is None else right[j]) for i, j in found]


def behind(pairs: Sequence[OutlinePair], cursor: Cursor | None) -> int:
    """Return the place of the first pair that is behind the cursor."""
    if cursor is None:
        return 0
    reached = takewhile(lambda pair: _number(pair.a) <= cursor.a and _number(pair.b) <= cursor.b, pairs)
    return sum(1 for _ in reached)


def cursor_at(pairs: Sequence[OutlinePair], place: int) -> Cursor:
    """Return the cursor in front of the pair at this place."""
    return Cursor(
        max((one.a.number for one in pairs[:place] if one.a is not None), default=0),
        max((one.b.number for one in pairs[:place] if one.b is not None), default=0),
    )


def _number(outline: Outline | None) -> int:
    return 0 if outline is None else outline.number
