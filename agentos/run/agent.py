"""Agno's import path `agno.run.agent`; what it names is at home elsewhere."""

from agentos.records import Message, RunInput, RunOutput, RunOutputEvent
from agentos.records.events import RunEvent

__all__ = ["Message", "RunEvent", "RunInput", "RunOutput", "RunOutputEvent"]
