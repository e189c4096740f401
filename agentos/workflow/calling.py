"""Calling what programs give a workflow: functions that are synchronous, asynchronous or generators."""

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from typing import Any, Final

from agentos.agents.background import current_loop
from agentos.records import Run, StepOutput
from agentos.records.events import RunOutputEvent
from agentos.workflow.progress import StepProgress
from agentos.workflow.work import RunCancelled, Work

__all__ = ["ask", "call"]

# Seconds between two looks at whether a run that waits for an asynchronous step was cancelled.
_LOOK: Final = 0.1
_END: Final = object()


def ask(function: Callable[..., Any], argument: Any, work: Work, **known: Any) -> Any:
    """Return the answer of a condition, a selector or an end condition, synchronous or not."""
    return _settled(function(argument, **_wanted(function, work, known)), work)


def call(
    function: Callable[..., Any], work: Work, *arguments: Any, **known: Any
) -> Generator[RunOutputEvent, None, Any]:
    """Call a step's function; yield the events it yields, return its result.

    It is given by name what it asks for of `run_context`, `session_state` and `known`. Of a generator the result is the
    last StepOutput or run it yields, else all the texts together, those of an agent's events included.
    """
    result = function(*arguments, **_wanted(function, work, known))
    if inspect.isasyncgen(result):
        result = _steps_of(result, work)
    if isinstance(result, Iterator):
        return (yield from _gathered(result, work))
    return _settled(result, work)


def _wanted(function: Callable[..., Any], work: Work, known: dict[str, Any]) -> dict[str, Any]:
    offered = {
        "run_context": work.context,
        "session_state": work.state,
        "dependencies": work.context.dependencies,
    } | known
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return {}
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return {name: value for name, value in offered.items() if name in known or name in {p.name for p in parameters}}
    return {parameter.name: offered[parameter.name] for parameter in parameters if parameter.name in offered}


def _gathered(items: Iterator[Any], work: Work) -> Generator[RunOutputEvent, None, Any]:
    texts: list[str] = []
    result: Any = None
    for item in items:
        if work.cancelled():
            raise RunCancelled(f"Run {work.context.run_id} was cancelled.", "".join(texts))
        if isinstance(item, RunOutputEvent):
            texts += [item.content] if item.is_content and isinstance(item.content, str) else []
            yield item
        elif isinstance(item, StepProgress):
            yield work.event("StepProgress", content=item.content, data=item.data)
        elif isinstance(item, StepOutput | Run):
            result = item
        elif item is not None:
            texts.append(str(item))
    return "".join(texts) if result is None else result


def _settled(result: Any, work: Work) -> Any:
    return _finished(result, work) if inspect.isawaitable(result) else result


def _steps_of(items: Any, work: Work) -> Iterator[Any]:
    """Read an asynchronous generator from a thread without a loop: one loop for all of it."""
    with _Loop(work) as loop:
        while (item := loop.result(anext(items, _END))) is not _END:
            yield item


def _finished(awaitable: Any, work: Work) -> Any:
    with _Loop(work) as loop:
        return loop.result(awaitable)


class _Loop:
    """The caller's event loop, when it is free to run something, else a loop of its own in a thread of its own."""

    def __init__(self, work: Work) -> None:
        self.work = work
        given = work.loop
        self.own = given is None or not given.is_running() or given is current_loop()
        self.loop = asyncio.new_event_loop() if self.own or given is None else given

    def __enter__(self) -> "_Loop":
        if self.own:
            context = contextvars.copy_context()
            self.thread = threading.Thread(target=context.run, args=(self.loop.run_forever,), daemon=True)
            self.thread.start()
        return self

    def result(self, awaitable: Any) -> Any:
        """Wait for it; give up, and cancel it, when the run is cancelled."""
        future: Future[Any] = asyncio.run_coroutine_threadsafe(_coroutine(awaitable), self.loop)
        while True:
            try:
                return future.result(timeout=_LOOK)
            except NotYet:
                if future.done():
                    raise
                self._give_up_if_cancelled(future)

    def _give_up_if_cancelled(self, future: Future[Any]) -> None:
        try:
            self.work.check()
        except RunCancelled:
            future.cancel()
            raise

    def __exit__(self, *_: object) -> None:
        if self.own:
            asyncio.run_coroutine_threadsafe(self.loop.shutdown_asyncgens(), self.loop).result()
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join()
            self.loop.close()


def _coroutine(awaitable: Any) -> Coroutine[Any, Any, Any]:
    async def wait() -> Any:
        return await awaitable

    return wait()
