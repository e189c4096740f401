"""The difference of two texts, line by line and inside a line word by word. Plain values: a template draws them.

What a difference costs is bounded for any two texts: both are cut, what they have in common at their ends is passed
over in linear time, and where comparing the rest could take quadratic time it counts as replaced. Such a difference is
true, only longer than it need be.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Literal

from sessions_ui.rendering.text import clip

CHARACTERS, LINES = 400_000, 20_000
"""Characters of each text that are compared, and lines of it."""

CONTEXT = 3
"""Lines alike that are shown before and after a change; more are folded."""

LINE_LIMIT = 2_000
"""Characters shown of one line."""

WORK_LIMIT = 2_000_000
"""Comparisons that one difference may take at worst, lines and words together: well under a second."""

OFTEN = 20
"""A line or word that stands more often than this, and than once in a hundred, is no place to join two texts at."""

Kind = Literal["same", "before", "after", "folded", "left_out", "beyond"]
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line; `is_changed`: the other text has something else in its place."""

    text: str
    is_changed: bool = False


Parts = tuple[Part, ...]
_Block = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a difference.

    `same`: in both texts; `before` and `after`: in that one alone; `folded`: `count` lines that are alike;
    `left_out`: `count` more lines of the difference that had no room; `beyond`: the texts go on, `count` characters
    together, and were not compared there. `before_number`, `after_number`: from 1.
    """

    kind: Kind
    parts: tuple[Part, ...] = ()
    before_number: int | None = None
    after_number: int | None = None
    count: int = 0
    total: int = 0
    """Characters of the whole line: `parts` holds the first LINE_LIMIT of them."""

    @property
    def is_cut(self) -> bool:
        """Whether the line is longer than is shown."""
        return self.total > LINE_LIMIT


def line_diff(before: str, after: str, limit: int) -> list[Line]:
    """Return what makes `after` out of `before`, at most `limit` lines and one that counts those left out.

    Two texts that are alike give no line at all. A line break before nothing is no line of its own.
    """
    if before == after:
        return []
    old, old_rest = _lines(before)
    new, new_rest = _lines(after)
    shown: list[Line] = []
    left_out = 0
    for line in _folded(list(Comparison().lines(old, new))):
        if len(shown) < limit:
            shown.append(line)
        else:
            left_out += line.count or 1
    if left_out:
        shown.append(Line("left_out", count=left_out))
    return [*shown, Line("beyond", count=old_rest + new_rest)] if old_rest + new_rest else shown


def counted(lines: Sequence[Line]) -> tuple[int, int]:
    """Return how many of the lines are in the text before alone, and how many in the text after alone."""
    kinds = [line.kind for line in lines]
    return kinds.count("before"), kinds.count("after")


def _lines(text: str) -> tuple[list[str], int]:
    """Return the lines of a text that are compared, and how many characters are behind them."""
    shown, total = clip(text, CHARACTERS)
    lines = shown.split("\n", LINES)
    rest = total - len(shown) + (len(lines.pop()) if len(lines) > LINES else 0)
    return lines[:-1] if lines and lines[-1] == "" else lines, rest


class Comparison:
    """Compares texts by lines and by words while the work that all of its comparisons may take lasts."""

    def __init__(self) -> None:
        self._work = WORK_LIMIT

    def lines(self, old: list[str], new: list[str]) -> Iterator[Line]:
        """Yield every line of both texts, in the order a reader follows."""
        for is_same, (i1, i2, j1, j2) in self.blocks(old, new):
            if is_same:
                for offset, text in enumerate(old[i1:i2]):
                    yield _line("same", (Part(text),), i1 + offset + 1, j1 + offset + 1)
                continue
            left, right = self._paired(old[i1:i2], new[j1:j2])
            for number, parts in enumerate(left, i1 + 1):
                yield _line("before", parts, before=number)
            for number, parts in enumerate(right, j1 + 1):
                yield _line("after", parts, after=number)

    def blocks(self, old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[bool, _Block]]:
        """Yield stretches that are alike, and stretches of which one replaces the other, as slices of both."""
        head = _alike(zip(old, new, strict=False))
        room = min(len(old), len(new)) - head
        tail = min(room, _alike(zip(reversed(old), reversed(new), strict=False)))
        i_end, j_end = len(old) - tail, len(new) - tail
        if head:
            yield True, (0, head, 0, head)
        for is_same, (i1, i2, j1, j2) in self._compared(old[head:i_end], new[head:j_end]):
            yield is_same, (head + i1, head + i2, head + j1, head + j2)
        if tail:
            yield True, (i_end, len(old), j_end, len(new))

    def _compared(self, old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[bool, _Block]]:
        """Yield the stretches of what neither begins nor ends alike."""
        if not old and not new:
            return
        counts = Counter(new)
        often = {item for item, count in counts.items() if count > max(OFTEN, len(new) // 100)}
        # For every stretch it finds, difflib looks at each item of the old text and at each pair of equal items once.
        looks = len(old) + sum(counts[item] for item in old if item not in often)
        self._work -= (cost := looks * min(len(old), len(new)))
        if self._work < 0:
            self._work += cost
            yield False, (0, len(old), 0, len(new))
            return
        for tag, i1, i2, j1, j2 in SequenceMatcher(often.__contains__, old, new, autojunk=False).get_opcodes():
            yield tag == "equal", (i1, i2, j1, j2)

    def _paired(self, old: list[str], new: list[str]) -> tuple[list[Parts], list[Parts]]:
        """Return the parts of the lines of a stretch that was replaced; those in the same place are compared."""
        pairs = [self.words(before, after) for before, after in zip(old, new, strict=False)]
        left = [pair[0] for pair in pairs] + [(Part(text),) for text in old[len(pairs) :]]
        right = [pair[1] for pair in pairs] + [(Part(text),) for text in new[len(pairs) :]]
        return left, right

    def sides(self, before: str, after: str, most: int) -> tuple[Parts, Parts]:
        """Return two texts that stand side by side, what the other has not marked; at most `most` parts of each."""
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
        left: list[Part] = []
        right: list[Part] = []
        for is_same, (i1, i2, j1, j2) in self.blocks(old, new):
            if is_same:
                left.append(Part("".join(old[i1:i2])))
                right.append(left[-1])
                continue
            one, other = self._paired(old[i1:i2], new[j1:j2])
            # Of a line that has nothing to do with that in its place, or has none there, everything is another.
            whole = [len(mine) == len(its) == 1 and mine != its for mine, its in zip(one, other, strict=False)]
            left += [part for at, parts in enumerate(one) for part in _marked(parts, at >= len(whole) or whole[at])]
            right += [part for at, parts in enumerate(other) for part in _marked(parts, at >= len(whole) or whole[at])]
        return _joined(left, most), _joined(right, most)

    def words(self, before: str, after: str) -> tuple[Parts, Parts]:
        """Return both lines with their changed words marked, unless they are long or have little in common."""
        whole = (Part(before),), (Part(after),)
        longest = max(len(before), len(after))
        if longest > LINE_LIMIT:
            return whole
        old, new = _WORD.findall(before), _WORD.findall(after)
        blocks = list(self.blocks(old, new))
        alike = sum(len("".join(old[i1:i2]).strip()) for is_same, (i1, i2, _, _) in blocks if is_same)
        if 3 * alike < longest:
            return whole
        left = tuple(Part("".join(old[i1:i2]), not is_same) for is_same, (i1, i2, _, _) in blocks if i2 > i1)
        right = tuple(Part("".join(new[j1:j2]), not is_same) for is_same, (_, _, j1, j2) in blocks if j2 > j1)
        return left, right


def _alike(pairs: Iterable[tuple[str, str]]) -> int:
    """Return how many pairs at the beginning are alike."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _marked(parts: Parts, is_whole: bool) -> Parts:
    return tuple(Part(part.text, is_changed=True) for part in parts) if is_whole else parts


def _joined(parts: Sequence[Part], most: int) -> Parts:
    """Return the parts, neighbours alike as one, and blanks between changes as changed; the last ones as one change."""
    found: list[Part] = []
    for at, part in enumerate(parts):
        beside = found and found[-1].is_changed and at + 1 < len(parts) and parts[at + 1].is_changed
        is_changed = part.is_changed or bool(beside and not part.text.strip())
        if found and found[-1].is_changed == is_changed:
            found[-1] = Part(found[-1].text + part.text, is_changed)
        elif part.text:
            found.append(Part(part.text, is_changed))
    if len(found) > most:
        rest = "".join(part.text for part in found[most - 1 :])
        found = [*found[: most - 1], Part(rest, is_changed=True)]
    return tuple(found)


def _line(kind: Kind, parts: Parts, before: int | None = None, after: int | None = None) -> Line:
    """Return a line whose parts together show at most LINE_LIMIT characters."""
    room, shown = LINE_LIMIT, []
    for part in parts:
        if room > 0:
            shown.append(Part(part.text[:room], part.is_changed))
        room -= len(part.text)
    return Line(kind, tuple(shown), before, after, total=LINE_LIMIT - room)


def _folded(lines: list[Line]) -> Iterator[Line]:
    """Yield the lines, long stretches that are alike folded to their ends beside a change."""
    if all(line.kind == "same" for line in lines):
        return
    at = 0
    while at < len(lines):
        if lines[at].kind != "same":
            yield lines[at]
            at += 1
            continue
        end = at + sum(1 for _ in takewhile(lambda line: line.kind == "same", lines[at:]))
        first = 0 if at == 0 else CONTEXT
        last = 0 if end == len(lines) else CONTEXT
        hidden = end - at - first - last
        if hidden > 1:
            yield from lines[at : at + first]
            yield Line("folded", count=hidden)
            yield from lines[end - last : end]
        else:
            yield from lines[at:end]
        at = end
