"""Sessions as lines of a file: CSV for spreadsheets, JSON Lines for programs."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from agentos.records import readable

# What a spreadsheet takes for the beginning of a formula, also behind a line break, and as full-width characters.
_FORMULA: Final = tuple("=+-@\t\r\n＝＋－＠")


@dataclass(frozen=True)
class Format:
    """A kind of file: what stands at its head, and its rows as text. Rows are values in the order of the fields."""

    name: str
    label: str
    content_type: str
    head: Callable[[Sequence[str]], str]
    lines: Callable[[Sequence[str], Iterable[Sequence[Any]]], str]


def safe_cell(value: Any) -> Any:
    """Return a value for a CSV cell: text that a spreadsheet would calculate gets an apostrophe before it."""
    if not isinstance(value, str):
        return value
    text = readable(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv_lines(_fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([safe_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _json_lines(fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    return "".join(f"{json.dumps(dict(zip(fields, row, strict=True)))}\n" for row in rows)


FORMATS: Final = {
    one.name: one
    for one in (
        Format("csv", "CSV", "text/csv; charset=utf-8", lambda fields: _csv_lines(fields, [fields]), _csv_lines),
        Format("jsonl", "JSON Lines", "application/x-ndjson; charset=utf-8", lambda fields: "", _json_lines),
    )
}
