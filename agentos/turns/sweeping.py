"""The thread of a web process that looks for turns whose runner has died, and for such that wait behind nobody.

It has lost runs looked for as well, as long as some are kept.

Whoever reads turns looks as well; this makes sure that it is done in time when nobody reads any.
"""

import logging
import os
import threading
from typing import Final

from django.db import connections

from agentos.turns.runner import sweep_orphans
from agentos.turns.watch import watch

logger = logging.getLogger(__name__)

# Seconds between two looks, each one short statement: with what `log.STALE` says, less than 15.
EVERY: Final = 4.0

_lock: Final = threading.Lock()
_swept_in = 0


def keep_swept() -> None:
    """Have this process look for such turns from now on, until it ends."""
    global _swept_in
    with _lock:
        if _swept_in != os.getpid():  # a forked process has no thread but its first
            _swept_in = os.getpid()
            threading.Thread(target=_sweep, name="turns-sweep", daemon=True).start()
            watch.start()


def _sweep() -> None:
    pause = threading.Event()
    while not pause.wait(EVERY):
        try:
            sweep_orphans()
        except Exception as error:  # our own database comes back, and there is nobody else to look
            logger.warning("Turns could not be looked for: %s", error)
        finally:
            connections.close_all()
