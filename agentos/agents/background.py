"""The asynchronous forms of what is synchronous here: the same code, in a thread of its own.

There is one engine, not two. Asynchronous tools run on the caller's event loop meanwhile, which is free to run them.
"""

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# Items that may wait for a slow reader before the thread is held up.
_WAITING: Final = 256
_END: Final = object()


async def run_in_thread(function: Callable[[], T], *, on_cancel: Callable[[], Any] | None = None) -> T:
    """Return what `function` returns, called in a thread of its own with this task's context variables.

    When the task is cancelled, `on_cancel` is called, and the function is left to come to its end by itself.

    Raises:
        Whatever the function raises.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if not future.done():
            future.set_exception(error) if error else future.set_result(result)

    def work() -> None:
        try:
            result, error = function(), None
        except BaseException as raised:
            result, error = None, raised
        _tell(loop, settle, result, error)

    _start(work)
    try:
        return await future
    except asyncio.CancelledError:
        if on_cancel:
            on_cancel()
        raise


async def stream_in_thread(make: Callable[[], Iterator[T]]) -> AsyncIterator[T]:
    """Yield the items of the iterator that `make` returns, which is made and read in a thread of its own.

    Closing this iterator closes that one. Raises whatever it raises.
    """
    loop = asyncio.get_running_loop()
    items: asyncio.Queue[Any] = asyncio.Queue()
    room = threading.Semaphore(_WAITING)
    left = threading.Event()

    def work() -> None:
        iterator = None
        try:
            iterator = make()
            for item in iterator:
                while not room.acquire(timeout=0.5):
                    if left.is_set():
                        return
                if left.is_set():
                    return
                _tell(loop, items.put_nowait, (item, None))
            _tell(loop, items.put_nowait, (_END, None))
        except BaseException as error:
            _tell(loop, items.put_nowait, (_END, error))
        finally:
            if iterator is not None and hasattr(iterator, "close"):
                iterator.close()

    _start(work)
    try:
        while True:
            item, error = await items.get()
            if error:
                raise error
            if item is _END:
                return
            room.release()
            yield item
    finally:
        left.set()
        room.release()


def twin(method: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Return the asynchronous form of a method: the same, in a thread."""

    @wraps(method)
    async def asynchronous(*args: P.args, **kwargs: P.kwargs) -> T:
        return await run_in_thread(lambda: method(*args, **kwargs))

    return asynchronous


def current_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop that runs in this thread."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _start(work: Callable[[], None]) -> None:
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work,), name="agentos-run", daemon=True).start()


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[..., Any], *args: Any) -> None:
    """Call back on the loop, unless it was closed: then nobody waits any more."""
    try:
        loop.call_soon_threadsafe(callback, *args)
    except RuntimeError:
        if not loop.is_closed():
            raise
