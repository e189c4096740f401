"""Agno's import path `agno.models.openai.chat`; what it names is at home elsewhere."""

from agentos.llm import OpenAIChat

__all__ = ["OpenAIChat"]
