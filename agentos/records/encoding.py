"""From stored text to JSON values and back, for text nobody can vouch for.

Agno 2 on SQLite encodes twice: the column holds a JSON string whose content is the document. Agno 3 encodes once, a
migrated database does both, and PostgreSQL hands over values that are decoded already. `loads` takes all of these.
"""

import json
import math
import re
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import orjson

__all__ = ["RecordError", "dumps", "loads", "readable", "strip_for_postgres"]

# What Agno deletes from every string before it writes to PostgreSQL.
_REFUSED_BY_POSTGRES: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_DIGITS_TO_ZERO: Final = bytes.maketrans(b"123456789", b"000000000")
# orjson reads an integer that needs more than 64 bits as a float and so loses digits; 2**63 has 19 of them.
_LONG_NUMBER: Final = b"0" * 19


class RecordError(ValueError):
    """Stored text that is not JSON, or a value JSON cannot hold. Its message is a plain sentence."""


def loads(stored: object) -> Any:
    """Decode while it is a string; a value that is none is returned as it is.

    The last decoded string is returned when it is no JSON itself: Agno tolerates a summary that is plain text.
    NaN, Infinity, numbers too large for a double, lone surrogates and repeated keys (the last one wins) are accepted,
    as Python's own reader does. Bytes that are not UTF-8 are read with replacement characters.

    Raises:
        RecordError: the text is not JSON, or is nested too deeply.
    """
    if not isinstance(stored, str | bytes | bytearray | memoryview):
        return stored
    value = _decode(stored if isinstance(stored, str) else bytes(stored))
    while isinstance(value, str):
        try:
            value = _decode(value)
        except RecordError:
            return value
    return value


def dumps(value: object) -> str:
    """Encode as Agno does on SQLite: Python's default separators, ASCII only.

    Raises:
        RecordError: the value is nested too deeply or holds something that is not JSON.
    """
    try:
        return json.dumps(value, default=_plain)
    except RecursionError as error:
        raise RecordError("The value is nested too deeply to be stored.") from error
    except (TypeError, ValueError) as error:
        raise RecordError(f"The value cannot be stored as JSON: {error}.") from error


def readable(text: str) -> str:
    """Return the text with lone surrogates replaced: JSON may hold them, but no page, file or database takes them."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def strip_for_postgres(value: Any) -> Any:
    """Return a copy of a JSON value that PostgreSQL's jsonb accepts.

    Deletes the characters Agno deletes (U+0000-U+0008, U+000B, U+000C, U+000E-U+001F, U+FFFE, U+FFFF) from every
    string and key. Lone surrogates become U+FFFD and numbers that are not finite null: jsonb refuses both.

    Raises:
        RecordError: the value is nested too deeply.
    """
    try:
        return _strip(value)
    except RecursionError as error:
        raise RecordError("The value is nested too deeply to be stored.") from error


def _strip(value: Any) -> Any:
    if isinstance(value, str):
        return _REFUSED_BY_POSTGRES.sub("", readable(value))
    if isinstance(value, dict):
        return {_strip(key): _strip(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_strip(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _decode(text: str | bytes) -> Any:
    try:
        if not _may_hold_long_number(text):
            return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass  # stricter than Agno's own reader: no NaN, no lone surrogates, no depth beyond 1024
    return _decode_as_python_does(text if isinstance(text, str) else text.decode("utf-8", "replace"))


def _decode_as_python_does(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise RecordError("The stored JSON is nested too deeply to be read.") from error
    except json.JSONDecodeError as error:
        raise RecordError(f"The stored text is not JSON: {error.msg} at character {error.pos}.") from error
    except ValueError as error:  # an integer beyond Python's limit on digits
        raise RecordError("The stored JSON holds a number that is too long to be read.") from error


def _may_hold_long_number(text: str | bytes) -> bool:
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    return _LONG_NUMBER in data.translate(_DIGITS_TO_ZERO)


def _plain(value: object) -> object:
    """What Agno makes of values JSON has no form for. Records are encoded as the object they view."""
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if hasattr(value, "to_dict"):
        return value.to_dict()
    raise TypeError(f"a {type(value).__name__} is not JSON")
