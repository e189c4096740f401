"""Waiting for coroutines from ordinary code, whatever thread it is in."""

import asyncio
import contextvars
import threading
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterator
from concurrent import futures
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Waiter"]

# Seconds between two looks at whether the loop still runs.
_PATIENCE: Final = 1.0


@dataclass(frozen=True)
class Waiter:
    """Waits on `loop`, where a program's own connections and locks live; without one, on a loop made for the call."""

    loop: AbstractEventLoop | None = None

    def settle(self, result: Any) -> Any:
        """Return what a call comes to in the end: awaited if it can be, joined as text if it comes in pieces.

        Raises:
            RuntimeError: the loop was stopped meanwhile; and whatever the awaited raises.
        """
        if isinstance(result, AsyncIterator):
            return self._wait(_joined(result))
        if isinstance(result, Awaitable):
            return self.settle(self._wait(_awaited(result)))
        if isinstance(result, Iterator):
            return "".join(map(str, result))
        return result

    def _wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        here = _running_loop()
        if self.loop is not None and self.loop.is_running() and self.loop is not here:
            return self._wait_on(self.loop, coroutine)
        return asyncio.run(coroutine) if here is None else _run_aside(coroutine)

    def _wait_on(self, loop: AbstractEventLoop, coroutine: Coroutine[Any, Any, Any]) -> Any:
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        while not futures.wait([future], timeout=_PATIENCE).done:
            if not loop.is_running():
                raise RuntimeError("The event loop was stopped before the tool had ended.")
        return future.result()


def _run_aside(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run it in a thread of its own: this thread's loop is busy with the caller."""
    future: futures.Future[Any] = futures.Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            future.set_result(context.run(asyncio.run, coroutine))
        except BaseException as error:  # raised where the result is waited for
            future.set_exception(error)

    threading.Thread(target=run, name="agentos-tool-loop", daemon=True).start()
    return future.result()


def _running_loop() -> AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def _awaited(result: Awaitable[Any]) -> Any:
    return await result


async def _joined(pieces: AsyncIterator[Any]) -> str:
    return "".join([str(piece) async for piece in pieces])
