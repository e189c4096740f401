"""The exact form of a session: one JSON document, written and described here, read in `incoming`.

`docs/export.md` describes it for people. Version 1 has, in this order, `format`, `version`, `exported_at`, `source`,
`masked` (only in a masked copy), `session`, `session_text`, `runs`, `run_count` and `changed_meanwhile`.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from agentos.db.exact import JSON_COLUMNS, BadJSON, StoredRun, stored_runs
from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.masking import current, masked_value

FORMAT: Final = "agentos-session"
VERSION: Final = 1


def exact(source: Source, session_id: str, *, secrets: bool = True) -> Iterator[str]:
    """Yield the document in pieces, a line for each run; none is there when the session is not.

    Without `secrets` they are masked, and the document says so: it is then no exact copy.

    Raises:
        SourceUnavailable: the source cannot be read (any more); what was yielded is then no document.
    """
    reader = Reader(source)
    before = reader.version(session_id)
    session = reader.session(session_id)
    if session is None:
        return
    columns, texts = _columns(session.raw if secrets else masked_value(session.raw, current()))
    head = {
        "format": FORMAT,
        "version": VERSION,
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "source": {"vendor": source.vendor, "layout": str(reader.layout)},
    }
    head |= {} if secrets or not current() else {"masked": True}
    yield f"{json.dumps(head)[:-1]},\n" + f'"session": {encoded(columns)},\n"session_text": {json.dumps(texts)},\n'
    yield '"runs": ['
    count = 0
    for count, run in enumerate(stored_runs(source, session_id), 1):
        shown = run if secrets else replace(run, value=masked_value(run.value, current()))
        yield ("\n" if count == 1 else ",\n") + _entry(shown)
    changed = reader.version(session_id) != before
    yield f'\n],\n"run_count": {count},\n"changed_meanwhile": {json.dumps(changed)}\n}}\n'


def _columns(raw: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the columns, and the text of those that strict JSON cannot say: these are null among the columns."""
    columns, texts = dict(raw), {}
    for name in JSON_COLUMNS:
        text = _odd_text(raw.get(name))
        if text is not None:
            columns[name], texts[name] = None, text
    return columns, texts


def _entry(run: StoredRun) -> str:
    """Return one run as a line: its value under `data`, or under `text` what strict JSON cannot say."""
    head = {"place": run.place} | ({"columns": run.columns} if run.place == "row" else {})
    text = _odd_text(run.value)
    value = f'"data": {encoded(run.value)}' if text is None else f'"text": {json.dumps(text)}'
    return f"{json.dumps(head)[:-1]}, {value}}}"


def _odd_text(value: Any) -> str | None:
    """Return the text of what is no JSON, or has NaN or Infinity in it as Python spells them; None for all others."""
    if isinstance(value, BadJSON):
        return str(value)
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return encoded(value)
    except RecursionError:
        return None
    return None


def encoded(value: Any) -> str:
    """Return ASCII JSON of a decoded value, nested as deep as it may be."""
    try:
        return json.dumps(value)
    except RecursionError:
        return "".join(_deep(value))


def _deep(value: Any) -> Iterator[str]:
    """Yield JSON with a stack of its own."""
    stack: list[Iterator[tuple[str, Any]]] = [iter([("", value)])]
    closing = [""]
    while stack:
        entry = next(stack[-1], None)
        if entry is None:
            stack.pop()
            yield closing.pop()
            continue
        before, item = entry
        yield before
        if isinstance(item, dict) and item:
            yield "{"
            stack.append(_members(item))
            closing.append("}")
        elif isinstance(item, list) and item:
            yield "["
            stack.append((", " if at else "", each) for at, each in enumerate(item))
            closing.append("]")
        else:
            yield json.dumps(item)


def _members(item: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for at, (key, each) in enumerate(item.items()):
        yield (", " if at else "") + json.dumps(key) + ": ", each
