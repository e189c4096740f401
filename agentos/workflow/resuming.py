"""Where a paused run goes on: the way down to the step that waited, and what was decided about it.

What was done before the pause is in the run's `step_results`. A container that was in the middle of its steps is the
last of them, with `is_paused` and what is done of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentos.records import Run, StepOutput, StepRequirement

if TYPE_CHECKING:
    from agentos.workflow.node import Node

__all__ = ["Resumption", "partial_output", "way_down"]


@dataclass
class Resumption:
    """What is left of the way to the step that waited; `asked` is everything people were asked in this run.

    `run` is the paused run of the step's executor. `way`, `requirement` and `run` are used up by the step that waited.
    """

    requirement: StepRequirement | None = None
    run: Run | None = None
    way: list[list[StepOutput]] = field(default_factory=list)
    asked: list[StepRequirement] = field(default_factory=list)
    active: bool = False
    # A router whose output was rejected: this time a person picks.
    reroute: bool = False
    retries: int = 0
    _taken_by: str | None = None

    def enter(self) -> list[StepOutput]:
        """Return what is done of a container that is entered; of one that was not, nothing."""
        return self.way.pop(0) if self.active and self.way else []

    @property
    def arrived(self) -> bool:
        """Whether the next step is the one that waited."""
        return self.active and not self.way

    def take(self, node: "Node") -> tuple[StepRequirement | None, Run | None]:
        """Return what was decided about the step that waited, this one; from now on nothing is special any more."""
        self.active = False
        self._taken_by = node.step_id
        return self.requirement, self.run

    def decisions(self, node: "Node") -> list[StepRequirement]:
        """Return what was decided about a step, the latest last. Ids change with the program, so names count."""
        named = [item for item in self.asked if item.step_name and item.step_name == node.name]
        found = [item for item in named if item.step_type == node.type]
        if self._taken_by == node.step_id and self.requirement is not None:
            found.append(self.requirement)
        return found


def partial_output(
    node: "Node",
    inner: Sequence["Node"],
    way: Sequence[Sequence[StepOutput]],
    last: StepOutput | None = None,
    **values: Any,
) -> StepOutput | None:
    """Return the output of a container in the middle of its steps; for a step that is no container, `last`.

    `values` are what the outputs of the containers say besides.
    """
    if not way:
        return last
    below = partial_output(inner[0], inner[1:], way[1:], last, **values) if inner else last
    return node.output(None, steps=[*way[0], *([below] if below else [])], **values)


def way_down(output: StepOutput | None) -> list[list[StepOutput]]:
    """Return what `partial_output` was made of, level by level."""
    way: list[list[StepOutput]] = []
    while output is not None:
        steps = output.steps
        output = steps[-1] if steps and steps[-1].is_paused else None
        way.append(steps[:-1] if output is not None else steps)
    return way
