"""Agno's import path `agno.agent`; what it names is at home elsewhere."""

from agentos.agents.agent import Agent
from agentos.records import Message, RunOutput, RunOutputEvent
from agentos.records.events import RunEvent
from agentos.tools import Function, Toolkit

__all__ = ["Agent", "Function", "Message", "RunEvent", "RunOutput", "RunOutputEvent", "Toolkit"]
