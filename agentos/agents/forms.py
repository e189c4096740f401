"""The forms in which a run is asked for: plain or as a stream, from a thread or from an event loop.

Agents, teams and workflows each have one generator that carries a run out; all that a caller can ask for is made of it.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from typing import Any

from agentos.agents import cancelling
from agentos.agents.background import current_loop, run_in_thread, stream_in_thread
from agentos.agents.identity import new_id
from agentos.records import Run
from agentos.records.events import RunOutputEvent

Item = RunOutputEvent | Run
# Called with `loop`, `stream` and a run's options; yields the run's events and then the run.
Make = Callable[..., Generator[Any, None, None]]


class Forms(ABC):
    """What a component offers around its generator."""

    stream: bool | None
    stream_events: bool | None

    @abstractmethod
    def is_plain_event(self, event: str | None) -> bool:
        """Whether a stream has this event also without `stream_events`."""

    def _answer(self, make: Make, stream: bool | None, events: bool | None, options: dict[str, Any]) -> Any:
        """Return the run, or an iterator of its events; with `yield_run_output` the run is their last."""
        with_run = bool(options.pop("yield_run_output", False))
        if self.stream if stream is None else stream:
            return self._chosen(make(loop=None, stream=True, **options), events, with_run)
        return last(make(loop=None, stream=False, **options))

    def _answer_async(self, make: Make, stream: bool | None, events: bool | None, options: dict[str, Any]) -> Any:
        """Return the same for an event loop: to be awaited, or to be read asynchronously."""
        with_run = bool(options.pop("yield_run_output", False))
        if self.stream if stream is None else stream:
            return Streamed(lambda: self._stream_async(make, events, with_run, options))
        return self._run_async(make, options)

    async def _run_async(self, make: Make, options: dict[str, Any]) -> Any:
        loop = current_loop()
        run_id = options.setdefault("run_id", new_id())
        return await run_in_thread(
            lambda: last(make(loop=loop, stream=False, **options)), on_cancel=lambda: cancelling.cancel_run(run_id)
        )

    async def _stream_async(
        self, make: Make, events: bool | None, with_run: bool, options: dict[str, Any]
    ) -> AsyncGenerator[Item, None]:
        loop = current_loop()
        async for item in stream_in_thread(
            lambda: self._chosen(make(loop=loop, stream=True, **options), events, with_run)
        ):
            yield item

    def _chosen(
        self, items: Generator[Any, None, None], events: bool | None, with_run: bool
    ) -> Generator[Item, None, None]:
        """Yield what the caller asked for."""
        everything = self.stream_events if events is None else events
        try:
            for item in items:
                is_event = isinstance(item, RunOutputEvent)
                if (everything or self.is_plain_event(item.event)) if is_event else with_run:
                    yield item
        finally:
            items.close()


class Streamed:
    """The events of a run, asynchronously. It may be awaited first: Agno's `acontinue_run` has to be, `arun` not."""

    def __init__(self, items: Callable[[], AsyncGenerator[Item, None]]) -> None:
        self._make = items
        self._items: AsyncGenerator[Item, None] | None = None

    def __aiter__(self) -> "Streamed":
        """Return itself: it can be read once."""
        return self

    async def __anext__(self) -> Item:
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


def last(items: Iterator[Any]) -> Any:
    """Return the run at the end of its events."""
    run: Any = None
    for item in items:
        run = item
    if not isinstance(run, Run):
        raise TypeError("A run ends with a run.")
    return run
