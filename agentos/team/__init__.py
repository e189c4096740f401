"""Agno's import path `agno.team`; what it names is at home elsewhere."""

from agentos.agents.team import Team
from agentos.records import TeamRunOutput
from agentos.records.events import TeamRunEvent

__all__ = ["Team", "TeamRunEvent", "TeamRunOutput"]
