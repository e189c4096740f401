"""Plain text out of content of any JSON type."""

import json
from typing import Any

from agentos.records.encoding import RecordError, dumps, readable

__all__ = ["as_text", "one_line_json", "parts_text"]


def as_text(value: Any) -> str:
    """Return content as text: strings as they are, nothing as "", everything else as indented JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return readable(value)
    try:
        return readable(json.dumps(value, ensure_ascii=False, indent=2))
    except (RecursionError, TypeError, ValueError):
        return "(nested too deeply to be shown)"


def parts_text(content: Any) -> str:
    """Return a message's content as text: of a list of parts the texts, a line each, without pictures and files.

    A part is a string, or an object with its text under `text` or, as a message, under `content`.
    """
    if not isinstance(content, list):
        return as_text(content)
    return "\n".join(text for text in map(_part_text, content) if text)


def _part_text(part: Any) -> str:
    if not isinstance(part, dict):
        return as_text(part)
    for key in ("text", "content"):
        text = part.get(key)
        if isinstance(text, str):
            return readable(text)
    return "" if "type" in part else as_text(part)


def one_line_json(value: Any) -> str:
    """Return JSON as Agno writes it into a title; "" when it is nested too deeply."""
    try:
        return dumps(value)
    except RecordError:
        return ""
