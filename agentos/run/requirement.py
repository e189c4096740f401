"""Agno's import path `agno.run.requirement`; what it names is at home elsewhere."""

from agentos.records import RunRequirement

__all__ = ["RunRequirement"]
