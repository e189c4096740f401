"""Agno's import path `agno.run.workflow`; what it names is at home elsewhere."""

from agentos.records import WorkflowRunOutput
from agentos.records.events import WorkflowRunEvent

__all__ = ["WorkflowRunEvent", "WorkflowRunOutput"]
