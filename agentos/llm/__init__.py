"""Who answers: an OpenAI-compatible model server, or the offline demo model. Importing this imports no client."""

from agentos.llm.base import Delta, Model, ModelError, Request, ToolCallPart
from agentos.llm.demo import DemoModel
from agentos.llm.naming import get_model
from agentos.llm.openai_chat import OpenAIChat
from agentos.llm.openai_responses import OpenAIResponses
from agentos.llm.reply import Reply
from agentos.llm.structured import NotStructured, parse_structured, response_format

__all__ = [
    "Delta",
    "DemoModel",
    "Model",
    "ModelError",
    "NotStructured",
    "OpenAIChat",
    "OpenAIResponses",
    "Reply",
    "Request",
    "ToolCallPart",
    "get_model",
    "parse_structured",
    "response_format",
]
