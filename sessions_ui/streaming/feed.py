"""What browsers are sent of the turns that are followed in this process: read and rendered once, whoever reads it.

One thread follows all of them, and holds the one connection that this takes. A reader is told when there is something
new, and takes what it has not had. The thread also looks now and then whether each may still read.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db import connections

from agentos.turns.channel import hear
from agentos.turns.models import Turn
from agentos.turns.patience import AWAY
from agentos.turns.runner import sweep_orphans
from agentos.turns.states import ACTIVE
from agentos.turns.wakeups import listening
from sessions_ui.streaming.live import LiveTurn

logger = logging.getLogger(__name__)

# Seconds: between two looks when nothing wakes the thread, at least between two for which it was woken, and between two
# tries while our own database is away.
POLL: Final = 0.25
BREATH: Final = 0.02
AGAIN: Final = 1.0
# Seconds between two looks for turns whose runner has died.
SWEEP: Final = 3.0
# At least so long between two messages while the answer is long: each carries all of it.
_SLOWER: Final = ((200_000, 2.0), (20_000, 0.5))


@dataclass(frozen=True)
class Shown:
    """What a browser shows of a turn that has everything up to event `seq`: the latest message of each kind.

    `state` counts what was shown before; each message stands with the state it is new in. What ends a turn need not be
    an event, so that events would not do for that.
    """

    seq: int = 0
    state: int = 0
    messages: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    is_over: bool = False

    def after(self, state: int) -> list[bytes]:
        """Return the messages that tell what is new since a state, in the order in which they came about."""
        new = [(at, part) for at, part in self.messages.values() if at > state]
        return [part for _, part in sorted(new, key=lambda pair: pair[0])]


def shown_next(live: LiveTurn, shown: Shown | None) -> Shown:
    """Read on, and return what is shown then; the same object where there was nothing new."""
    new = live.catch_up()
    if shown is None:
        shown = Shown(messages={"status": (0, live.status_message())})
    elif not new:
        return shown
    state = shown.state + 1
    messages = shown.messages | {name: (state, part) for name, part in new.items()}
    return Shown(live.seq, state, messages, live.done)


def whole(turn: Turn) -> Shown:
    """Return what is shown of a turn that is over."""
    live, shown = LiveTurn(turn), None
    while shown is None or not shown.is_over:
        shown = shown_next(live, shown)
    return shown


class Reader:
    """One browser's place in a feed: `new` is set whenever `shown` is another.

    `check` raises when the browser's person may not see the turn any more; it is called every so many seconds.
    """

    def __init__(self, check: Callable[[], object], every: float) -> None:
        self._check, self._every, self._checked = check, every, time.monotonic()
        self.shown: Shown | None = None
        self.new = asyncio.Event()
        self.fault: Exception | None = None
        self._loop = asyncio.get_running_loop()

    def check_if_due(self) -> None:
        """Look again whether there may be a reader."""
        if time.monotonic() - self._checked < self._every:
            return
        self._checked = time.monotonic()
        try:
            self._check()
        except AWAY:
            self._checked = 0.0
            raise
        except Exception as error:
            self.tell(None, error)

    def tell(self, shown: Shown | None, fault: Exception | None = None) -> None:
        """Hand over what is shown now, or why there will be no more; from any thread."""
        self.shown, self.fault = shown, self.fault or fault
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.new.set)


class _Feed:
    """One turn, as far as it was read, and its readers."""

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self.readers: list[Reader] = []
        self.live: LiveTurn | None = None
        self.shown: Shown | None = None
        self._not_before = 0.0

    def is_behind(self, last_seq: int, status: str) -> bool:
        """Whether there is something to read, as far as the turn's row says."""
        if self.live is None or self.shown is None:
            return True
        return not self.shown.is_over and (last_seq > self.live.seq or status not in ACTIVE)

    def read(self, turn_id: UUID) -> None:
        """Read what is new, and tell the readers."""
        if self.live is None:
            self.live = LiveTurn(Turn.objects.get(pk=turn_id))
        if time.monotonic() < self._not_before:
            return
        shown = shown_next(self.live, self.shown)
        slower = next((seconds for size, seconds in _SLOWER if len(self.live.text) > size), 0.0)
        self._not_before = time.monotonic() + slower
        if shown is not self.shown:
            self.tell(shown)

    def tell(self, shown: Shown | None, fault: Exception | None = None) -> None:
        """Hand this to all readers."""
        with self._lock:
            self.shown = shown
            for reader in self.readers:
                reader.tell(shown, fault)


class Feeder:
    """The thread, alive while anybody reads."""

    def __init__(self) -> None:
        self._feeds: dict[UUID, _Feed] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._woken = threading.Event()

    @contextmanager
    def reading(self, turn_id: UUID, check: Callable[[], object], every: float) -> Iterator[Reader]:
        """Give a reader of the turn for the running event loop, which is told of all that is there and comes."""
        reader = Reader(check, every)
        with self._lock:
            feed = self._feeds.setdefault(turn_id, _Feed(self._lock))
            feed.readers.append(reader)
            if feed.shown is not None:
                reader.tell(feed.shown)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="turns-feed", daemon=True)
                self._thread.start()
        self._woken.set()
        try:
            yield reader
        finally:
            with self._lock:
                feed.readers.remove(reader)
                if not feed.readers and self._feeds.get(turn_id) is feed:
                    del self._feeds[turn_id]
            self._woken.set()

    def _run(self) -> None:
        swept, woken = 0.0, False
        try:
            with listening(self._woken):
                while True:
                    with self._lock:
                        feeds = dict(self._feeds)
                        if not feeds:
                            self._thread = None
                            return
                    swept = self._kept_up(feeds, swept)
                    if woken:  # more may come together with what woke it
                        time.sleep(BREATH)
                    woken = self._woken.wait(POLL)
                    self._woken.clear()
        finally:
            connections.close_all()

    def _kept_up(self, feeds: dict[UUID, _Feed], swept: float) -> float:
        """Look once; return when it was last looked for turns whose runner has died."""
        try:
            if time.monotonic() - swept >= SWEEP:
                hear()
                sweep_orphans()
                swept = time.monotonic()
            self._look(feeds)
        except AWAY as error:
            logger.warning("Streams wait for our own database: %s", error)
            connections.close_all()
            time.sleep(AGAIN)
        except Exception:  # nobody else would read on
            logger.exception("The streams of this process could not be kept up")
            connections.close_all()
            time.sleep(AGAIN)
        return swept

    def _look(self, feeds: dict[UUID, _Feed]) -> None:
        """Read on in all feeds that are behind what their turns' rows say."""
        for feed in feeds.values():
            for reader in list(feed.readers):
                reader.check_if_due()
        rows = Turn.objects.filter(pk__in=feeds).values_list("pk", "last_seq", "status")
        for turn_id, last_seq, status in rows:
            feed = feeds[turn_id]
            if not feed.is_behind(last_seq, status):
                continue
            try:
                feed.read(turn_id)
            except AWAY:
                raise
            except Exception as error:  # of this turn alone: its readers are told, the others read on
                logger.exception("The stream of turn %s failed", turn_id)
                with self._lock:
                    if self._feeds.get(turn_id) is feed:
                        del self._feeds[turn_id]
                feed.tell(None, error)


feeder: Final = Feeder()
