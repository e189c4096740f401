"""A workflow: steps one after the other, each with what the one before it said, kept as one run with all its steps.

Needs OPENAI_API_KEY, and OPENAI_BASE_URL for another server than OpenAI's. AGENTOS_EXAMPLE_DB names the database.
"""

import os

from agentos import Agent, OpenAIChat, Workflow
from agentos.db import PostgresDb, SqliteDb
from agentos.workflow import Parallel, Step, StepInput, StepOutput


def sign(step_input: StepInput) -> StepOutput:
    """Put a line below what was written."""
    return StepOutput(content=f"{step_input.previous_step_content}\n(written by a workflow)")


url = os.environ.get("AGENTOS_EXAMPLE_DB", "sqlite:///agentos-example.db")
db = SqliteDb(db_url=url) if url.startswith("sqlite") else PostgresDb(db_url=url)

model = OpenAIChat(id="gpt-4o-mini")
optimist = Agent(name="Optimist", instructions="Say in one sentence what is good about it.", model=model)
sceptic = Agent(name="Sceptic", instructions="Say in one sentence what is bad about it.", model=model)
editor = Agent(name="Editor", instructions="Make one sentence of it.", model=model)

review = Workflow(
    name="Review",
    db=db,
    session_id="review",
    steps=[Parallel(Step(name="pro", agent=optimist), Step(name="contra", agent=sceptic)), editor, sign],
)
review.print_response("Cycling to work")

run = review.get_last_run_output()
for result in run.step_results:
    print(f"{result.step_name} ({result.step_type}): {result.content}")
