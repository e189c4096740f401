"""Steps picked while the run goes on."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from agentos.workflow.calling import ask
from agentos.workflow.container import Container
from agentos.workflow.node import Node, placed, started
from agentos.workflow.nodes import node_of
from agentos.workflow.types import HumanReview, StepInput, StepType
from agentos.workflow.work import Stream, Work

__all__ = ["Router"]

logger: Final = logging.getLogger("agentos")


class Router(Container):
    """Does those of its `choices` that `selector` picks: by name, as the choice itself, or several in a list.

    The selector is a function asked with the step's input. Without one, a person picks (`requires_user_input`).
    """

    type = StepType.ROUTER

    def __init__(
        self,
        choices: Sequence[Any],
        selector: Callable[..., Any] | None = None,
        name: str | None = None,
        description: str | None = None,
        human_review: HumanReview | None = None,
        **review: Any,
    ) -> None:
        super().__init__(choices, name, description, human_review, **review)
        self.choices = self.steps
        self.selector = selector

    @property
    def choice_names(self) -> list[str]:
        """What a person may pick from."""
        return [node.name or f"choice_{position}" for position, node in enumerate(self.nodes, 1)]

    def perform_step(self, work: Work, step_input: StepInput, place: tuple[int, ...]) -> Stream:
        """Pick, and do what was picked in its order."""
        picked = list(self._picked(self._selection(step_input, work)))
        names = [node.name for node in picked]
        yield started(work, self, "RouterExecutionStarted", place, selected_steps=names)
        # The steps of a router count as the router's own place (format §9).
        inner = work.inside(self.step_id, place)
        outputs = yield from placed(self, picked, inner, step_input, work.resumption.enter(), lambda _: place)
        facts = {"selected_steps": names, "executed_steps": len(outputs), "step_results": outputs}
        yield started(work, self, "RouterExecutionCompleted", place, **facts)
        chosen = ", ".join(str(name) for name in names) or "nothing"
        return self.gathered(f"Router {self.name}: {len(outputs)} steps done, {chosen} selected", outputs)

    def _selection(self, step_input: StepInput, work: Work) -> Any:
        picked = [item.selected_choices for item in work.resumption.decisions(self) if item.selected_choices]
        if picked:
            return picked[-1]
        if self.selector is None:
            raise ValueError(f"Router {self.name} has no selector, and nobody has selected a step.")
        return ask(self.selector, step_input, work, step_choices=self.choices)

    def _picked(self, selection: Any) -> Iterator[Node]:
        if selection is None:
            return
        if isinstance(selection, list | tuple):
            for item in selection:
                yield from self._picked(item)
        elif isinstance(selection, str):
            yield from self._named(selection)
        else:
            yield next((n for n, c in zip(self.nodes, self.choices, strict=True) if c is selection), None) or node_of(
                selection
            )

    def _named(self, name: str) -> Iterator[Node]:
        """Yield the choice of this name; a name that is none is passed over, as in Agno."""
        found = [node for known, node in zip(self.choice_names, self.nodes, strict=True) if known == name]
        if not found:
            logger.warning("Router %s has no choice %r; it has %s.", self.name, name, ", ".join(self.choice_names))
        yield from found[:1]
