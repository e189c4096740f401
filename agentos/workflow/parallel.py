"""Steps done at the same time."""

import contextvars
from collections.abc import Generator, Sequence
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final

from agentos.records import StepOutput
from agentos.records.events import RunOutputEvent
from agentos.records.moment import one_by_one
from agentos.workflow.container import Container
from agentos.workflow.node import guarded, started
from agentos.workflow.plain import text_of
from agentos.workflow.types import HumanReview, StepInput, StepType
from agentos.workflow.work import Paused, StepFailed, Stream, Work

__all__ = ["Parallel"]

_END: Final = object()


class Parallel(Container):
    """Does its steps side by side, each in a thread. They share the session state, and see each other's changes to it.

    A text among the steps is the name.
    """

    type = StepType.PARALLEL

    def __init__(
        self,
        *args: Any,
        name: str | None = None,
        description: str | None = None,
        human_review: HumanReview | None = None,
        **review: Any,
    ) -> None:
        names = [arg for arg in args if isinstance(arg, str)]
        steps = [arg for arg in args if not isinstance(arg, str)]
        super().__init__(steps, name or next(iter(names), None), description, human_review, **review)

    def perform_step(self, work: Work, step_input: StepInput, place: tuple[int, ...]) -> Stream:
        """Do all steps, and wait for them."""
        count = {"parallel_step_count": len(self.nodes)}
        yield started(work, self, "ParallelExecutionStarted", place, **count)
        outputs = yield from self._side_by_side(work.inside(self.step_id, place), step_input)
        facts = count | {"step_results": outputs}
        yield started(work, self, "ParallelExecutionCompleted", place, **facts)
        name = self.name or "Parallel"
        values = {"executor_type": "parallel", "executor_name": name, "step_name": name}
        return self.gathered(_report(outputs), outputs, **values)

    def _side_by_side(self, work: Work, step_input: StepInput) -> Generator[RunOutputEvent, None, list[StepOutput]]:
        branches = [_Branch(work.branch()) for _ in self.nodes]
        queue: SimpleQueue[Any] = SimpleQueue()
        for position, (branch, node) in enumerate(zip(branches, self.nodes, strict=True)):
            stream = guarded(node, branch.work, step_input, work.place(position), self)
            context = contextvars.copy_context()
            thread = Thread(target=context.run, args=(branch.run, stream, queue), daemon=True)
            thread.start()
            if one_by_one():
                thread.join()
        yield from _until_all_end(queue, len(branches))
        for branch in branches:
            work.executor_runs.extend(branch.work.executor_runs)
        return _outputs(branches)


class _Branch:
    """One step on its own thread."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.output: StepOutput | None = None
        self.error: BaseException | None = None

    def run(self, stream: Stream, queue: "SimpleQueue[Any]") -> None:
        try:
            self.output = yielding_to(queue, stream)
        except BaseException as error:
            self.error = error
        finally:
            queue.put(_END)


def yielding_to(queue: "SimpleQueue[Any]", stream: Stream) -> StepOutput:
    """Put a step's events into the queue and return its output."""
    while True:
        try:
            queue.put(next(stream))
        except StopIteration as end:
            output: StepOutput = end.value
            return output


def _until_all_end(queue: "SimpleQueue[Any]", count: int) -> Generator[RunOutputEvent, None, None]:
    while count:
        item = queue.get()
        if item is _END:
            count -= 1
        else:
            yield item


def _outputs(branches: Sequence[_Branch]) -> list[StepOutput]:
    """Return the outputs. What ended a branch early ends the whole.

    Raises:
        StepFailed: a branch waits for a person, which only steps that run one after the other can.
    """
    errors = [branch.error for branch in branches if branch.error is not None]
    for error in sorted(errors, key=lambda error: isinstance(error, Paused)):
        if isinstance(error, Paused):
            reason = f"Step {error.step.name} waits for a person, which a step inside Parallel cannot."
            raise StepFailed(error.step, ValueError(reason)) from error
        raise error
    return [branch.output for branch in branches if branch.output is not None]


def _report(outputs: Sequence[StepOutput]) -> str:
    """Return what the steps said as one Markdown text, in the form that readers of stored runs know (format §3.9)."""
    parts = ["## Parallel Execution Results"]
    for output in outputs:
        mark = "✅ SUCCESS" if output.success is not False else "❌ FAILURE"
        parts.append(f"### {mark}: {output.step_name}\n{text_of(output.content)}")
    return "\n\n".join(parts)
