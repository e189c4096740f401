"""What a text of a tool call is, told by looking at it, and as much of it as a page has room for."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from agentos.records import RecordError, loads
from sessions_ui.presenters.budget import Budget, Clipped
from sessions_ui.rendering.differences import Line, Part

PARSED = 400_000
"""Characters of a text that is read as JSON; of a Python literal a twentieth, whose reader is slower."""

COLUMNS, CELL = 10, 160
"""Columns of a table, and characters of a cell."""

DIFF_LINES = 400
"""Lines shown of a stored difference."""

NODE_CHARACTERS = 20
"""Characters of code or Markdown that count as one value of the budget."""

Kind = Literal["tree", "table", "diff", "markdown", "code", "text", "empty"]
_HEAD = 4_000
_WORDS = {None: "null", True: "true", False: "false"}
_DIFF = re.compile(r"^(?:diff --git .+|--- .+\n\+\+\+ .+\n@@ .+)$", re.MULTILINE)
_MARKDOWN = re.compile(r"^ {0,3}(?:#{1,6} \S|```|\|? ?:?-{3,}:? ?\|)", re.MULTILINE)
_LIST_ITEM = re.compile(r"^ {0,3}(?:[-*+]|\d{1,3}\.) \S", re.MULTILINE)
_CODE = (
    (re.compile(r"#!.{0,80}\bpython"), "python"),
    (re.compile(r"#!"), "bash"),
    (re.compile(r"\s*<!doctype html|\s*<html[\s>]", re.IGNORECASE), "html"),
    (re.compile(r"\s*<\?xml"), "xml"),
    (re.compile(r"Traceback \(most recent call last\):"), "python"),
    (re.compile(r"(?:from [\w.]+ import |import [\w.]+\n|def \w+\(|class \w+[:(])"), "python"),
    (re.compile(r"\s*(?:SELECT|WITH|INSERT INTO|UPDATE|CREATE TABLE)\s", re.IGNORECASE), "sql"),
)


@dataclass(frozen=True)
class Content:
    """A text as it is shown. `clipped` is its beginning as stored; what else is set depends on `kind`.

    tree: `value`. table: `columns` and `rows`, `rows_left_out` more. diff: `lines`. code: `language`.
    """

    kind: Kind
    clipped: Clipped
    value: Any = None
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    rows_left_out: int = 0
    lines: list[Line] = field(default_factory=list)
    language: str = ""

    @property
    def is_cut(self) -> bool:
        """Whether there is more of it than is shown."""
        return self.rows_left_out > 0 if self.kind == "table" else self.clipped.is_cut

    @property
    def total(self) -> int:
        """Its characters, as stored."""
        return self.clipped.total


def content_of(text: str, budget: Budget, each: int | None = None) -> Content:
    """Return a text in the form that suits it, at most `each` characters of it, `budget.folded` for None."""
    clipped = budget.take(text, budget.folded if each is None else each)
    if not text:
        return Content("empty", clipped)
    if budget.nodes <= 0:
        return Content("text", clipped)
    is_json, value = _value(text, clipped)
    content = _of_value(value, clipped, budget) if is_json else _of_words(text, clipped)
    if content.kind in ("code", "markdown", "diff"):
        budget.nodes -= len(clipped.text) // NODE_CHARACTERS
    return content


def _of_words(text: str, clipped: Clipped) -> Content:
    """Return a text that is no JSON: a difference, code, Markdown, or only words."""
    if _DIFF.search(text, 0, _HEAD):
        return Content("diff", clipped, lines=list(islice(_diff_lines(clipped.text), DIFF_LINES)))
    language = next((name for pattern, name in _CODE if pattern.match(text)), "")
    if language:
        return Content("code", clipped, language=language)
    head = text[:_HEAD]
    is_markdown = _MARKDOWN.search(head) or len(_LIST_ITEM.findall(head)) > 2
    return Content("markdown" if is_markdown else "text", clipped)


def _value(text: str, clipped: Clipped) -> tuple[bool, Any]:
    """Return whether the text is a JSON object or list, or Python's way to write one, and its value.

    What is cut is not read, unless it is a list: the beginning of a table is one.
    """
    start = text[:200].lstrip()[:1]
    if start not in ("{", "[") or len(text) > PARSED or (clipped.is_cut and start == "{"):
        return False, None
    try:
        value = loads(text)
    except RecordError:
        return _literal(text)
    return isinstance(value, dict | list), value


def _literal(text: str) -> tuple[bool, Any]:
    """Agno stores what a tool returned as Python writes it: a dict is no JSON."""
    if len(text) > PARSED // 20:
        return False, None
    try:
        value = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False, None
    return isinstance(value, dict | list), value


def _of_value(value: Any, clipped: Clipped, budget: Budget) -> Content:
    """Return a list of like objects as a table, anything else as a tree; as text where the page has no room for it."""
    rows = _rows(value)
    if rows is not None:
        columns, records = rows
        room = max(1, min(budget.nodes, 2_000) // max(1, len(columns)))
        budget.nodes -= min(room, len(records)) * len(columns)
        if budget.nodes > 0:
            cells = [[_cell(record, column) for column in columns] for record in records[:room]]
            return Content("table", clipped, columns=columns, rows=cells, rows_left_out=max(0, len(records) - room))
    size = _size(value, budget.nodes)
    if size > budget.nodes or clipped.is_cut:
        return Content("text", clipped)
    budget.nodes -= size
    return Content("tree", clipped, value=value)


def _rows(value: Any) -> tuple[list[str], list[dict[str, Any]]] | None:
    """Return columns and records of a list of like objects; None for anything else."""
    if not isinstance(value, list) or len(value) < 2 or not all(isinstance(one, dict) and one for one in value):
        return None
    columns = list(dict.fromkeys(key for record in value[:50] for key in record))
    if not 0 < len(columns) <= COLUMNS or not all(isinstance(key, str) for key in columns):
        return None
    filled = sum(key in record for record in value[:50] for key in columns)
    return (columns, value) if 2 * filled >= len(columns) * len(value[:50]) else None


def _cell(record: dict[str, Any], column: str) -> str:
    value = record.get(column, "")
    if isinstance(value, dict | list):
        return f"{len(value):,} {'keys' if isinstance(value, dict) else 'items'}"
    text = _WORDS[value] if value is None or isinstance(value, bool) else _text(value)
    return text if len(text) <= CELL else f"{text[:CELL]}… {len(text):,} characters"


def _text(value: Any) -> str:
    try:
        return str(value)
    except ValueError:  # integers of more than 4,300 digits
        return hex(value)


def _size(value: Any, limit: int) -> int:
    """Return how many values there are inside of a value, itself included; more than `limit` are not counted."""
    waiting, seen = [value], 0
    while waiting and seen <= limit:
        inner = waiting.pop()
        seen += 1
        if isinstance(inner, dict):
            waiting.extend(islice(inner.values(), limit + 1))
        elif isinstance(inner, list | tuple):
            waiting.extend(islice(inner, limit + 1))
    return seen


def _diff_lines(text: str) -> Iterator[Line]:
    """Yield the lines of a stored difference as those of one of ours."""
    for line in text.split("\n"):
        if line.startswith("@@"):
            yield Line("same", (Part(line[:400], is_changed=True),))
        elif line.startswith(("+", "-")) and not line.startswith(("+++", "---")):
            yield Line("after" if line[0] == "+" else "before", (Part(line[1:2_000]),), total=len(line) - 1)
        else:
            yield Line("same", (Part(line[:2_000]),), total=len(line))
