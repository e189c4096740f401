"""State beside the conversation: tools change it, instructions show it, and the next process finds it again.

Needs OPENAI_API_KEY, and OPENAI_BASE_URL for another server than OpenAI's. AGENTOS_EXAMPLE_DB names the database.
"""

import os
from typing import Any

from agentos import Agent, OpenAIChat
from agentos.db import PostgresDb, SqliteDb


def add_item(item: str, session_state: dict[str, Any]) -> str:
    """Add an item to the shopping list."""
    shopping_list: list[str] = session_state["shopping_list"]
    shopping_list.append(item)
    return f"There are {len(shopping_list)} items on the list."


url = os.environ.get("AGENTOS_EXAMPLE_DB", "sqlite:///agentos-example.db")
db = SqliteDb(db_url=url) if url.startswith("sqlite") else PostgresDb(db_url=url)

agent = Agent(
    model=OpenAIChat(id="gpt-4o-mini"),
    db=db,
    session_id="shopping",
    session_state={"shopping_list": []},
    instructions="You keep a shopping list. It holds: {shopping_list}",
    tools=[add_item],
)
agent.print_response("Add milk, eggs and bread.")
agent.print_response("What is on my list?")

print(agent.get_session_state())
