"""The database layer outside of this project: in a plain script, inside an event loop, in somebody else's Django."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock, current_thread
from typing import Final, TypeVar

_Result = TypeVar("_Result")

# Database calls that wait at once on behalf of event loops.
_THREADS: Final = 8
_NAME: Final = "agentos-db"
_lock: Final = Lock()
_threads: list[ThreadPoolExecutor] = []


def ensure_django() -> None:
    """Make Django usable: as its project has set it up, or, where there is none, with nothing but its defaults."""
    from django.apps import apps

    if apps.ready:
        return
    with _lock:
        import django
        from django.conf import settings

        if not settings.configured and "DJANGO_SETTINGS_MODULE" not in os.environ:
            # No logging: that is the script's own business.
            settings.configure(USE_TZ=True, LOGGING_CONFIG=None)
        django.setup()


def away_from_loop(work: Callable[[], _Result]) -> _Result:
    """Do `work` and return its result: in this thread, or in another if an event loop runs in this one.

    Django refuses to touch a database where a loop runs. The caller waits either way.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    return _executor().submit(work).result()


os.register_at_fork(after_in_child=_threads.clear)  # a forked process has none of its parent's threads


def is_helping() -> bool:
    """Whether this thread does work for an event loop, as others do, and may never be asked again."""
    return current_thread().name.startswith(_NAME)


def _executor() -> ThreadPoolExecutor:
    with _lock:
        if not _threads:
            _threads.append(ThreadPoolExecutor(_THREADS, thread_name_prefix=_NAME))
        return _threads[0]
