"""An agent and workflows that ask people: of a release of Agno, or our own, by the same lines of code.

Of this project it knows nothing: `agno_driver.py` imports it in another interpreter as well.
"""

from importlib import import_module
from typing import Any

# A call of each tool that pauses a run, as the model asks for it.
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "confirm": ("drop", {"table": "plans"}),
    "reject": ("drop", {"table": "plans"}),
    "input": ("mail", {"subject": "Plans"}),
    "external": ("shell", {"command": "ls"}),
    "feedback": (
        "ask_user",
        {
            "questions": [
                {
                    "question": "Which day?",
                    "header": "Day",
                    "options": [{"label": "Monday"}, {"label": "Friday"}],
                    "multi_select": False,
                }
            ]
        },
    ),
}


def drop(table: str) -> str:
    """Drop a table."""
    return f"dropped {table}"


def mail(subject: str, to_address: str) -> str:
    """Send a mail."""
    return f"{subject} to {to_address}"


def shell(command: str) -> str:
    """Run a command, elsewhere."""
    raise AssertionError("It is carried out elsewhere.")


def asking_tools(package: str) -> list[Any]:
    """Return the tools as `package`, "agno" or "agentos", has them."""
    tool = import_module(f"{package}.tools").tool
    place = "agno.tools.user_feedback" if package == "agno" else "agentos.tools"
    return [
        tool(requires_confirmation=True)(drop),
        tool(requires_user_input=True, user_input_fields=["to_address"])(mail),
        tool(external_execution=True)(shell),
        import_module(place).UserFeedbackTools(),
    ]


def asking_agent(package: str, agent_id: str, model_url: str, key: str, **options: Any) -> Any:
    """Return an agent that asks, and remembers the last three runs."""
    model = import_module(f"{package}.models.openai").OpenAIChat(id="fake-small", api_key=key, base_url=model_url)
    agent = import_module(f"{package}.agent").Agent
    shared = {"id": agent_id, "name": agent_id, "model": model, "telemetry": False} | options
    return agent(**shared, tools=asking_tools(package), add_history_to_context=True, num_history_runs=3)


class Broken(Exception):
    """What a step raises that does not work in this process."""


# Whether the fragile step works here: in the process of whoever paused the run it never does.
works = {"fragile": False}


def draft(step_input: Any) -> str:
    """Write something that is looked at."""
    return "A draft."


def fragile(step_input: Any) -> str:
    """Fail where it is asked to, unless it has been mended."""
    if "break" in str(step_input.input) and not works["fragile"]:
        raise Broken("out of paper")
    return "Printed."


def last(step_input: Any) -> str:
    """Say what came before."""
    return f"After: {step_input.previous_step_content}"


def left(step_input: Any) -> str:
    """Go left."""
    return "Left."


def right(step_input: Any) -> str:
    """Go right."""
    return "Right."


def asking_workflow(package: str, workflow_id: str, ask: str, **options: Any) -> Any:
    """Return a workflow whose first step asks: for a "review" of its output, which "route" to go, after an "error"."""
    made = import_module(f"{package}.workflow")
    review = import_module(f"{package}.workflow.types").HumanReview
    if ask == "review":
        looked_at = review(requires_output_review=True, output_review_message="Good?", on_reject="cancel")
        first = made.Step(name="draft", executor=draft, human_review=looked_at)
    elif ask == "route":
        ways = [made.Step(name="left", executor=left), made.Step(name="right", executor=right)]
        first = made.Router(name="way", choices=ways, human_review=review(requires_user_input=True))
    else:
        first = made.Step(name="fragile", executor=fragile, max_retries=0, human_review=review(on_error="pause"))
    steps = [first, made.Step(name="last", executor=last)]
    return made.Workflow(id=workflow_id, name=workflow_id, steps=steps, telemetry=False, **options)
