"""Agno's import path `agno.models.openai`; what it names is at home elsewhere."""

from agentos.llm import OpenAIChat, OpenAIResponses

__all__ = ["OpenAIChat", "OpenAIResponses"]
