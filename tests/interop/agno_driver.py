"""Does what it is told with agents, teams and workflows: of a release of Agno, or our own, by the same lines of code.

    python agno_driver.py agno|agentos

Takes jobs from standard input and writes their results to standard output, a line of JSON each. One process does many
jobs, because importing Agno takes longer than the jobs do. A job that fails gives its traceback as `error`.
"""

import functools
import json
import os
import sys
import traceback
from importlib import import_module
from typing import Any

from asking import asking_agent, asking_workflow  # type: ignore[import-not-found]  # beside this program

os.environ["AGNO_TELEMETRY"] = "false"
PACKAGE = sys.argv[1]


def of(module: str, name: str) -> Any:
    """Import a name of the package that this process tries: Agno's import paths are ours too."""
    return getattr(import_module(f"{PACKAGE}.{module}"), name)


Agent, Team, Workflow = of("agent", "Agent"), of("team", "Team"), of("workflow", "Workflow")
Step, StepOutput = of("workflow", "Step"), of("workflow.types", "StepOutput")
OpenAIChat, tool = of("models.openai", "OpenAIChat"), of("tools", "tool")


def remember(run_context: Any, key: str, value: str) -> str:
    """Keep a value in the session's state."""
    run_context.session_state[key] = value
    return f"{key} is {value}"


def drop(table: str) -> str:
    """Drop a table."""
    return f"dropped {table}"


def note(step_input: Any, run_context: Any) -> Any:
    """Keep the word after "note:" in the session's state, and pass the answer on."""
    said = str(step_input.input)
    if "note:" in said:
        run_context.session_state["noted"] = said.partition("note:")[2].split()[0]
    return StepOutput(content=step_input.previous_step_content)


@functools.cache
def database(url: str, schema: str | None, table: str | None) -> Any:
    """Open a database as an application would."""
    if url.startswith("sqlite"):
        return of("db.sqlite", "SqliteDb")(db_url=url, session_table=table)
    url = url.replace("postgresql://", "postgresql+psycopg://")
    return of("db.postgres", "PostgresDb")(db_url=url, db_schema=schema, session_table=table)


def component(job: dict[str, Any]) -> Any:
    """Build the agent, team or workflow the session belongs to, with its history switched on."""

    def model() -> Any:
        return OpenAIChat(id="fake-small", api_key=job["key"], base_url=job["model_url"])

    db = database(job["url"], job["schema"], job.get("session_table"))
    shared = {"id": job["component_id"], "name": job["component_id"], "db": db, "telemetry": False}
    shared |= job.get("options", {})
    talks = {
        "model": model(),
        "tools": [remember, tool(requires_confirmation=True)(drop)],
        "add_history_to_context": True,
        "num_history_runs": 3,
    }
    if job.get("asks") and job["kind"] == "workflow":
        return asking_workflow(PACKAGE, job["component_id"], job["asks"], db=db)
    if job.get("asks"):
        return asking_agent(PACKAGE, job["component_id"], job["model_url"], job["key"], db=db)
    if job["kind"] == "agent":
        return Agent(**shared, **talks)
    member = Agent(id="helper", name="Helper", model=model(), telemetry=False)
    if job["kind"] == "team":
        return Team(**shared, **talks, members=[member])
    steps = [Step(name="answer", agent=member), Step(name="note", executor=note)]
    return Workflow(**shared, steps=steps, add_workflow_history_to_steps=True)


def view(job: dict[str, Any]) -> dict[str, Any]:
    """Return what is made of the stored session."""
    loaded = component(job).get_session(session_id=job["session_id"], user_id=job["user_id"])
    if loaded is None:
        raise LookupError("The session is not found")
    data, runs, summary = loaded.session_data or {}, loaded.runs or [], getattr(loaded, "summary", None)
    return {
        "run_ids": [run.run_id for run in runs],
        "parents": [run.parent_run_id for run in runs],
        "statuses": [getattr(run.status, "value", run.status) for run in runs],
        "contents": [run.content for run in runs],
        "messages": [] if job["kind"] == "workflow" else [plain(message) for message in loaded.get_messages()],
        "metrics": data.get("session_metrics"),
        "state": data.get("session_state"),
        "name": data.get("session_name"),
        "summary": summary and [summary.summary, summary.topics],
    }


def plain(message: Any) -> list[Any]:
    """Return what a message says."""
    calls = message.to_dict().get("tool_calls") or []
    return [message.id, message.role, message.content, message.tool_call_id, calls]


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Say something in the session."""
    return outcome(component(job).run(job["message"], session_id=job["session_id"], user_id=job["user_id"]))


def name(job: dict[str, Any]) -> dict[str, Any]:
    """Give the session a name."""
    component(job).set_session_name(session_id=job["session_id"], session_name=job["name"])
    return {}


def confirm(job: dict[str, Any]) -> dict[str, Any]:
    """Go on with a paused run of the session: what it asks is confirmed, or rejected."""
    asked = component(job)
    loaded = asked.get_session(session_id=job["session_id"], user_id=job["user_id"])
    paused = next(run for run in loaded.runs if run.run_id == job["run_id"])
    for requirement in paused.requirements:
        requirement.confirm() if job["confirmed"] else requirement.reject("not today")
    owner = {"session_id": job["session_id"], "user_id": job["user_id"]}
    return outcome(asked.continue_run(run_id=job["run_id"], requirements=paused.requirements, **owner))


def outcome(ended: Any) -> dict[str, Any]:
    """Return what came of a run."""
    status = getattr(ended.status, "value", ended.status)
    return {"run_id": ended.run_id, "status": status, "content": ended.content}


JOBS = {"run": run, "view": view, "name": name, "confirm": confirm}


def main() -> None:
    """Do jobs until there are no more."""
    # Whatever is printed meanwhile goes where errors go.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            result = JOBS[job["do"]](job)
        except Exception:
            result = {"error": traceback.format_exc()}
        print(json.dumps(result), file=answers, flush=True)


if __name__ == "__main__":
    main()
