"""Agno's import path `agno.run`; what it names is at home elsewhere."""

from agentos.agents.request import RunContext
from agentos.records import RunStatus

__all__ = ["RunContext", "RunStatus"]
