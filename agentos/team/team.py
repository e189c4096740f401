"""Agno's import path `agno.team.team`; what it names is at home elsewhere."""

from agentos.agents.team import Team

__all__ = ["Team"]
