"""Which runs are to stop. A wish may come before its run begins, from any thread."""

import time
from threading import Lock
from typing import Final

# Seconds for which a wish is remembered: longer than any run should take.
_REMEMBERED: Final = 3600.0
_wishes: Final[dict[str, float]] = {}
_lock: Final = Lock()


def cancel_run(run_id: str) -> bool:
    """Ask the run of this id to stop, here or as soon as it begins. Returns True: the wish is noted."""
    now = time.monotonic()
    with _lock:
        for old in [known for known, at in _wishes.items() if now - at > _REMEMBERED]:
            del _wishes[old]
        _wishes[run_id] = now
    return True


def is_cancelled(run_id: str) -> bool:
    """Whether somebody asked it to stop."""
    return run_id in _wishes


def forget(run_id: str) -> None:
    """The run has ended."""
    with _lock:
        _wishes.pop(run_id, None)
