"""What a tool answered a while ago, kept in memory."""

import json
import threading
import time
from collections.abc import Callable
from typing import Any, Final

__all__ = ["Results"]

_LARGEST: Final = 256


class Results:
    """Results of one function by its arguments; of more than a few hundred the oldest are forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def find(self, arguments: dict[str, Any], ttl: float) -> tuple[Any] | None:
        """Return the result in a tuple of its own if it is younger than `ttl` seconds."""
        with self._lock:
            found = self._kept.get(_key(arguments))
        return (found[1],) if found and self._clock() - found[0] < ttl else None

    def keep(self, arguments: dict[str, Any], result: Any) -> None:
        """Remember the result."""
        key = _key(arguments)
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = (self._clock(), result)
            if len(self._kept) > _LARGEST:
                del self._kept[next(iter(self._kept))]


def _key(arguments: dict[str, Any]) -> str:
    return json.dumps(arguments, sort_keys=True, default=repr)
