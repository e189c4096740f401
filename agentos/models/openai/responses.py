"""Agno's import path `agno.models.openai.responses`; what it names is at home elsewhere."""

from agentos.llm import OpenAIResponses

__all__ = ["OpenAIResponses"]
