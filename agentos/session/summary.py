"""Agno's import path `agno.session.summary`; what it names is at home elsewhere."""

from agentos.agents.summaries import SessionSummaryManager
from agentos.records import SessionSummary

__all__ = ["SessionSummary", "SessionSummaryManager"]
