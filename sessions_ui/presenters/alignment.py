"""Which turns of two sessions belong together, by what was asked: an inserted turn shifts nothing behind it.

What stands once on both sides holds the rest in place (as in patience diff); between such places the pairing that is
most alike is looked for, as long as that stays small. Any two lists are aligned in n log n and CELLS comparisons.
"""

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

CELLS: Final = 40_000
"""Pairs that are held against each other in all; stretches for which none are left are paired in their order."""

_ALIKE, _BESIDE = 2.0, 0.1
"""What it is worth to pair two that are alike; and two that are not, rather than to leave both alone."""

_WORD = re.compile(r"\w+")
Pair = tuple[int | None, int | None]
_Stretch = tuple[int, int, int, int]


@dataclass(frozen=True)
class Turn:
    """What an alignment looks at: turns with the same `text` are alike; those of different `kind` are never paired."""

    text: str
    kind: str = ""


def aligned(left: Sequence[Turn], right: Sequence[Turn]) -> list[Pair]:
    """Return pairs of places, both orders kept, each place once; None where a turn stands alone."""
    return list(_Alignment(left, right).pairs())


class _Alignment:
    """Two lists of turns, and what comparing them may still cost."""

    def __init__(self, left: Sequence[Turn], right: Sequence[Turn]) -> None:
        self._left, self._right = left, right
        self._cells = CELLS

    def pairs(self) -> Iterator[Pair]:
        """Yield the pairs in order."""
        at = (0, 0)
        for i, j in (*self._anchors(), (len(self._left), len(self._right))):
            yield from self._between((at[0], i, at[1], j))
            if i < len(self._left):
                yield i, j
            at = (i + 1, j + 1)

    def _anchors(self) -> list[tuple[int, int]]:
        """Return the longest row of turns that stand once on either side and in the same order on both."""
        left, right = _once(self._left), _once(self._right)
        found = [(i, right[turn]) for turn, i in left.items() if turn in right]
        # The longest increasing row of places on the right: piles, each with the place it was laid on.
        tops: list[int] = []
        piles: list[int] = []
        below: list[int | None] = []
        for number, (_, j) in enumerate(found):
            pile = bisect_left(tops, j)
            below.append(piles[pile - 1] if pile else None)
            tops[pile : pile + 1] = [j]
            piles[pile : pile + 1] = [number]
        row: list[tuple[int, int]] = []
        last: int | None = piles[-1] if piles else None
        while last is not None:
            row.append(found[last])
            last = below[last]
        return row[::-1]

    def _between(self, stretch: _Stretch) -> Iterator[Pair]:
        """Yield the pairs of a stretch: its ends while they are alike, then what is between them."""
        i1, i2, j1, j2 = stretch
        while i1 < i2 and j1 < j2 and self._left[i1] == self._right[j1]:
            yield i1, j1
            i1, j1 = i1 + 1, j1 + 1
        tail = 0
        while i1 < i2 - tail and j1 < j2 - tail and self._left[i2 - tail - 1] == self._right[j2 - tail - 1]:
            tail += 1
        inner = (i1, i2 - tail, j1, j2 - tail)
        cost = (inner[1] - inner[0]) * (inner[3] - inner[2])
        if cost <= self._cells:
            self._cells -= cost
            yield from self._best(inner)
        else:
            yield from self._in_order(inner)
        yield from zip(range(i2 - tail, i2), range(j2 - tail, j2), strict=True)

    def _best(self, stretch: _Stretch) -> Iterator[Pair]:
        """Yield the pairing of a stretch whose pairs are most alike."""
        i1, i2, j1, j2 = stretch
        words = [_words(turn) for turn in self._left[i1:i2]], [_words(turn) for turn in self._right[j1:j2]]
        # best[i][j]: what pairing the turns from i and from j on is worth.
        best = [[0.0] * (j2 - j1 + 1) for _ in range(i2 - i1 + 1)]
        worth = [
            [self._worth(i1 + i, j1 + j, old, new) for j, new in enumerate(words[1])] for i, old in enumerate(words[0])
        ]
        for i in range(i2 - i1 - 1, -1, -1):
            for j in range(j2 - j1 - 1, -1, -1):
                best[i][j] = max(best[i + 1][j], best[i][j + 1], worth[i][j] + best[i + 1][j + 1])
        i = j = 0
        while i < i2 - i1 or j < j2 - j1:
            if i < i2 - i1 and j < j2 - j1 and worth[i][j] > 0 and best[i][j] == worth[i][j] + best[i + 1][j + 1]:
                yield i1 + i, j1 + j
                i, j = i + 1, j + 1
            elif i < i2 - i1 and (j == j2 - j1 or best[i][j] == best[i + 1][j]):
                yield i1 + i, None
                i += 1
            else:
                yield None, j1 + j
                j += 1

    def _worth(self, i: int, j: int, old: frozenset[str], new: frozenset[str]) -> float:
        left, right = self._left[i], self._right[j]
        if left.kind != right.kind:
            return 0.0
        if left.text == right.text:
            return _ALIKE
        either = len(old | new)
        return _BESIDE + (len(old & new) / either if either else 0.0)

    def _in_order(self, stretch: _Stretch) -> Iterator[Pair]:
        i1, i2, j1, j2 = stretch
        both = min(i2 - i1, j2 - j1)
        for i, j in zip(range(i1, i1 + both), range(j1, j1 + both), strict=True):
            if self._left[i].kind == self._right[j].kind:
                yield i, j
            else:
                yield i, None
                yield None, j
        yield from ((i, None) for i in range(i1 + both, i2))
        yield from ((None, j) for j in range(j1 + both, j2))


def _once(turns: Sequence[Turn]) -> dict[Turn, int]:
    """Return the place of each turn that no other is like."""
    counts = Counter(turns)
    return {turn: at for at, turn in enumerate(turns) if counts[turn] == 1}


def _words(turn: Turn) -> frozenset[str]:
    return frozenset(_WORD.findall(turn.text.casefold()))
