"""Serves an agent with tools, a team and a workflow with a real AgentOS, of whichever release of Agno runs this.

python tests/interop/served.py DATABASE_URL MODEL_URL PORT

Of this project it knows nothing: another interpreter, with another release, may run it.
"""

import os
import sys
import time
from typing import Any

os.environ["AGNO_TELEMETRY"] = "false"

from agno.agent import Agent
from agno.models.openai import OpenAIChat
from agno.os import AgentOS
from agno.team import Team
from agno.tools import tool
from agno.workflow import Step, Workflow
from agno.workflow.types import HumanReview


def get_weather(city: str) -> str:
    """Say what the weather is."""
    return f"Rain in {city}."


def take_long(seconds: float) -> str:
    """Work for a while."""
    time.sleep(seconds)
    return f"It took {seconds} s."


@tool(requires_confirmation=True)  # type: ignore[untyped-decorator]  # as Agno gives it
def delete_booking(reference: str) -> str:
    """Delete a booking."""
    return f"Deleted {reference}."


def database(url: str) -> Any:
    """Return Agno's own store for a database."""
    if url.startswith("sqlite"):
        from agno.db.sqlite import SqliteDb

        return SqliteDb(db_url=url)
    from agno.db.postgres import PostgresDb

    return PostgresDb(db_url=url.replace("postgresql://", "postgresql+psycopg://"))


def app(url: str, model_url: str) -> Any:
    """Return the application."""

    def model() -> OpenAIChat:
        # A client that waits before it tries again makes tests slow.
        return OpenAIChat(id="fake-large", api_key="only-for-tests", base_url=model_url, max_retries=0)

    common: dict[str, Any] = {"db": database(url), "telemetry": False, "add_history_to_context": True}
    tools = [get_weather, take_long, delete_booking]
    support = Agent(id="support", name="Support", model=model(), tools=tools, **common)
    helper = Agent(id="helper", name="Helper", model=model(), tools=[get_weather], telemetry=False)
    crew = Team(id="crew", name="Crew", model=model(), members=[helper], **common)
    worker = Agent(id="worker", name="Worker", model=model(), telemetry=False)
    review = HumanReview(requires_confirmation=True, confirmation_message="Shall it go on?")
    asks = Step(name="ask", agent=worker, human_review=review)
    flow = Workflow(id="flow", name="Flow", db=common["db"], steps=[Step(name="work", agent=worker)], telemetry=False)
    gate = Workflow(id="gate", name="Gate", db=common["db"], steps=[asks], telemetry=False)
    return AgentOS(id="lab-os", agents=[support], teams=[crew], workflows=[flow, gate], telemetry=False).get_app()


def main() -> None:
    """Serve until the process is ended."""
    import uvicorn

    url, model_url, port = sys.argv[1:4]
    uvicorn.run(app(url, model_url), host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
