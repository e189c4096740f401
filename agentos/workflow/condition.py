"""Steps that are done only if something holds, and others that are done if it does not."""

from collections.abc import Callable, Sequence
from typing import Any

from agentos.workflow.calling import ask
from agentos.workflow.container import Container
from agentos.workflow.node import Node, sequence, started
from agentos.workflow.nodes import nodes_of
from agentos.workflow.types import HumanReview, StepInput, StepType
from agentos.workflow.work import Stream, Work

__all__ = ["Condition"]


class Condition(Container):
    """Does `steps` if `evaluator` holds, else `else_steps`. It is a boolean, or a function of the step's input."""

    type = StepType.CONDITION

    def __init__(
        self,
        steps: Sequence[Any],
        evaluator: Callable[..., Any] | bool = True,
        else_steps: Sequence[Any] | None = None,
        name: str | None = None,
        description: str | None = None,
        human_review: HumanReview | None = None,
        **review: Any,
    ) -> None:
        if human_review is None:
            review.setdefault("on_reject", "else")
        super().__init__(steps, name, description, human_review, **review)
        self.evaluator = evaluator
        self.else_steps = list(else_steps or ())
        self.else_nodes = nodes_of(self.else_steps)

    @property
    def children(self) -> Sequence[Node]:
        """The steps of both branches."""
        return [*self.nodes, *self.else_nodes]

    def perform_step(self, work: Work, step_input: StepInput, place: tuple[int, ...]) -> Stream:
        """Decide, and do the steps of one branch."""
        holds = self._holds(step_input, work)
        yield started(work, self, "ConditionExecutionStarted", place, condition_result=holds)
        nodes, branch = (self.nodes, "if") if holds else (self.else_nodes, "else" if self.else_nodes else None)
        outputs = yield from sequence(self, nodes, work.inside(self.step_id, place), step_input)
        facts = {"condition_result": holds, "executed_steps": len(outputs), "branch": branch, "step_results": outputs}
        yield started(work, self, "ConditionExecutionCompleted", place, **facts)
        if branch is None:
            return self.output(f"Condition {self.name} not met: {len(self.nodes)} steps left out")
        return self.gathered(f"Condition {self.name}: {len(outputs)} steps done ({branch} branch)", outputs)

    def _holds(self, step_input: StepInput, work: Work) -> bool:
        decided = [item.confirmed for item in work.resumption.decisions(self) if not item.is_post_execution]
        if decided and decided[-1] is not None:
            return decided[-1]
        if callable(self.evaluator):
            return bool(ask(self.evaluator, step_input, work))
        return bool(self.evaluator)
