"""Agno's import path `agno.agent.agent`; what it names is at home elsewhere."""

from agentos.agents.agent import Agent

__all__ = ["Agent"]
