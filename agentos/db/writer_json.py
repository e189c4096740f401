"""JSON as Agno's own writers encode it, for a column of either database."""

import json
from dataclasses import dataclass
from typing import Any, Final

from agentos.db.writer_errors import InvalidRun, Malformed
from agentos.records.encoding import readable, strip_for_postgres

# Deeper than any real run; recursion would otherwise end in a crash at about a thousand.
MAX_DEPTH: Final = 200


@dataclass(frozen=True)
class Json:
    """A value for a JSON column; None is JSON null, which Agno writes for what is missing."""

    value: Any


def run_type(raw: dict[str, Any]) -> str:
    """Return "agent", "team" or "workflow", preferring them in this order as Agno does."""
    for kind in ("agent", "team"):
        if raw.get(f"{kind}_id") or raw.get(f"{kind}_name"):
            return kind
    return "workflow"


def encode(value: Any) -> str:
    """Return ASCII JSON text of a cleaned value.

    Raises:
        InvalidRun: it holds something JSON has no form for: NaN, or an object of a class.
    """
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidRun(f"This cannot be stored as JSON: {error}.") from error


def clean(value: Any, vendor: str, depth: int = 0) -> Any:
    """Return `value` with every string in it, keys too, made storable. Numbers and structure stay as they are.

    Raises:
        InvalidRun: it is nested more than MAX_DEPTH deep.
    """
    if isinstance(value, str):
        return clean_text(value, vendor)
    if depth > MAX_DEPTH:
        raise InvalidRun(f"This is nested more than {MAX_DEPTH} levels deep.")
    if isinstance(value, dict):
        return {_key(key, vendor): clean(item, vendor, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item, vendor, depth + 1) for item in value]
    return value


def clean_text(text: str, vendor: str) -> str:
    """Return `text` without what `vendor` cannot hold; half a surrogate pair becomes U+FFFD."""
    cleaned: str = strip_for_postgres(text) if vendor == "postgresql" else readable(text)
    return cleaned


def _key(key: Any, vendor: str) -> Any:
    return clean_text(key, vendor) if isinstance(key, str) else key


def decode_object(text: str | None, what: str = "session_data") -> tuple[dict[str, Any], bool]:
    """Return the object in a JSON column, and whether it was encoded twice, as Agno 2 does on SQLite.

    SQL NULL, JSON null and a missing value are the empty object. `what` names the column in what is raised.

    Raises:
        Malformed: the column holds something else, which must not be overwritten.
    """
    if text is None:
        return {}, False
    layers = 0
    value: Any = text
    try:
        while isinstance(value, str):
            value = json.loads(value)
            layers += 1
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{what} is not valid JSON") from error
    if value is None:
        return {}, layers > 1
    if not isinstance(value, dict):
        raise Malformed(f"{what} is not a JSON object")
    return value, layers > 1


def encode_object(value: dict[str, Any], vendor: str, *, double: bool) -> str:
    """Return the text of a JSON column that already held `value`, encoded once or twice as it was.

    Numbers Agno itself let in (NaN on SQLite) go back as they were; PostgreSQL has none.

    Raises:
        Malformed: PostgreSQL cannot hold one of its numbers.
    """
    try:
        text = json.dumps(clean(value, vendor), allow_nan=vendor == "sqlite")
    except ValueError as error:
        raise Malformed("session_data holds a number that JSON cannot carry") from error
    return json.dumps(text) if double else text
