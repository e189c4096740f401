"""The forms in which a run is asked for: plain, as a stream, from an event loop, in the background."""

import contextvars
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from typing import Any, Final

from agentos.agents import cancelling
from agentos.agents.background import current_loop, run_in_thread, stream_in_thread
from agentos.agents.identity import new_id
from agentos.records import WorkflowRunOutput
from agentos.records.events import RunOutputEvent

__all__ = ["Asking"]

logger: Final = logging.getLogger("agentos")

# Events that only a stream with `stream_events` has: how far the steps are.
_DETAILS: Final = frozenset(
    """StepStarted StepCompleted StepContinued StepExecutorContinued LoopExecutionStarted LoopIterationStarted
    LoopIterationCompleted LoopExecutionCompleted ParallelExecutionStarted ParallelExecutionCompleted
    ConditionExecutionStarted ConditionExecutionCompleted RouterExecutionStarted RouterExecutionCompleted
    StepsExecutionStarted StepsExecutionCompleted""".split()
)

Make = Callable[..., Iterator[Any]]


class Asking:
    """The part of a workflow that turns one generator into all forms of answers."""

    stream: bool | None
    stream_events: bool | None
    _register: Callable[..., WorkflowRunOutput]

    def _answer(self, make: Make, stream: bool | None, events: bool | None, options: dict[str, Any]) -> Any:
        for name in ("background", "background_tasks"):
            options.pop(name, None)
        if self.stream if stream is None else stream:
            return self._chosen(make(loop=None, stream=True, **options), events)
        return last(make(loop=None, stream=False, **options))

    def _answer_async(self, make: Make, stream: bool | None, events: bool | None, options: dict[str, Any]) -> Any:
        for name in ("background", "background_tasks"):
            options.pop(name, None)
        if self.stream if stream is None else stream:
            return self._stream_async(make, events, options)
        return self._run_async(make, options)

    async def _run_async(self, make: Make, options: dict[str, Any]) -> WorkflowRunOutput:
        loop = current_loop()
        run_id = options.setdefault("run_id", new_id())
        return await run_in_thread(
            lambda: last(make(loop=loop, stream=False, **options)), on_cancel=lambda: cancelling.cancel_run(run_id)
        )

    async def _begin_async(self, make: Make, given: Any, options: dict[str, Any]) -> WorkflowRunOutput:
        """Return the run as it is stored before it begins, in a thread of its own."""
        loop, run_id = current_loop(), options.pop("run_id", None) or new_id()
        run = await run_in_thread(lambda: self._register(options, given, run_id))
        begin(lambda: last(make(loop=loop, stream=False, run_id=run_id, **options)))
        return run

    def _stream_async(self, make: Make, events: bool | None, options: dict[str, Any]) -> "Streamed":
        async def items() -> AsyncGenerator[RunOutputEvent, None]:
            loop = current_loop()
            async for item in stream_in_thread(lambda: self._chosen(make(loop=loop, stream=True, **options), events)):
                yield item

        return Streamed(items)

    def _chosen(self, items: Iterator[Any], events: bool | None) -> Iterator[RunOutputEvent]:
        """Yield the events that the caller asked for."""
        everything = self.stream_events if events is None else events
        try:
            for item in items:
                if isinstance(item, RunOutputEvent) and (everything or item.event not in _DETAILS):
                    yield item
        finally:
            items.close()  # type: ignore[attr-defined]  # generators all of them


class Streamed:
    """The events of a run, asynchronously. It may be awaited first: Agno's `acontinue_run` has to be, `arun` not."""

    def __init__(self, items: Callable[[], AsyncGenerator[RunOutputEvent, None]]) -> None:
        self._make = items
        self._items: AsyncGenerator[RunOutputEvent, None] | None = None

    def __aiter__(self) -> "Streamed":
        """Return itself: it can be read once."""
        return self

    async def __anext__(self) -> RunOutputEvent:
        """Return the next event; the first asks for the run."""
        self._items = self._items or self._make()
        return await anext(self._items)

    async def aclose(self) -> None:
        """Read no further: the run is cancelled."""
        if self._items is not None:
            await self._items.aclose()

    def __await__(self) -> Generator[Any, None, "Streamed"]:
        """Wait for nothing."""
        yield from ()
        return self


def begin(work: Callable[[], Any]) -> None:
    """Do something in a thread of its own; whoever wants to know how it went, reads the run."""

    def quietly() -> None:
        try:
            work()
        except Exception:
            logger.exception("A run in the background failed")

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(quietly,), name="agentos-run", daemon=True).start()


def last(items: Iterator[Any]) -> WorkflowRunOutput:
    """Return the run at the end of its events."""
    run: Any = None
    for item in items:
        run = item
    if not isinstance(run, WorkflowRunOutput):
        raise TypeError("A run of a workflow ends with a run.")
    return run
