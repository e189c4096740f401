"""Derives and stores new sessions in processes of their own, several at once (ADR 0023).

To make the catalog of a large source is work for one core in Python and for another in the database, by turns. Each of
these processes does both for other sessions, so that all cores are at work. SQLite has one writer, so it gains nothing.
"""

import logging
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Final

from django.db import connection

from agentos.catalog.apart_process import begin
from agentos.catalog.models import CatalogSession
from agentos.catalog.storing import Changed, refresh_together
from agentos.db.sources import Source
from agentos.masking.reader import MaskedReader

# Sessions that a process takes at once; fewer are not worth sharing.
CHUNK: Final = 25
_MOST_PROCESSES: Final = 4
_logger = logging.getLogger(__name__)


def processes() -> int:
    """Return how many help unless told otherwise: one for each further core that may be used, at most 4."""
    if connection.vendor == "sqlite":
        return 0
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable - 1, _MOST_PROCESSES)


class Apart:
    """`count` processes that help this one to refresh sessions of a source, from the first work until `close`."""

    def __init__(self, source: Source, count: int) -> None:
        self._source = source
        self._count = count
        self._pool: ProcessPoolExecutor | None = None

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def takes(self, changed: Sequence[Changed]) -> bool:
        """Whether the processes take these sessions: the catalog has none of them, and there are enough to share.

        Never within a transaction: they would see nothing of it.
        """
        if connection.in_atomic_block:
            return False
        return self._count > 0 and len(changed) > CHUNK and all(row is None for _, row in changed)

    def refresh(self, changed: Sequence[Changed]) -> dict[str, CatalogSession]:
        """Do what `refresh_together` does.

        Raises:
            Exception: whatever one of the processes met. What the others have stored stays.
        """
        found: dict[str, CatalogSession] = {}
        chunks = [changed[at : at + CHUNK] for at in range(0, len(changed), CHUNK)]
        try:
            given = [(self._processes().submit(_refreshed, self._source, chunk), chunk) for chunk in chunks]
            for future, chunk in reversed(given):  # what no process has begun, this one does itself
                if future.cancel():
                    found |= _refreshed(self._source, chunk)
            for future, _ in given:
                found |= {} if future.cancelled() else future.result()
        except BrokenProcessPool:  # one was killed, for want of memory perhaps
            _logger.warning("A process that indexed sessions ended; this one goes on alone.")
            self._count = 0
            # One that the executor started at that moment it would neither end nor stop waiting for.
            for process in multiprocessing.active_children():
                process.kill()
            raise
        return found

    def _processes(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # Not forked: this process may have threads, and connections that are its own.
            context = multiprocessing.get_context("spawn")
            ours = connection.settings_dict
            self._pool = ProcessPoolExecutor(self._count, context, initializer=begin, initargs=(ours,))
        return self._pool


def _refreshed(source: Source, changed: Sequence[Changed]) -> dict[str, CatalogSession]:
    return refresh_together(MaskedReader(source), changed)
