"""A conversation that outlives its process: run this twice, and the second run remembers the first.

Needs OPENAI_API_KEY, and OPENAI_BASE_URL for another server than OpenAI's. AGENTOS_EXAMPLE_DB names the database.
"""

import os

from agentos import Agent, OpenAIChat
from agentos.db import PostgresDb, SqliteDb

url = os.environ.get("AGENTOS_EXAMPLE_DB", "sqlite:///agentos-example.db")
db = SqliteDb(db_url=url) if url.startswith("sqlite") else PostgresDb(db_url=url)

agent = Agent(model=OpenAIChat(id="gpt-4o-mini"), db=db, session_id="user_123", add_history_to_context=True)
agent.print_response("My name is Alice.")
agent.print_response("What's my name?")

for message in agent.get_chat_history():
    print(f"{message.role}: {message.text}")
