"""Agno's import path `agno.session.workflow`; what it names is at home elsewhere."""

from agentos.records import WorkflowSession

__all__ = ["WorkflowSession"]
