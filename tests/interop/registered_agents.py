"""What a program registers by AGENTOS_AGENTS: Agno's own objects. Imported by the processes of the tests alone."""

import os
from typing import Any

from agno.agent import Agent
from agno.models.openai import OpenAIChat
from agno.team import Team
from agno.tools import tool
from agno.workflow import Step, Workflow


def model() -> OpenAIChat:
    return OpenAIChat(id="fake-large", api_key="only-for-tests", base_url=os.environ["OPENAI_BASE_URL"])


def get_weather(city: str) -> str:
    """Say what the weather is."""
    return f"Rain in {city}."


@tool(requires_confirmation=True)  # type: ignore[untyped-decorator]  # as Agno gives it
def delete_booking(reference: str) -> str:
    """Delete a booking."""
    return f"Deleted {reference}."


common: dict[str, Any] = {"telemetry": False, "add_history_to_context": True}
support = Agent(id="support", name="Support", model=model(), tools=[get_weather, delete_booking], **common)
helper = Agent(id="helper", name="Helper", model=model(), tools=[get_weather], **common)
crew = Team(id="crew", name="Crew", model=model(), members=[helper], **common)
worker = Agent(id="worker", name="Worker", model=model(), telemetry=False)
flow = Workflow(id="flow", name="Flow", steps=[Step(name="work", agent=worker)], telemetry=False)
everybody = [crew, flow]
