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

from agentos.turns.models import Turn
from agentos.turns.patience import AWAY
from sessions_ui.permissions import get_turn_or_404, user_as_now
from sessions_ui.streaming import sse
from sessions_ui.streaming.feed import AGAIN, feeder, whole

logger = logging.getLogger(__name__)
T = TypeVar("T")

# Seconds: between comments that keep proxies from closing, and between two looks at the reader's rights.
KEEP_ALIVE: Final = 15.0
CHECK: Final = 3.0
# Seconds until a stream that failed says so: the page then opens the next one.
AFTER_FAULT: Final = 2.0


async def turn_stream(request: HttpRequest, turn: Turn, after: int) -> AsyncIterator[bytes]:
    """Yield the turn's messages from event `after` on until it is over, or the reader may not see it any more.

    Whoever calls has just looked whether the reader may see it.

    An open stream reads nothing itself and holds no connection: `feed.py` reads, for all streams at once. What was over
    when it was asked for needs no follower, and is read at once. While our own database is away nothing is sent, and
    the stream stays open.
    """
    turn_id = turn.pk
    seen = -1 if after else 0  # one that comes again gets all there is: what it shows may be older than it says
    try:
        if not turn.is_active:
            for part in (await _patiently(lambda: whole(turn))).after(seen):
                yield part
            return
        with feeder.reading(turn_id, lambda: _check(request, turn_id), CHECK) as reader:
            sent = time.monotonic()
            while True:
                reader.new.clear()
                if reader.fault is not None:
                    raise reader.fault
                if shown := reader.shown:
                    for part in shown.after(seen):
                        yield part
                        sent = time.monotonic()
                    seen, after = shown.state, max(after, shown.seq)
                    if shown.is_over:
                        return
                if time.monotonic() - sent >= KEEP_ALIVE:
                    yield sse.KEEP_ALIVE
                    sent = time.monotonic()
                await _pause(reader.new)
    except (Http404, PermissionDenied):
        yield sse.message("done", "gone", after)
    except Exception:  # an exception that leaves the body of a stream would leak the request's connection
        logger.exception("The stream of turn %s failed", turn_id)
        yield sse.message("problem", "The stream broke off. Reload the page.", after)
        await asyncio.sleep(AFTER_FAULT)
        yield sse.message("done", "error", after)


async def _patiently(work: Callable[[], T]) -> T:
    """Return what `work` returns, in the request's thread; wait for our own database for as long as anybody reads."""
    while True:
        try:
            return await in_thread(work)
        except AWAY as error:
            logger.warning("A stream waits for our own database: %s", error)
        await asyncio.sleep(AGAIN)


async def _pause(new: asyncio.Event) -> None:
    """Wait until there may be something new, or a sign of life is due."""
    try:
        async with asyncio.timeout(KEEP_ALIVE):
            await new.wait()
    except TimeoutError:
        return


def _check(request: HttpRequest, turn_id: UUID) -> None:
    """Look again whether the reader may see the turn, as the tables have it now."""
    request.user = user_as_now(request)
    get_turn_or_404(request, turn_id)


async def in_thread(work: Callable[[], T]) -> T:
    """Run `work` in the request's thread, which then gives its database connection back."""

    def and_close() -> T:
        try:
            return work()
        finally:
            if not connection.in_atomic_block:  # as a test's one connection always is
                connection.close()

    return await sync_to_async(and_close)()
