"""The log as a file, a line at a time: CSV for spreadsheets, JSON Lines with everything that the hashes cover."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from agentos.audit.models import Entry

FIELDS: Final = (
    "number", "at", "act", "kind", "actor", "actor_id", "source", "session_id", "target_key", "run_id", "object",
    "reason", "origin", "before", "after", "details", "hash",
)  # fmt: skip
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def as_data(entry: Entry) -> dict[str, Any]:
    """Return the entry's columns, times in UTC, with `before`, `after` and `details` as the JSON they are."""
    data: dict[str, Any] = {name: getattr(entry, name) for name in FIELDS}
    data["at"] = entry.at.isoformat(timespec="microseconds")
    for name in ("before", "after", "details"):
        data[name] = json.loads(data[name]) if data[name] else None
    return data


def json_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield a line of JSON for each entry."""
    for entry in entries:
        yield json.dumps(as_data(entry), ensure_ascii=True) + "\n"


def csv_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield a head, then a line for each entry; no cell is taken for a formula."""
    yield _csv_line(FIELDS)
    for entry in entries:
        data = {name: getattr(entry, name) for name in FIELDS} | {"at": entry.at.isoformat(timespec="microseconds")}
        yield _csv_line(_cell(data[name]) for name in FIELDS)


FORMATS: Final[dict[str, tuple[str, Callable[[Iterable[Entry]], Iterator[str]]]]] = {
    "jsonl": ("application/x-ndjson", json_lines),
    "csv": ("text/csv; charset=utf-8", csv_lines),
}


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
