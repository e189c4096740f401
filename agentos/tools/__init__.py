"""Tools: what a model may call, how it is described to the model, and how it is called."""

from agentos.tools.decorator import tool
from agentos.tools.exceptions import AgentRunException, RetryAgentRun, StopAgentRun
from agentos.tools.function import Function
from agentos.tools.result import ToolResult
from agentos.tools.toolkit import Toolkit, functions_of

__all__ = [
    "AgentRunException",
    "Function",
    "RetryAgentRun",
    "StopAgentRun",
    "ToolResult",
    "Toolkit",
    "functions_of",
    "tool",
]
