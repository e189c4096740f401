"""Agno's import path `agno.models.response`; what it names is at home elsewhere."""

from agentos.records import ToolExecution

__all__ = ["ToolExecution"]
