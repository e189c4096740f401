"""Agno's import path `agno.models.message`; what it names is at home elsewhere."""

from agentos.records import Message

__all__ = ["Message"]
