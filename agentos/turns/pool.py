"""The threads that carry out turns in this process.

They are daemons, unlike those of `ThreadPoolExecutor`: a program that is told to stop does not wait minutes for a
model. A turn that dies this way is marked as interrupted on the way out, or else found by the sweep.
"""

import atexit
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connections

from agentos.turns.heart import Heart

logger = logging.getLogger(__name__)

# Seconds between two looks whether all work is done.
_LOOK: Final = 0.05


class Pool:
    """At most `AGENTOS_TURN_THREADS` threads, started when needed, that call `work` with each turn's id.

    `heart` knows which turns are at work; `abandon` is called with the id of each that the end of the process cuts off.
    """

    def __init__(self, work: Callable[[UUID], None], heart: Heart, abandon: Callable[[UUID], object]) -> None:
        self._work, self._heart, self._abandon = work, heart, abandon
        self._waiting: queue.SimpleQueue[UUID] = queue.SimpleQueue()
        self._known: set[UUID] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def start(self, turn_id: UUID) -> None:
        """Have the turn carried out as soon as a thread is free; one that waits for that already is not added."""
        with self._lock:
            if self._is_closed or turn_id in self._known:
                return
            self._known.add(turn_id)
            if len(self._threads) < settings.AGENTOS_TURN_THREADS:
                if not self._threads:
                    atexit.register(self.close)
                thread = threading.Thread(target=self._serve, name=f"turns-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._waiting.put(turn_id)

    def close(self, grace: float = 0.0) -> int:
        """Begin no more turns, wait `grace` seconds for those at work, give the rest up; return how many those are."""
        with self._lock:
            self._is_closed = True
        deadline = time.monotonic() + grace
        while (left := self._heart.turns) and time.monotonic() < deadline:
            time.sleep(_LOOK)
        for turn_id in left:
            try:
                self._abandon(turn_id)
            except Exception:  # the database is gone as well: the sweep of another process finds the turn
                logger.warning("Turn %s was cut off and could not be marked", turn_id)
        return len(left)

    def _serve(self) -> None:
        while True:
            turn_id = self._waiting.get()
            with self._lock:
                self._known.discard(turn_id)
                if self._is_closed:
                    continue
            try:
                self._work(turn_id)
            except Exception:  # a thread that died of it would be missing from the pool for good
                logger.exception("Turn %s ended by a fault", turn_id)
            finally:
                connections.close_all()
