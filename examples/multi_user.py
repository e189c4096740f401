"""One agent, many users: each has sessions of their own, and nobody goes on in somebody else's.

Needs OPENAI_API_KEY, and OPENAI_BASE_URL for another server than OpenAI's. AGENTOS_EXAMPLE_DB names the database.
"""

import os

from agentos import Agent, OpenAIChat
from agentos.db import PostgresDb, SqliteDb
from agentos.exceptions import SessionOwnedByOther

url = os.environ.get("AGENTOS_EXAMPLE_DB", "sqlite:///agentos-example.db")
db = SqliteDb(db_url=url) if url.startswith("sqlite") else PostgresDb(db_url=url)

agent = Agent(id="helper", model=OpenAIChat(id="gpt-4o-mini"), db=db, add_history_to_context=True)
agent.print_response("I have a cat.", session_id="alice-1", user_id="alice")
agent.print_response("I have a dog.", session_id="bob-1", user_id="bob")
agent.print_response("Which pet do I have?", session_id="alice-1", user_id="alice")

try:
    agent.print_response("Which pet does Alice have?", session_id="alice-1", user_id="bob")
except SessionOwnedByOther as refusal:
    print(refusal)

for user in ("alice", "bob"):
    for session_id in ("alice-1", "bob-1"):
        session = agent.get_session(session_id, user_id=user)
        print(f"{user} looks into {session_id}: {len(session.runs or []) if session else 'no'} runs")
