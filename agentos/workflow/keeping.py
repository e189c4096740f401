"""Doing a run and storing what came of it, however it went; going on with one that was paused."""

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, Final

from agentos.agents import cancelling
from agentos.agents.component import OpenSession
from agentos.records import Run, WorkflowRunOutput
from agentos.records.events import RunOutputEvent
from agentos.records.moment import elapsed
from agentos.workflow import outcome
from agentos.workflow.calling import call
from agentos.workflow.engine import Engine
from agentos.workflow.plain import jsonable, kind_of
from agentos.workflow.task import Task
from agentos.workflow.types import WorkflowExecutionInput
from agentos.workflow.work import RunCancelled

if TYPE_CHECKING:
    from agentos.db.base import BaseDb
    from agentos.workflow.node import Node

__all__ = ["Keeping"]

Items = Generator[RunOutputEvent | Run, None, None]
_MEDIA: Final = ("images", "videos", "audio", "files")
_ENDS: Final = {"COMPLETED": "WorkflowCompleted", "PAUSED": "WorkflowPaused", "CANCELLED": "WorkflowCancelled"}


class Keeping:
    """The part of a workflow that does and keeps runs."""

    db: "BaseDb | None"
    function: Any
    store_events: bool
    store_media: bool
    store_executor_outputs: bool
    events_to_skip: Sequence[str] | None
    nodes: "Callable[[], list[Node]]"
    _open: Callable[..., OpenSession]
    _save: Callable[..., None]

    def _kept(self, opened: OpenSession, task: Task) -> Items:
        """Do the run and store it; yield its events, the last after it is stored, then the run.

        A caller that goes away in the middle cancels the run, which is stored all the same.
        """
        events: list[dict[str, Any]] = []
        done = self._done(task)
        try:
            for event in done:
                self._keep_event(task, events, event)
                if event.event not in _LAST:
                    yield event
                    continue
                self._store(opened, task, events)
                yield event
        except (GeneratorExit, KeyboardInterrupt):
            done.close()
            if task.run.status == "RUNNING":
                outcome.cancelled(task.run, f"Run {task.run.run_id} was cancelled.")
                self._store(opened, task, events)
            raise
        finally:
            cancelling.forget(task.run.run_id or "")
        yield task.run

    def _done(self, task: Task) -> Generator[RunOutputEvent, None, None]:
        """Do the run, whose record then says how it ended; yield its events, the last of which says so too.

        Raises:
            Exception: what made the run an ERROR.
        """
        yield task.work.event("WorkflowStarted")
        failure: Exception | None = None
        try:
            yield from self._function(task) if self.function is not None else self._steps(task)
        except Exception as error:
            failure = error
        model = kind_of(task.run.content)
        if hasattr(task.run.content, "model_dump"):
            task.run.content_type = model
        yield self._last_event(task, failure)
        if failure is not None:
            raise failure

    def _steps(self, task: Task) -> Generator[RunOutputEvent, None, None]:
        engine = Engine(self.nodes(), task.run, task.work, task.results, keep_runs=self.store_executor_outputs)
        if task.ends:
            engine.end(task.ends)
            return
        yield from engine.perform(task.step_input, task.start)

    def _function(self, task: Task) -> Generator[RunOutputEvent, None, None]:
        """Do a workflow that is one function; its run has no steps."""
        given, began = task.step_input, elapsed()
        media = {kind: getattr(given, kind) for kind in _MEDIA}
        execution = WorkflowExecutionInput(input=given.input, additional_data=given.additional_data, **media)
        try:
            result = yield from call(self.function, task.work, self, execution, **task.extra)
            outcome.complete(task.run, [])
            task.run.content = result.content if hasattr(result, "content") else result
        except RunCancelled as reason:
            outcome.cancelled(task.run, str(reason))
        except Exception as error:
            outcome.fail(task.run, error)
            raise
        finally:
            seconds = elapsed() - began
            outcome.note(task.run, [], task.work, keep_runs=self.store_executor_outputs, seconds=seconds)

    def _last_event(self, task: Task, failure: Exception | None) -> RunOutputEvent:
        run, raw = task.run, task.run.raw
        if failure is not None:
            return task.work.event("WorkflowError", error=run.content, error_type=type(failure).__name__)
        if run.status == "CANCELLED":
            return task.work.event("WorkflowCancelled", reason=run.content)
        keys = ["content", "content_type", "step_results", "step_executor_runs", "metadata"]
        if run.status == "PAUSED":
            keys += ["status", "step_requirements", "error_requirements"]
            keys += ["paused_step_index", "paused_step_name", "pause_kind"]
        else:
            keys.append("metrics")
        return task.work.event(_ENDS[str(run.status)], **{key: raw.get(key) for key in keys})

    def _keep_event(self, task: Task, events: list[dict[str, Any]], event: RunOutputEvent) -> None:
        """Keep an event with the run: only of streamed runs, pieces of answers included (format §5.8)."""
        skipped = {str(name) for name in self.events_to_skip or ()}
        if self.store_events and task.work.stream and event.event not in skipped:
            events.append(jsonable(event.to_dict()))

    def _store(self, opened: OpenSession, task: Task, events: list[dict[str, Any]]) -> None:
        """Store the run as JSON; the caller's own keeps the Python objects its steps gave."""
        if events:
            task.run.raw["events"] = [*task.run.events, *events]
        stored = jsonable(task.run.raw)
        if not self.store_media:
            without_media(stored)
        self._save(opened, [WorkflowRunOutput.from_dict(stored)])


_LAST: Final = frozenset({*_ENDS.values(), "WorkflowError"})


def without_media(stored: dict[str, Any]) -> None:
    """Take the media out of a run's outputs, on all levels."""
    waiting = [stored]
    while waiting:
        value = waiting.pop()
        for kind in _MEDIA:
            if value.get(kind):
                value[kind] = [] if value is stored else None
        waiting += [*(value.get("step_results") or []), *(value.get("steps") or [])]
