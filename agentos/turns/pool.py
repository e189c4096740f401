"""The threads that carry out turns in this process.

They are daemons, unlike those of `ThreadPoolExecutor`: a program that is told to stop does not wait minutes for a
model. A turn that dies this way is found by the sweep.
"""

import logging
import queue
import threading
from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.db import connections

logger = logging.getLogger(__name__)


class Pool:
    """At most `AGENTOS_TURN_THREADS` threads, started when needed, that call `work` with each turn's id."""

    def __init__(self, work: Callable[[UUID], None]) -> None:
        self._work = work
        self._waiting: queue.SimpleQueue[UUID] = queue.SimpleQueue()
        self._known: set[UUID] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()

    def start(self, turn_id: UUID) -> None:
        """Have the turn carried out as soon as a thread is free; one that waits for that already is not added."""
        with self._lock:
            if turn_id in self._known:
                return
            self._known.add(turn_id)
            if len(self._threads) < settings.AGENTOS_TURN_THREADS:
                thread = threading.Thread(target=self._serve, name=f"turns-{len(self._threads)}", daemon=True)
                self._threads.append(thread)
                thread.start()
        self._waiting.put(turn_id)

    def _serve(self) -> None:
        while True:
            turn_id = self._waiting.get()
            with self._lock:
                self._known.discard(turn_id)
            try:
                self._work(turn_id)
            except Exception:  # a thread that died of it would be missing from the pool for good
                logger.exception("Turn %s ended by a fault", turn_id)
            finally:
                connections.close_all()
