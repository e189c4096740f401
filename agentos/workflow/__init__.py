"""Workflows: steps by agents, teams and functions: one after the other, side by side, by conditions, in loops."""

from typing import TYPE_CHECKING, Any

from agentos.workflow.condition import Condition
from agentos.workflow.loop import Loop
from agentos.workflow.parallel import Parallel
from agentos.workflow.progress import StepProgress
from agentos.workflow.router import Router
from agentos.workflow.step import Step
from agentos.workflow.steps import Steps
from agentos.workflow.types import (
    HumanReview,
    OnError,
    OnReject,
    OnTimeout,
    StepInput,
    StepOutput,
    WorkflowExecutionInput,
)

if TYPE_CHECKING:
    from agentos.workflow.workflow import Workflow

__all__ = [
    "Condition",
    "HumanReview",
    "Loop",
    "OnError",
    "OnReject",
    "OnTimeout",
    "Parallel",
    "Router",
    "Step",
    "StepInput",
    "StepOutput",
    "StepProgress",
    "Steps",
    "Workflow",
    "WorkflowExecutionInput",
]


def __getattr__(name: str) -> Any:
    """Import Workflow on first use: it needs a database, steps do not."""
    if name != "Workflow":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from agentos.workflow.workflow import Workflow

    return Workflow
