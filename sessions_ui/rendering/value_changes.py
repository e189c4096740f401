"""The difference of two JSON values, key by key: what each path held before, and what it holds after.

Bounded for any two values: a walk with a stack of its own looks at WALKED values, and shows as many changes as asked.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Final

from sessions_ui.rendering.differences import Comparison, Line, Part
from sessions_ui.rendering.text import clip

WALKED: Final = 100_000
"""Values that are looked at, of both sides together, before the rest counts as not compared."""

DEPTH: Final = 30
"""Levels that are compared one by one; below them two values are alike or not as a whole."""

VALUE_CHARACTERS: Final = 300
_KEY_CHARACTERS = 80
_UNSEEN = re.compile("[\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_PLAIN_KEY = re.compile(r"[^\W\d]\w*", re.ASCII)


class _Missing:
    """Stands where the other side has something."""


_MISSING: Final = _Missing()
_Pair = tuple[str, Any, Any, int]


@dataclass(frozen=True)
class Changes:
    """`lines` to draw as a difference; `count` paths changed; `is_partial`: not everything was compared."""

    lines: list[Line] = field(default_factory=list)
    count: int = 0
    is_partial: bool = False


def value_changes(before: Any, after: Any, limit: int) -> Changes:
    """Return at which paths two JSON values differ, in the order of their keys; the lines of `limit` of them.

    A list is compared place by place, but for what its ends have in common. 1 and 1.0 differ, as they are stored.
    """
    lines: list[Line] = []
    count = 0
    walk, comparison = _Walk(), Comparison()
    for path, old, new in walk.changes(before, after):
        count += 1
        if count <= limit:
            lines += _lines(path, old, new, comparison)
    return Changes(lines, count, walk.is_cut)


class _Walk:
    """Goes through two values side by side."""

    def __init__(self) -> None:
        self._left = WALKED
        self.is_cut = False

    def changes(self, before: Any, after: Any) -> Iterator[tuple[str, Any, Any]]:
        """Yield a path, the value before and the value after, for each place where they differ."""
        stack: list[Iterator[_Pair]] = [iter([("", before, after, 0)])]
        while stack:
            pair = next(stack[-1], None)
            if pair is None:
                stack.pop()
                continue
            self._left -= 1
            if self._left < 0:
                self.is_cut = True
                return
            path, old, new, depth = pair
            if depth < DEPTH and isinstance(old, dict) and isinstance(new, dict):
                stack.append(_of_objects(path, old, new, depth + 1))
            elif depth < DEPTH and isinstance(old, list) and isinstance(new, list):
                stack.append(_of_lists(path, old, new, depth + 1))
            elif not _alike(old, new):
                yield path, old, new


def _of_objects(path: str, old: dict[Any, Any], new: dict[Any, Any], depth: int) -> Iterator[_Pair]:
    for key, value in old.items():
        yield _below(path, key), value, new.get(key, _MISSING), depth
    for key, value in new.items():
        if key not in old:
            yield _below(path, key), _MISSING, value, depth


def _of_lists(path: str, old: list[Any], new: list[Any], depth: int) -> Iterator[_Pair]:
    """Pair what stands between the ends that are alike; numbers are those of the list an item is shown of."""
    room = min(len(old), len(new))
    head = sum(1 for _ in takewhile(lambda at: _alike(old[at], new[at]), range(room)))
    tail = sum(1 for _ in takewhile(lambda at: _alike(old[-at - 1], new[-at - 1]), range(room - head)))
    left, right = old[head : len(old) - tail], new[head : len(new) - tail]
    for at in range(max(len(left), len(right))):
        was = left[at] if at < len(left) else _MISSING
        now = right[at] if at < len(right) else _MISSING
        yield f"{path}[{head + at}]", was, now, depth


def _alike(old: Any, new: Any) -> bool:
    """Whether two values are the same JSON: true is not 1, and NaN is itself."""
    if isinstance(old, float) and isinstance(new, float) and math.isnan(old) and math.isnan(new):
        return True
    if type(old) is not type(new):
        return False
    if not isinstance(old, dict | list):
        return bool(old == new)
    try:
        return bool(old == new) and json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)
    except (RecursionError, ValueError, TypeError):
        return False


def _below(path: str, key: Any) -> str:
    """Return the path of a key: `order.id`, and in brackets what is no plain word."""
    shown, total = clip(str(key), _KEY_CHARACTERS)
    if total > len(shown):
        shown += "…"
    if _PLAIN_KEY.fullmatch(shown):
        return f"{path}.{shown}" if path else shown
    return f"{path}[{_spelled(json.dumps(shown, ensure_ascii=False))}]"


def _lines(path: str, old: Any, new: Any, comparison: Comparison) -> Iterator[Line]:
    """Yield a line for each side that has something; where both have, with the words that changed marked."""
    # A path is as long as its keys are many: its end says most.
    short = path if len(path) <= 4 * _KEY_CHARACTERS else f"…{path[-4 * _KEY_CHARACTERS :]}"
    label = (Part(f"{short}: "),) if short else ()
    if old is _MISSING or new is _MISSING:
        yield (
            Line("after", (*label, Part(_text(new)))) if old is _MISSING else Line("before", (*label, Part(_text(old))))
        )
        return
    was, now = comparison.words(_text(old), _text(new))
    yield Line("before", (*label, *was))
    yield Line("after", (*label, *now))


def _text(value: Any) -> str:
    text, total = clip(_spelled(_written(value)), VALUE_CHARACTERS)
    return text if total <= len(text) else f"{text}… {total:,} characters"


def _written(value: Any) -> str:
    """Return a value as JSON in one line; of a large one what it is."""
    if isinstance(value, dict | list) and len(value) > VALUE_CHARACTERS:
        return f"{len(value):,} {'keys' if isinstance(value, dict) else 'items'}"
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, ValueError, TypeError):
        return "(too deep or too long to show as text)"


def _spelled(written: str) -> str:
    """Return written JSON with what cannot be seen spelled out, as JSON may: it is drawn as text of its length."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", written)
