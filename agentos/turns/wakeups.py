"""Wakes whoever waits in this process for news of turns: its streams, or a worker.

`channel.py` brings the news of other processes.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_waiters: Final[list[threading.Event]] = []
_lock: Final = threading.Lock()


@contextmanager
def listening(event: threading.Event | None = None) -> Iterator[threading.Event]:
    """Give an event, or this one, that is set whenever any turn has something new."""
    event = event or threading.Event()
    with _lock:
        _waiters.append(event)
    try:
        yield event
    finally:
        with _lock:
            _waiters.remove(event)


def notify() -> None:
    """Wake everybody in this process who listens; from any thread."""
    with _lock:
        waiters = list(_waiters)
    for event in waiters:
        event.set()
