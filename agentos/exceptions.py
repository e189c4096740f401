"""Agno's import path `agno.exceptions`; what it names is at home elsewhere."""

from agentos.tools.exceptions import RetryAgentRun, StopAgentRun

__all__ = ["RetryAgentRun", "StopAgentRun"]
