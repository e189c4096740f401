"""Tools: what a model may call, how it is described to the model, and how it is called."""

from agentos.tools.asking import UserControlFlowTools, UserFeedbackTools
from agentos.tools.calling import FunctionCall
from agentos.tools.calls import Done, Injected, Prepared
from agentos.tools.decorator import tool
from agentos.tools.exceptions import AgentRunException, RetryAgentRun, StopAgentRun
from agentos.tools.executing import execute
from agentos.tools.function import Function
from agentos.tools.preparing import prepare
from agentos.tools.result import ToolResult
from agentos.tools.resuming import resume
from agentos.tools.toolkit import Toolkit, functions_of

__all__ = [
    "AgentRunException",
    "Done",
    "Function",
    "FunctionCall",
    "Injected",
    "Prepared",
    "RetryAgentRun",
    "StopAgentRun",
    "ToolResult",
    "Toolkit",
    "UserControlFlowTools",
    "UserFeedbackTools",
    "execute",
    "functions_of",
    "prepare",
    "resume",
    "tool",
]
