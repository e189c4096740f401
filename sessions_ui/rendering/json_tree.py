"""A JSON value as nested `<details>`: keys, values and sizes, without a script."""

from collections.abc import Iterator
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString

from sessions_ui.rendering.text import Marks, clip, clipped_note, prepare

NODE_LIMIT = 1_500
"""Values shown in one tree, all levels together."""

DEPTH_LIMIT = 30
"""Levels shown; deeper lists and objects show only their size."""

STRING_LIMIT = 2_000
"""Characters shown of one string; more are counted."""

KEY_LIMIT = 200
"""Characters shown of one key."""

Entries = Iterator[tuple[str | None, Any]]


def json_tree(value: Any, open_depth: int = 1, limit: int = NODE_LIMIT) -> SafeString:
    """Return any JSON value as a tree of `<details>`, its outermost `open_depth` levels open, `limit` values of it.

    Walks with a stack of its own, so that no depth of nesting exhausts Python's. Text that is JSON stays text.
    """
    tree = _Tree(open_depth, min(limit, NODE_LIMIT))
    tree.add(None, value)
    return SafeString(f'<div class="json-tree">{tree.finish()}</div>')


class _Tree:
    """The HTML of a tree being written, and the lists and objects that are still open in it."""

    def __init__(self, open_depth: int, limit: int) -> None:
        self._open_depth = open_depth
        self._limit = limit
        self._parts: list[str] = []
        self._stack: list[Entries] = []
        self._nodes = 0

    def finish(self) -> str:
        """Write what is still open to its end, or to the limit of nodes, and return the HTML."""
        while self._stack:
            entry = next(self._stack[-1], None)
            if entry is None or self._nodes >= self._limit:
                self._close(cut=entry is not None)
                continue
            self._parts.append("<li>")
            if not self.add(*entry):
                self._parts.append("</li>")
        return "".join(self._parts)

    def add(self, key: str | None, value: Any) -> bool:
        """Write one value; return whether it was opened and its entries are still to be written."""
        self._nodes += 1
        label = "" if key is None else f'<span class="json-key">{_text(key, KEY_LIMIT)}</span>: '
        if not (isinstance(value, dict | list | tuple) and value):
            self._parts.append(label + _scalar(value))
            return False
        size = f'<span class="json-size">{_size(value)}</span>'
        if len(self._stack) >= DEPTH_LIMIT:
            self._parts.append(f'{label}{size} <span class="json-cut">nested too deeply to show</span>')
            return False
        is_open = " open" if len(self._stack) < self._open_depth else ""
        self._parts.append(f'<details{is_open}><summary>{label}{size}</summary><ul class="json-list">')
        self._stack.append(_entries(value))
        return True

    def _close(self, *, cut: bool) -> None:
        self._stack.pop()
        more = '<li class="json-cut">… more than is shown here</li>' if cut else ""
        self._parts.append(f"{more}</ul></details>" + ("</li>" if self._stack else ""))


def _entries(value: dict[Any, Any] | list[Any] | tuple[Any, ...]) -> Entries:
    if isinstance(value, dict):
        return ((str(key), inner) for key, inner in value.items())
    return ((str(index), inner) for index, inner in enumerate(value))


def _size(value: dict[Any, Any] | list[Any] | tuple[Any, ...]) -> str:
    noun = "key" if isinstance(value, dict) else "item"
    return f"{len(value):,} {noun}{'' if len(value) == 1 else 's'}"


def _scalar(value: Any) -> str:
    """Return a string, number, true, false, null or empty container; anything else by its text."""
    if isinstance(value, str):
        return f'<span class="json-string">{_text(value, STRING_LIMIT)}</span>'
    if value is None or isinstance(value, bool):
        return f'<span class="json-literal">{ {None: "null", True: "true", False: "false"}[value] }</span>'
    if isinstance(value, dict | list | tuple):
        return f'<span class="json-size">{"{}" if isinstance(value, dict) else "[]"}</span>'
    kind = "number" if isinstance(value, int | float) else "string"
    return f'<span class="json-{kind}">{_text(_number_text(value), STRING_LIMIT)}</span>'


def _number_text(value: Any) -> str:
    try:
        return str(value)
    except ValueError:  # Python refuses to write out integers of more than 4,300 digits
        return hex(value)


def _text(text: str, limit: int) -> str:
    """Return text as HTML, at most `limit` characters of it, payloads in it as chips."""
    marks = Marks()
    shown, total = clip(prepare(text, marks), limit)
    return marks.finish(escape(shown) + (clipped_note(total) if total > limit else ""))
