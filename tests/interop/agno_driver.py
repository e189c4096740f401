"""Lets a real Agno continue and load sessions; run by whichever interpreter has the Agno release to try.

    python agno_driver.py JOBS.json RESULTS.json

One process does all jobs, because importing Agno takes longer than the jobs do. A job that fails leaves its traceback.
"""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

os.environ["AGNO_TELEMETRY"] = "false"

from agno.agent import Agent
from agno.db.postgres import PostgresDb
from agno.db.sqlite import SqliteDb
from agno.models.openai import OpenAIChat
from agno.team import Team
from agno.workflow import Step, Workflow

COMPONENTS = {"agent": Agent, "team": Team, "workflow": Workflow}


def database(job: dict[str, Any]) -> Any:
    """Open the job's database as an application would."""
    if job["url"].startswith("sqlite"):
        return SqliteDb(db_url=job["url"])
    return PostgresDb(db_url=job["url"].replace("postgresql://", "postgresql+psycopg://"), db_schema=job["schema"])


def component(job: dict[str, Any], db: Any) -> Any:
    """Build the agent, team or workflow the session belongs to, with its history switched on."""

    def model() -> OpenAIChat:
        return OpenAIChat(id="fake-small", api_key=job["key"], base_url=job["model_url"])

    shared = {"id": job["component_id"], "name": job["component_id"], "db": db, "telemetry": False}
    if job["kind"] == "agent":
        return Agent(**shared, model=model(), add_history_to_context=True, num_history_runs=3)
    member = Agent(id="helper", name="Helper", model=model(), telemetry=False)
    if job["kind"] == "team":
        return Team(**shared, members=[member], model=model(), add_history_to_context=True, num_history_runs=3)
    steps = [Step(name="answer", agent=member)]
    return Workflow(**shared, steps=steps, add_workflow_history_to_steps=True)


def load(job: dict[str, Any], db: Any) -> dict[str, Any]:
    """Return what Agno makes of the stored session."""
    loaded = component(job, db).get_session(session_id=job["session_id"], user_id=job["user_id"])
    if loaded is None:
        raise LookupError("Agno does not find the session")
    data = loaded.session_data or {}
    return {
        "run_ids": [run.run_id for run in loaded.runs or []],
        "statuses": [getattr(run.status, "value", run.status) for run in loaded.runs or []],
        "metrics": data.get("session_metrics"),
        "state": data.get("session_state"),
        "name": data.get("session_name"),
    }


def carry_on(job: dict[str, Any], db: Any) -> dict[str, Any]:
    """Say something in the session, then load it again."""
    before = load(job, db)
    run = component(job, db).run(job["message"], session_id=job["session_id"], user_id=job["user_id"])
    status = getattr(run.status, "value", run.status)
    return {"before": before, "run_id": run.run_id, "status": status, "after": load(job, db)}


def main(jobs_file: str, results_file: str) -> None:
    """Do all jobs and write their results, in order."""
    results: list[dict[str, Any]] = []
    for job in json.loads(Path(jobs_file).read_text()):
        try:
            db = database(job)
            results.append(load(job, db) if job["message"] is None else carry_on(job, db))
        except Exception:
            results.append({"error": traceback.format_exc()})
    Path(results_file).write_text(json.dumps(results))


if __name__ == "__main__":
    main(*sys.argv[1:])
