"""Workflows: steps by agents, teams and functions: one after the other, side by side, by conditions, in loops."""

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
    "WorkflowExecutionInput",
]
