"""Wakes whoever waits for a turn's events in this process; in others they look every 250 ms."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

Waiter = tuple[asyncio.AbstractEventLoop, asyncio.Event]

_waiters: Final[dict[UUID, list[Waiter]]] = {}
_lock: Final = threading.Lock()


@contextmanager
def listening(turn_id: UUID) -> Iterator[asyncio.Event]:
    """Give an event of the running loop that is set whenever the turn has something new."""
    waiter = (asyncio.get_running_loop(), asyncio.Event())
    with _lock:
        _waiters.setdefault(turn_id, []).append(waiter)
    try:
        yield waiter[1]
    finally:
        with _lock:
            _waiters[turn_id].remove(waiter)
            if not _waiters[turn_id]:
                del _waiters[turn_id]


def notify(turn_id: UUID) -> None:
    """Wake everybody in this process who listens to the turn; from any thread."""
    with _lock:
        waiters = list(_waiters.get(turn_id, ()))
    for loop, event in waiters:
        if not loop.is_closed():
            loop.call_soon_threadsafe(event.set)
