"""A thread that looks for lost runs while any are kept, in whatever process carries turns out."""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Final

from django.conf import settings
from django.db import connections

from agentos.db.connections import close_connections
from agentos.db.source import Source
from agentos.records import Run
from agentos.turns.kept import drop_old, keep
from agentos.turns.lost import look_at, look_due
from agentos.turns.models import KeptSession, Turn

logger = logging.getLogger(__name__)

# Seconds between two looks whether one is due, and between two looks for what was kept for long enough.
_TICK: Final = 1.0
_DROP: Final = 600.0
_AFTER_FAULT: Final = 5.0


class Watch:
    """One thread, alive while there is something to look for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._dropped_at = -_DROP

    def start(self) -> None:
        """Have it look; where AGENTOS_FOLLOW leaves looks to requests, they do."""
        if settings.AGENTOS_FOLLOW != "thread":
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="turns-watch", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        try:
            while self._look():
                time.sleep(_TICK)
        finally:
            close_connections()
            connections.close_all()

    def _look(self) -> bool:
        """Look once; return whether to go on."""
        try:
            look_due()
            if time.monotonic() - self._dropped_at >= _DROP:
                self._dropped_at = time.monotonic()
                drop_old()
            with self._lock:
                if KeptSession.objects.filter(next_look_at__isnull=False).exists():
                    return True
                self._thread = None
                return False
        except Exception as error:  # our own database is away, or a source is odd: the next look may go well
            logger.warning("Lost runs could not be looked for: %s", error)
            connections.close_all()
            time.sleep(_AFTER_FAULT)
            return True


watch: Final = Watch()


def guard(source: Source, turn: Turn, run_id: str, saved: Mapping[str, Run]) -> None:
    """Keep what a turn has stored, and put it back whenever it is overwritten; a fault there undoes nothing.

    `saved`: as `kept.keep` takes them.
    """
    try:
        if keep(source, turn, run_id, saved) is not None:
            look_at(turn.source, turn.session_id)
            watch.start()
    except Exception:
        logger.exception("The run %s could not be kept", run_id)


def put_back_first(turn: Turn) -> None:
    """Put back what was overwritten in a turn's session; a fault there is met again, and told, by what comes next."""
    try:
        look_at(turn.source, turn.session_id)
    except Exception:
        logger.exception("Lost runs of the session %r could not be looked for", turn.session_id)
