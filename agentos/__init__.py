"""AgentOS Sessions: the dashboard of Agno's sessions, and the session system behind it.

`from agentos import Agent, Team, Workflow, OpenAIChat`; the databases are in `agentos.db`, what they hold is in
`agentos.records`. Nothing is imported before it is used: the web server needs no agent, an agent no web server.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from agentos.agents.agent import Agent
    from agentos.agents.team import Team
    from agentos.llm import OpenAIChat
    from agentos.workflow import Workflow

__all__ = ["Agent", "OpenAIChat", "Team", "Workflow"]

_HOMES: Final = {
    "Agent": "agentos.agents.agent",
    "OpenAIChat": "agentos.llm",
    "Team": "agentos.agents.team",
    "Workflow": "agentos.workflow",
}


def __getattr__(name: str) -> Any:
    """Import on first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
