"""Tells other processes of turns where our own database is PostgreSQL: NOTIFY, and one listening connection a process.

Nothing depends on it. Notifications are lost while a connection is made anew, and SQLite has none, so whoever waits for
something also looks for it now and then.
"""

import logging
import threading
from typing import Final
from uuid import UUID

from django.db import connection

from agentos.turns.wakeups import notify

logger = logging.getLogger(__name__)

CHANNEL: Final = "agentos_turns"
# Seconds: after which an idle listener looks whether it is to stop, and until a lost connection is made anew.
_LOOK: Final = 1.0
_AGAIN: Final = 2.0


def announce(turn_id: UUID) -> None:
    """Tell all processes that there is news of a turn; inside a transaction they hear of it when that is through."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(turn_id)])


class _Listener:
    """The thread that hears of turns for the whole process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._stopped.clear()
                self._thread = threading.Thread(target=self._run, name="turns-listener", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        with self._lock:
            thread, self._thread = self._thread, None
            self._stopped.set()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._listen()
            except Exception as error:  # whatever it is, there is a server to come back to
                logger.warning("News of turns cannot be heard, so they are looked for: %s", error)
                self._stopped.wait(_AGAIN)

    def _listen(self) -> None:
        import psycopg  # who keeps everything in SQLite needs no driver of PostgreSQL

        # A connection of its own: one of the pool would be missing there.
        with psycopg.connect(**connection.get_connection_params(), autocommit=True) as own:
            own.execute(f"LISTEN {CHANNEL}")
            while not self._stopped.is_set():
                for _ in own.notifies(timeout=_LOOK):
                    notify()


_listener: Final = _Listener()


def hear() -> None:
    """Have this process hear of turns that others carry out; done once, at once, and nothing on SQLite."""
    if connection.vendor == "postgresql":
        _listener.start()


def stop_hearing() -> None:
    """Close the listening connection, as before the database is dropped."""
    _listener.stop()
