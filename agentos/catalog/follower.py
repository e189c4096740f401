"""The thread that follows the sources while pages are open, so that no page waits for it."""

import logging
import os
import time
from collections.abc import Callable
from threading import Event, Lock, Thread, current_thread
from typing import Final

from django.db import connection, connections

logger = logging.getLogger(__name__)

# Seconds between two looks, and how long after the last page somebody still counts as looking.
LOOK_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 60.0
# While a catalog is being made, the thread lets the pages have the processor now and then.
BREATH_SECONDS: Final = 0.05
# After a fault: so long at first, twice as long after each further one.
_FIRST_BACKOFF: Final = 1.0
_LONGEST_BACKOFF: Final = 60.0


class Follower:
    """Calls `look` every second from the first `ask` until nobody has asked for a minute.

    `look` returns whether there is more to do at once: then it is called on until there is not, whoever asks. Whatever
    it raises is logged, and it is tried again later. The thread is a daemon: it dies with the process.
    """

    _lock: Lock
    _thread: Thread | None
    _stopped: Event
    _has_looked: Event
    _asked_at: float

    def __init__(self, look: Callable[[], bool]) -> None:
        self._look = look
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def ask(self, wait: float = 0.0) -> None:
        """Have the sources followed from now on. Wait at most so many seconds for the first look of the thread."""
        with self._lock:
            self._asked_at = time.monotonic()
            if self._thread is None:
                self._stopped, self._has_looked = Event(), Event()
                events = (self._stopped, self._has_looked)
                self._thread = Thread(target=self._follow, args=events, name="follower", daemon=True)
                self._thread.start()
            has_looked = self._has_looked
        has_looked.wait(wait)

    def stop(self, wait: float = 2.0) -> None:
        """End the thread after the look it is at; wait for that so many seconds. The next `ask` starts another one."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._stopped.set()
        if thread is not None:
            thread.join(wait)

    def _forget(self) -> None:
        """Begin anew; also in a forked process, which has no thread but its first."""
        self._lock, self._thread, self._asked_at = Lock(), None, 0.0
        self._stopped, self._has_looked = Event(), Event()

    def _follow(self, stopped: Event, has_looked: Event) -> None:
        backoff, more = _FIRST_BACKOFF, False
        try:
            while more or self._is_wanted():
                try:
                    more = self._look()
                    pause, backoff = BREATH_SECONDS if more else LOOK_SECONDS, _FIRST_BACKOFF
                    connection.close()  # our own pool is small; connections to sources are kept
                except Exception:
                    logger.exception("The sources could not be followed; tried again in %d s.", backoff)
                    connections.close_all()
                    more, pause, backoff = False, backoff, min(2 * backoff, _LONGEST_BACKOFF)
                has_looked.set()
                if stopped.wait(pause):
                    break
        finally:
            connections.close_all()
            with self._lock:
                self._leave()

    def _is_wanted(self) -> bool:
        """Whether somebody asked lately; else the thread is let go at once, so that the next `ask` starts another."""
        with self._lock:
            wanted = time.monotonic() - self._asked_at < IDLE_SECONDS
            if not wanted:
                self._leave()
            return wanted

    def _leave(self) -> None:
        if self._thread is current_thread():
            self._thread = None
