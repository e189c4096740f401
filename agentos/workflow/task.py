"""One run of a workflow: the record it becomes, and what is shared while it goes on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agentos.records import StepOutput, WorkflowRunOutput
from agentos.workflow.types import StepInput
from agentos.workflow.work import Work

__all__ = ["Task"]


@dataclass(kw_only=True)
class Task:
    """What is to be done: the steps from `start` on, with what was done before a pause in `results`.

    `extra` is what `run` was given besides its own options, for a workflow that is one function.
    """

    run: WorkflowRunOutput
    work: Work
    step_input: StepInput
    start: int = 0
    results: Sequence[StepOutput] = ()
    ends: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
