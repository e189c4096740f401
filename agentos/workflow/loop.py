"""Steps done again and again."""

from collections.abc import Callable, Sequence
from typing import Any

from agentos.records import StepOutput
from agentos.workflow.calling import ask
from agentos.workflow.container import Container
from agentos.workflow.gate import left_out, review_requirement, with_answers
from agentos.workflow.node import Rows, follow, placed, started
from agentos.workflow.types import HumanReview, StepInput, StepType, last_content
from agentos.workflow.work import Interrupted, Paused, Stream, Work

__all__ = ["Loop"]

Outputs = list[list[StepOutput]]


class Loop(Container):
    """Does its steps until `end_condition`, a function of an iteration's outputs, says True; `max_iterations` at most.

    Every iteration begins with what the loop itself was given; with `forward_iteration_output`, with what the one
    before it said.
    """

    type = StepType.LOOP

    def __init__(
        self,
        steps: Sequence[Any],
        name: str | None = None,
        description: str | None = None,
        max_iterations: int = 3,
        end_condition: Callable[..., Any] | None = None,
        forward_iteration_output: bool = False,
        human_review: HumanReview | None = None,
        **review: Any,
    ) -> None:
        super().__init__(steps, name, description, human_review, **review)
        self.max_iterations = max_iterations
        self.end_condition = end_condition
        self.forward_iteration_output = forward_iteration_output

    def perform_step(self, work: Work, step_input: StepInput, place: tuple[int, ...]) -> Stream:
        """Do the iterations."""
        limit = {"max_iterations": self.max_iterations}
        yield started(work, self, "LoopExecutionStarted", place, **limit)
        iterations, done = self._done_before(work)
        for outputs in iterations:
            step_input = self._forwarded(step_input, outputs)
        go_on, step_input = self._goes_on_after_review(work, step_input)
        while go_on and len(iterations) < self.max_iterations:
            number = {"iteration": len(iterations) + 1} | limit
            yield started(work, self, "LoopIterationStarted", place, **number)
            outputs = yield from self._iteration(work.inside(self.step_id, place), step_input, iterations, done)
            iterations, done = [*iterations, outputs], []
            go_on = not self._ends(outputs, work)
            facts = number | {"iteration_results": outputs, "should_continue": go_on}
            yield started(work, self, "LoopIterationCompleted", place, **facts)
            if go_on and len(iterations) < self.max_iterations:
                self._ask(step_input, iterations, place)
            step_input = self._forwarded(step_input, outputs)
        counts = limit | {"total_iterations": len(iterations), "all_results": iterations}
        yield started(work, self, "LoopExecutionCompleted", place, **counts)
        flat = [output for outputs in iterations for output in outputs]
        return self.gathered(f"Loop {self.name}: {len(iterations)} iterations, {len(flat)} steps done", flat)

    def _ask(self, step_input: StepInput, iterations: Outputs, place: tuple[int, ...]) -> None:
        """Let a person look at a round, if that is wanted.

        Raises:
            Paused: it is.
        """
        review = self.human_review
        if review.requires_iteration_review:
            output = self.output(last_content(iterations[-1][-1]), steps=iterations[-1])
            asked = review_requirement(self, step_input, output, place[0], message=review.iteration_review_message)
            pause = Paused(self, asked)
            pause.way.append([output for outputs in iterations for output in outputs])
            raise pause

    def _goes_on_after_review(self, work: Work, step_input: StepInput) -> tuple[bool, StepInput]:
        """Return whether there is another round: a round that was accepted is the last.

        Raises:
            RunCancelled: it was rejected, and that ends the run.
        """
        resumption = work.resumption
        waited = resumption.requirement if resumption.arrived else None
        if waited is None or waited.step_type != self.type or not waited.is_post_execution:
            return True, step_input
        resumption.take(self)
        if left_out(self, waited) or waited.confirmed:
            return False, step_input
        return True, with_answers(step_input, waited, resumption.decisions(self))

    def _iteration(self, work: Work, step_input: StepInput, before: Outputs, done: list[StepOutput]) -> Rows:
        try:
            return (yield from placed(self, self.nodes, work, step_input, done, work.place))
        except Interrupted as interruption:
            if interruption.way:
                earlier = [output for outputs in before for output in outputs]
                interruption.way[0] = earlier + interruption.way[0]
            raise

    def _done_before(self, work: Work) -> tuple[Outputs, list[StepOutput]]:
        """Return the iterations done before a pause, and what was done of the one it was in."""
        done, size = work.resumption.enter(), len(self.nodes) or 1
        whole = len(done) // size * size
        return [done[start : start + size] for start in range(0, whole, size)], done[whole:]

    def _forwarded(self, step_input: StepInput, outputs: list[StepOutput]) -> StepInput:
        if not (self.forward_iteration_output and outputs):
            return step_input
        return follow(step_input, outputs[-1].step_name, outputs[-1])

    def _ends(self, outputs: list[StepOutput], work: Work) -> bool:
        if not outputs or outputs[-1].stop or outputs[-1].success is False:
            return True
        return self.end_condition is not None and bool(ask(self.end_condition, outputs, work))
