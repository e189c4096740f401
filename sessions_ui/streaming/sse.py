"""The wire format of server-sent events."""

import re
from typing import Final

KEEP_ALIVE: Final = b": keep-alive\n\n"
# What ends a line there; a text that holds one must not be able to begin a field of its own.
_LINE_END: Final = re.compile(r"\r\n|\r|\n")


def message(event: str, data: str, event_id: int) -> bytes:
    """Return one message. `event` is a name of ours, `data` any text: each of its lines becomes a data field."""
    lines = [f"id: {event_id}", f"event: {event}", *(f"data: {line}" for line in _LINE_END.split(data))]
    return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")


def cursor(last_event_id: str | None, after: str | None) -> int:
    """Return the number of the last event a client has: what it says on reconnecting, else what its URL says."""
    for value in (last_event_id, after):
        if value and value.isascii() and value.isdigit():
            return min(int(value[:9]), 2**31 - 1)
    return 0
