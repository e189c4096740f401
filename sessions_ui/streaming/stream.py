"""The stream of one turn to one browser. It only reads: closing it stops nothing, opening it again loses nothing."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Final, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404, HttpRequest

from agentos.turns.channel import hear
from agentos.turns.patience import AWAY
from agentos.turns.runner import sweep_orphans
from agentos.turns.wakeups import listening
from sessions_ui.permissions import get_turn_or_404, user_as_now
from sessions_ui.streaming import sse
from sessions_ui.streaming.live import LiveTurn

logger = logging.getLogger(__name__)
T = TypeVar("T")

# Seconds: between two looks at the log when nothing wakes us, between comments that keep proxies from closing, and
# between two looks at the reader's rights.
POLL: Final = 0.25
KEEP_ALIVE: Final = 15.0
CHECK: Final = 3.0
# Seconds between two tries while our own database is away.
AGAIN: Final = 1.0
# Seconds until a stream that failed says so: the page then opens the next one.
AFTER_FAULT: Final = 2.0
# At least so long between two messages while the answer is long: each carries all of it.
_SLOWER: Final = ((200_000, 2.0), (20_000, 0.5))


async def turn_stream(request: HttpRequest, turn_id: UUID, after: int) -> AsyncIterator[bytes]:
    """Yield the turn's messages from event `after` on until it is over, or the reader may not see it any more.

    Every database access is in a worker thread that gives its connection back: an open stream holds none. While our
    own database is away nothing is sent, and the stream stays open.
    """
    seen = after
    try:
        with listening(turn_id) as woken:
            live = await _patiently(lambda: _open(request, turn_id, after))
            for part in live.all() if after or live.text else []:
                yield part
            checked = sent = time.monotonic()
            while True:
                woken.clear()
                if time.monotonic() - checked >= CHECK:
                    await _patiently(lambda: _check(request, turn_id))
                    checked = time.monotonic()
                for part in await _patiently(live.catch_up):
                    yield part
                    sent = time.monotonic()
                seen = live.seq
                if live.done:
                    return
                if time.monotonic() - sent >= KEEP_ALIVE:
                    yield sse.KEEP_ALIVE
                    sent = time.monotonic()
                await _pause(woken, live)
    except (Http404, PermissionDenied):
        yield sse.message("done", "gone", seen)
    except Exception:  # an exception that leaves the body of a stream would leak the request's connection
        logger.exception("The stream of turn %s failed", turn_id)
        yield sse.message("problem", "The stream broke off. Reload the page.", seen)
        await asyncio.sleep(AFTER_FAULT)
        yield sse.message("done", "error", seen)


async def _patiently(work: Callable[[], T]) -> T:
    """Return what `work` returns, in the request's thread; wait for our own database for as long as anybody reads."""
    while True:
        try:
            return await in_thread(work)
        except AWAY as error:
            logger.warning("A stream waits for our own database: %s", error)
        await asyncio.sleep(AGAIN)


async def _pause(woken: asyncio.Event, live: LiveTurn) -> None:
    """Wait until there may be something new."""
    slower = next((seconds for size, seconds in _SLOWER if len(live.text) > size), 0.0)
    if slower:
        await asyncio.sleep(slower)
        return
    try:
        async with asyncio.timeout(POLL):
            await woken.wait()
    except TimeoutError:
        return


def _open(request: HttpRequest, turn_id: UUID, after: int) -> LiveTurn:
    hear()
    sweep_orphans()
    turn = get_turn_or_404(request, turn_id)
    return LiveTurn.at(turn, min(after, turn.last_seq))


def _check(request: HttpRequest, turn_id: UUID) -> None:
    """Look again whether the reader may see the turn, as the tables have it now; mark turns that died meanwhile."""
    request.user = user_as_now(request)
    get_turn_or_404(request, turn_id)
    sweep_orphans()


async def in_thread(work: Callable[[], T]) -> T:
    """Run `work` in the request's thread, which then gives its database connection back."""

    def and_close() -> T:
        try:
            return work()
        finally:
            if not connection.in_atomic_block:  # as a test's one connection always is
                connection.close()

    return await sync_to_async(and_close)()
