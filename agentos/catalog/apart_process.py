"""How one of the processes of `apart.py` begins. Imported before Django is set up, so it imports nothing of ours."""

import multiprocessing
import os
import signal
from threading import Thread
from typing import Any


def begin(ours: dict[str, Any]) -> None:
    """Make this process ready to refresh sessions. `ours`: how its parent reaches our own database."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the command, which then ends this process
    import django

    django.setup()
    from django.db import connections

    connections.databases["default"] = ours
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A process that is killed cannot end its own."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
