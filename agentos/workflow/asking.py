"""Runs of workflows in the background, and which events their streams have."""

import contextvars
import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from agentos.agents.background import current_loop, run_in_thread
from agentos.agents.forms import Forms, Make, last
from agentos.agents.identity import new_id
from agentos.records import WorkflowRunOutput

__all__ = ["Asking"]

logger: Final = logging.getLogger("agentos")

# Events that only a stream with `stream_events` has: how far the steps are.
_DETAILS: Final = frozenset(
    """StepStarted StepCompleted StepContinued StepExecutorContinued LoopExecutionStarted LoopIterationStarted
    LoopIterationCompleted LoopExecutionCompleted ParallelExecutionStarted ParallelExecutionCompleted
    ConditionExecutionStarted ConditionExecutionCompleted RouterExecutionStarted RouterExecutionCompleted
    StepsExecutionStarted StepsExecutionCompleted""".split()
)


class Asking(Forms):
    """The part of a workflow that begins runs in the background; the other forms are those of agents and teams."""

    _register: Callable[..., WorkflowRunOutput]

    def is_plain_event(self, event: str | None) -> bool:
        """Whether a stream has this event also without `stream_events`."""
        return event not in _DETAILS

    async def _begin_async(self, make: Make, given: Any, options: dict[str, Any]) -> WorkflowRunOutput:
        """Return the run as it is stored before it begins, in a thread of its own."""
        loop, run_id = current_loop(), options.pop("run_id", None) or new_id()
        run = await run_in_thread(lambda: self._register(options, given, run_id))
        begin(lambda: last(make(loop=loop, stream=False, run_id=run_id, **options)))
        return run


def begin(work: Callable[[], Any]) -> None:
    """Do something in a thread of its own; whoever wants to know how it went, reads the run."""

    def quietly() -> None:
        try:
            work()
        except Exception:
            logger.exception("A run in the background failed")

    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(quietly,), name="agentos-run", daemon=True).start()
