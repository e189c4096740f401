"""Goes on where our own database, or a source, is away for a while: a server that restarts must cost no answer."""

import logging
import time
from collections.abc import Callable
from typing import Final, TypeVar

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)
T = TypeVar("T")

# What says that the database is away or busy, rather than that it refuses.
AWAY: Final = (OperationalError, InterfaceError)
# Seconds for which our own database is waited for, as long as a server takes to be replaced.
PATIENCE: Final = 300.0
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 4.0


def patiently(work: Callable[[], T], *, seconds: float = PATIENCE) -> T:
    """Return what `work` returns; while our own database is away, try again until so many seconds have gone by.

    A transaction may be through although its server could not say so: `work` must be harmless when it is done twice.

    Raises:
        OperationalError, InterfaceError: it did not come back.
    """
    return retried(work, AWAY, seconds, let_go)


def retried(
    work: Callable[[], T], faults: tuple[type[Exception], ...], seconds: float, before: Callable[[], object]
) -> T:
    """Return what `work` returns; after one of `faults` call `before` and try again, for so many seconds."""
    began, pause = time.monotonic(), _FIRST_PAUSE
    while True:
        try:
            return work()
        except faults as error:
            if connection.in_atomic_block or time.monotonic() - began >= seconds:
                raise
            if pause == _FIRST_PAUSE:
                logger.warning("Waiting for a database to come back: %s", error)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)
        before()


def let_go() -> None:
    """Close this thread's connection to our own database: the next use opens another one."""
    if not connection.in_atomic_block:
        connection.close()


def give_back() -> None:
    """Give this thread's connection to our own database back to the pool, if it is of one: others wait for it."""
    if connection.settings_dict["OPTIONS"].get("pool"):
        let_go()
