"""Wakes whoever waits in this process for news of turns: streams for one turn's, a worker for any.

`channel.py` brings the news of other processes.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

Waiter = tuple[asyncio.AbstractEventLoop, asyncio.Event]

_waiters: Final[dict[UUID, list[Waiter]]] = {}
_of_any: Final[list[threading.Event]] = []
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


@contextmanager
def listening_to_all() -> Iterator[threading.Event]:
    """Give an event that is set whenever any turn has something new."""
    event = threading.Event()
    with _lock:
        _of_any.append(event)
    try:
        yield event
    finally:
        with _lock:
            _of_any.remove(event)


def notify(turn_id: UUID) -> None:
    """Wake everybody in this process who listens to the turn; from any thread."""
    with _lock:
        waiters, of_any = list(_waiters.get(turn_id, ())), list(_of_any)
    for any_turn in of_any:
        any_turn.set()
    for loop, event in waiters:
        if not loop.is_closed():
            loop.call_soon_threadsafe(event.set)
