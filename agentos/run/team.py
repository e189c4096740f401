"""Agno's import path `agno.run.team`; what it names is at home elsewhere."""

from agentos.records import TeamRunOutput
from agentos.records.events import TeamRunEvent

__all__ = ["TeamRunEvent", "TeamRunOutput"]
