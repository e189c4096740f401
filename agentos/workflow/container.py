"""What containers of steps have in common."""

from collections.abc import Sequence
from typing import Any, Final

from agentos.records import StepOutput
from agentos.workflow.node import Node
from agentos.workflow.nodes import nodes_of
from agentos.workflow.types import HumanReview

__all__ = ["Container"]

_MEDIA: Final = ("images", "videos", "audio", "files")


class Container(Node):
    """A step that is made of steps."""

    def __init__(
        self,
        steps: Sequence[Any] | None,
        name: str | None = None,
        description: str | None = None,
        human_review: HumanReview | None = None,
        **review: Any,
    ) -> None:
        super().__init__(name, description, human_review, **review)
        self.steps = list(steps or ())
        self.nodes = nodes_of(self.steps)

    @property
    def children(self) -> Sequence[Node]:
        """The steps inside it."""
        return self.nodes

    def gathered(self, content: str, outputs: Sequence[StepOutput], **values: Any) -> StepOutput:
        """Return the container's output, with those of its steps and their media: it stops, and fails, as they do."""
        failed = [output for output in outputs if output.success is False]
        media = {kind: [item for output in outputs for item in output.raw.get(kind) or ()] for kind in _MEDIA}
        return self.output(
            content,
            success=not failed,
            stop=any(output.stop for output in outputs),
            **({"steps": list(outputs)} if outputs else {}),
            **{kind: items or None for kind, items in media.items()},
            **values,
        )
