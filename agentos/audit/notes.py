"""Reads on their way into the log: kept for half a second, stored together by a thread of the process.

A page that is read would else wait for the end of the chain, which all writers share. The same person reading the same
thing again within five minutes is not noted again, so reloading in a loop writes nothing.
docs/adr/0014-reads-are-noted-together.md weighs it.
"""

import atexit
import logging
import os
import time
from dataclasses import replace
from threading import Event, Lock, Thread
from typing import Final

from django.conf import settings
from django.db import connections
from django.utils import timezone

from agentos.audit.acts import find
from agentos.audit.chain import Draft, UnknownAct, append

logger = logging.getLogger(__name__)

# Seconds: how long reads gather, how long the same read is not noted again, pauses after a fault.
GATHER: Final = 0.5
COALESCE: Final = 300.0
_FIRST_BACKOFF: Final = 1.0
_LONGEST_BACKOFF: Final = 30.0
# More do not wait for a database that is away: then a read is stored by its own request, or fails with it.
MOST_WAITING: Final = 5_000
_MOST_REMEMBERED: Final = 50_000


class Notes:
    """The reads that wait, and the thread that stores them. It starts with the first read and dies with the process."""

    _lock: Lock
    _storing: Lock
    _waiting: list[Draft]
    _seen: dict[int, float]
    _thread: Thread | None
    _stopped: Event

    def __init__(self) -> None:
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    def add(self, draft: Draft) -> None:
        """Have a read stored within a second; at once where there is no thread, or too many wait."""
        if find(draft.act) is None:
            raise UnknownAct(draft.act)
        draft = replace(draft, at=timezone.now())
        key = _key(draft)
        with self._lock:
            if self._is_repeated(key):
                return
            in_time = settings.AGENTOS_AUDIT_READS == "thread" and len(self._waiting) < MOST_WAITING
            if in_time:
                self._waiting.append(draft)
                self._start()
        if not in_time:
            self._store_now(draft, key)

    def flush(self) -> int:
        """Store what waits now; return how many that were. What could not be stored waits on."""
        with self._storing:
            with self._lock:
                batch = list(self._waiting)
            if batch:
                append(batch)
            with self._lock:
                del self._waiting[: len(batch)]
        return len(batch)

    def stop(self) -> None:
        """End the thread and store what waits, for the end of a process."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._stopped.set()
        if thread is not None:
            thread.join(2.0)
        if self._waiting:
            try:
                self.flush()
            except Exception:
                logger.exception("%d reads could not be put on record", len(self._waiting))
            finally:
                connections.close_all()

    def forget(self) -> None:
        """Drop what waits and what is remembered, for tests."""
        with self._lock:
            self._waiting.clear()
            self._seen.clear()

    def _forget(self) -> None:
        """Begin anew; also in a forked process, which has no thread but its first."""
        self._lock, self._storing = Lock(), Lock()
        self._waiting, self._seen, self._thread = [], {}, None
        self._stopped = Event()

    def _is_repeated(self, key: int) -> bool:
        now = time.monotonic()
        if self._seen.get(key, 0.0) > now:
            return True
        if len(self._seen) >= _MOST_REMEMBERED:
            self._seen = {one: until for one, until in self._seen.items() if until > now}
        if len(self._seen) >= _MOST_REMEMBERED:
            self._seen.clear()
        self._seen[key] = now + COALESCE
        return False

    def _store_now(self, draft: Draft, key: int) -> None:
        try:
            append([draft])
        except Exception:
            with self._lock:
                self._seen.pop(key, None)
            raise

    def _start(self) -> None:
        if self._thread is None:
            self._stopped = Event()
            self._thread = Thread(target=self._run, args=(self._stopped,), name="audit-notes", daemon=True)
            self._thread.start()

    def _run(self, stopped: Event) -> None:
        backoff = _FIRST_BACKOFF
        while not stopped.wait(GATHER):
            if self._has_gone():
                return
            try:
                self.flush()
                backoff = _FIRST_BACKOFF
            except Exception:
                logger.exception("Reads could not be put on record; tried again in %d s.", backoff)
                stopped.wait(backoff)
                backoff = min(2 * backoff, _LONGEST_BACKOFF)
            finally:
                connections.close_all()

    def _has_gone(self) -> bool:
        """Whether nothing waits any more: then the thread is let go, and the next read starts another."""
        with self._lock:
            if not self._waiting:
                self._thread = None
            return self._thread is None


def _key(draft: Draft) -> int:
    """Return what is equal for the same read by the same person from the same place."""
    return hash((draft.act, draft.actor_id, draft.actor, draft.on, draft.origin, str(draft.details), draft.shown))


notes: Final = Notes()
atexit.register(notes.stop)
