"""Agno's import path `agno.models.base`; what it names is at home elsewhere."""

from agentos.llm import Model

__all__ = ["Model"]
