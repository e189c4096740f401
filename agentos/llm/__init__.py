"""Who answers: an OpenAI-compatible model server, or the offline demo model. Importing this imports no client."""

from agentos.llm.base import Delta, Model, ModelError, Request, ToolCallPart
from agentos.llm.demo import DemoModel
from agentos.llm.openai_chat import OpenAIChat
from agentos.llm.reply import Reply

__all__ = [
    "Delta",
    "DemoModel",
    "Model",
    "ModelError",
    "OpenAIChat",
    "Reply",
    "Request",
    "ToolCallPart",
]
