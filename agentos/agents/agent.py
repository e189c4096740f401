"""An agent: one model with instructions and tools, whose conversations are kept as sessions."""

from dataclasses import dataclass

from agentos.agents.chat import ChatComponent


@dataclass(kw_only=True, eq=False, repr=False)
class Agent(ChatComponent):
    """An agent. `Agent(model=OpenAIChat(id="gpt-4o-mini"), db=db, session_id="user_123").run("Hello")`.

    All options are keywords, under Agno's names; those of Agno that have nothing to do with sessions are refused.
    """

    kind = "agent"
