"""Agno's import path `agno.session.agent`; what it names is at home elsewhere."""

from agentos.records import AgentSession

__all__ = ["AgentSession"]
