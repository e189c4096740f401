"""Says for all turns of this process that their runner is alive, and hears of wishes to stop them.

A tool may work for minutes without a word, so this cannot be left to what arrives from the model.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connections

from agentos.turns.log import beat_all
from agentos.turns.patience import let_go

logger = logging.getLogger(__name__)

# Seconds between two beats.
BEAT: Final = 2.0


@dataclass
class Beating:
    """A turn that is kept alive. `cancel` asks its run to stop, once it is known who answers and how that is done."""

    cancel: Callable[[], object] = lambda: None


class Heart:
    """One thread, alive while there is a turn to beat for."""

    def __init__(self, seconds: float = BEAT) -> None:
        self._seconds = seconds
        self._turns: dict[UUID, Beating] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._idle = threading.Event()

    @property
    def turns(self) -> set[UUID]:
        """The turns that are being carried out in this process."""
        with self._lock:
            return set(self._turns)

    def __len__(self) -> int:
        """How many turns are being carried out in this process."""
        return len(self._turns)

    @contextmanager
    def beating(self, turn_id: UUID) -> Iterator[Beating]:
        """Beat for a turn as long as the block lasts."""
        beating = Beating()
        with self._lock:
            self._turns[turn_id] = beating
            self._idle.clear()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="turns-heart", daemon=True)
                self._thread.start()
        try:
            yield beating
        finally:
            with self._lock:
                self._turns.pop(turn_id, None)
                if not self._turns:
                    self._idle.set()

    def _run(self) -> None:
        try:
            while True:
                self._idle.wait(self._seconds)
                with self._lock:
                    turns = dict(self._turns)
                    if not turns:
                        self._thread = None
                        return
                self._beat(turns)
        finally:
            connections.close_all()

    def _beat(self, turns: dict[UUID, Beating]) -> None:
        try:
            for turn_id in beat_all(list(turns)):
                turns[turn_id].cancel()
        except Exception:  # the database is away: turns that it takes for dead are told so when they next write
            logger.exception("The turns of this process could not be kept alive")
            let_go()
