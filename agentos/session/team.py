"""Agno's import path `agno.session.team`; what it names is at home elsewhere."""

from agentos.records import TeamSession

__all__ = ["TeamSession"]
