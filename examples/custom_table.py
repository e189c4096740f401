"""Two workloads in one database, each with tables of its own: neither sees the other's sessions.

Needs OPENAI_API_KEY, and OPENAI_BASE_URL for another server than OpenAI's. AGENTOS_EXAMPLE_DB names the database.
"""

import os

from agentos import Agent, OpenAIChat
from agentos.db import BaseDb, PostgresDb, SqliteDb


def tables(sessions: str) -> BaseDb:
    """Return the database with these tables: sessions in `sessions`, runs in `sessions_runs`."""
    url = os.environ.get("AGENTOS_EXAMPLE_DB", "sqlite:///agentos-example.db")
    if url.startswith("sqlite"):
        return SqliteDb(db_url=url, session_table=sessions)
    return PostgresDb(db_url=url, session_table=sessions, db_schema="agents")


support = Agent(id="support", model=OpenAIChat(id="gpt-4o-mini"), db=tables("support_sessions"))
sales = Agent(id="sales", model=OpenAIChat(id="gpt-4o-mini"), db=tables("sales_sessions"))
support.print_response("My order is late.", session_id="order-17")
sales.print_response("How much are ten of them?", session_id="offer-3")

for agent in (support, sales):
    for session_id in ("order-17", "offer-3"):
        print(f"{agent.id}: {session_id} is {'here' if agent.get_session(session_id) else 'not here'}")
