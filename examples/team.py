"""A team: its leader hands tasks to the members, and what each of them did is stored in the team's session.

Needs OPENAI_API_KEY, and OPENAI_BASE_URL for another server than OpenAI's. AGENTOS_EXAMPLE_DB names the database.
"""

import os

from agentos import Agent, OpenAIChat, Team
from agentos.db import PostgresDb, SqliteDb

url = os.environ.get("AGENTOS_EXAMPLE_DB", "sqlite:///agentos-example.db")
db = SqliteDb(db_url=url) if url.startswith("sqlite") else PostgresDb(db_url=url)

model = OpenAIChat(id="gpt-4o-mini")
newsroom = Team(
    name="Newsroom",
    members=[
        Agent(name="Researcher", role="Finds the facts", model=model),
        Agent(name="Writer", role="Makes a text of them", model=model),
    ],
    model=model,
    db=db,
    session_id="newsroom",
    share_member_interactions=True,
    add_history_to_context=True,
)
newsroom.print_response("Write two sentences about the octopus.")

session = newsroom.get_session()
for run in (session.runs or []) if session else []:
    print(f"{run.kind} {run.component_name}: {run.status}, {run.content_text}")
