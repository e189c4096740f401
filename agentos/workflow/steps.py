"""Steps one after the other, as one step."""

from collections.abc import Sequence
from typing import Any

from agentos.workflow.container import Container
from agentos.workflow.node import sequence, started
from agentos.workflow.types import HumanReview, StepInput, StepType
from agentos.workflow.work import Stream, Work

__all__ = ["Steps"]


class Steps(Container):
    """A row of steps under one name. It ends early with a step that stops or fails."""

    type = StepType.STEPS

    def __init__(
        self,
        name: str | None = None,
        description: str | None = None,
        steps: Sequence[Any] | None = None,
        human_review: HumanReview | None = None,
        **review: Any,
    ) -> None:
        super().__init__(steps, name, description, human_review, **review)

    def perform_step(self, work: Work, step_input: StepInput, place: tuple[int, ...]) -> Stream:
        """Do the steps in their order."""
        count = len(self.nodes)
        yield started(work, self, "StepsExecutionStarted", place, steps_count=count)
        outputs = yield from sequence(self, self.nodes, work.inside(self.step_id, place), step_input)
        numbers = {"steps_count": count, "executed_steps": len(outputs), "step_results": outputs}
        yield started(work, self, "StepsExecutionCompleted", place, **numbers)
        done = f"{len(outputs)} of {count} steps done" if count else "No steps to execute"
        return self.gathered(f"Steps {self.name}: {done}", outputs)
