"""Agno's import path `agno.session`; what it names is at home elsewhere."""

from agentos.agents.summaries import SessionSummaryManager
from agentos.records import AgentSession, TeamSession, WorkflowSession

__all__ = ["AgentSession", "SessionSummaryManager", "TeamSession", "WorkflowSession"]
