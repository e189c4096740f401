"""Agno's own objects, registered here, answer in their sessions through the same turns as the chat pane."""

import json
import os
import sqlite3
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import fake_model as model_server
from tests.conftest import PgServer

ROOT = Path(__file__).parents[2]
Manage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def model() -> Any:
    server = model_server.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'agno.db'}"
    server: PgServer = request.getfixturevalue("pg_server")
    return server.database()


@pytest.fixture
def manage(tmp_path: Path, model: Any, place: str) -> Manage:
    """Call it with the arguments of manage.py; our own database is new, the source is `place`."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO_", "AGENTOS_"))}
    env = clean | {
        "AGENTOS_DATA_DIR": str(tmp_path / "data"),
        "AGENTOS_SOURCES": f"lab={place}",
        "AGENTOS_AGENTS": "tests.interop.registered_agents:support, tests.interop.registered_agents:everybody",
        "OPENAI_API_KEY": "only-for-tests",
        "OPENAI_BASE_URL": model.url,
        "AGNO_TELEMETRY": "false",
        "PYTHONWARNINGS": "ignore",
    }

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *args]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)

    assert run("migrate").returncode == 0
    return run


def begun(manage: Manage, kind: str, component_id: str) -> str:
    """Make an empty session of a component's, and return its id."""
    session_id = f"{component_id}-{uuid.uuid4().hex[:6]}"
    made = manage(
        "shell", "-c",
        "from agentos.db.sources import get_source; from agentos.db.writer import Writer; "
        "from agentos.records import Session; "
        f"Writer(get_source('lab')).create_session(Session.from_dict({{'session_id': {session_id!r}, "
        f"'session_type': {kind!r}, '{kind}_id': {component_id!r}, 'user_id': 'alice', "
        f"'{kind}_data': {{'{kind}_id': {component_id!r}, 'name': {component_id.title()!r}}}}}))",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return session_id


def runs_of(manage: Manage, session_id: str) -> list[dict[str, Any]]:
    """The session's runs as they are stored."""
    done = manage("export", "lab", session_id, "--format", "json")
    assert done.returncode == 0, done.stderr
    return [run["data"] for run in json.loads(done.stdout)["runs"]]


def log_of(tmp_path: Path) -> list[dict[str, Any]]:
    """The steps in the log of the last turn."""
    with sqlite3.connect(tmp_path / "data" / "agentos.db") as own:
        rows = own.execute("SELECT payload FROM turns_turnevent WHERE kind = 'step' ORDER BY id").fetchall()
    return [json.loads(payload) for (payload,) in rows]


def test_doctor_names_them(manage: Manage) -> None:
    said = manage("doctor").stdout
    assert "Agent support of tests.interop.registered_agents:support" in said
    assert "Team crew of tests.interop.registered_agents:everybody" in said
    assert "Workflow flow of tests.interop.registered_agents:everybody" in said


def test_an_agent_answers_with_its_tools_and_remembers(manage: Manage, tmp_path: Path, model: Any) -> None:
    session_id = begun(manage, "agent", "support")
    first = manage("continue", "lab", session_id, '[[tool get_weather {"city": "Oslo"}]] [[say It rains.]]')
    assert (first.returncode, first.stdout.strip()) == (0, "It rains.\n\nIt rains."), first.stderr
    steps = log_of(tmp_path)
    assert [(step["kind"], step["name"], step["state"]) for step in steps] == [
        ("tool", "get_weather", "running"), ("tool", "get_weather", "ok"),
    ]  # fmt: skip
    assert steps[-1]["result"] == "Rain in Oslo."
    second = manage("continue", "lab", session_id, "[[say As I said.]]")
    assert second.returncode == 0, second.stderr
    runs = runs_of(manage, session_id)
    # The model says it with its call, and again with the result.
    assert [run["content"] for run in runs] == ["It rains.It rains.", "As I said."]
    assert runs[0]["metadata"] == {"agentos_sessions": {"continued_by": "command line"}}
    assert runs[0]["tools"][0]["result"] == "Rain in Oslo."
    told = [message["content"] for message in model.brain.log[-1]["body"]["messages"]]
    assert "It rains." in told


def test_a_team_and_a_workflow_tell_what_their_members_and_steps_do(manage: Manage, tmp_path: Path) -> None:
    team = begun(manage, "team", "crew")
    task = json.dumps({"member_id": "helper", "task": "[[say From the helper.]]"})
    answered = manage("continue", "lab", team, f"[[tool delegate_task_to_member {task}]] [[say Crew is done.]]")
    assert answered.returncode == 0, answered.stderr
    assert answered.stdout.strip() == "Crew is done.\n\nCrew is done."
    assert ("agent", "Helper", "ok") in [(step["kind"], step["name"], step["state"]) for step in log_of(tmp_path)]
    flow = begun(manage, "workflow", "flow")
    answered = manage("continue", "lab", flow, "[[say From the step.]]")
    assert (answered.returncode, answered.stdout.strip()) == (0, "From the step."), answered.stderr
    assert ("step", "work", "ok") in [(step["kind"], step["name"], step["state"]) for step in log_of(tmp_path)]
    assert runs_of(manage, flow)[-1]["status"] == "COMPLETED"


def test_a_run_that_pauses_is_stored_and_the_turn_says_that_it_waits(manage: Manage) -> None:
    session_id = begun(manage, "agent", "support")
    paused = manage("continue", "lab", session_id, '[[tool delete_booking {"reference": "WF-9"}]]')
    assert paused.returncode != 0
    assert "waiting" in paused.stderr
    assert runs_of(manage, session_id)[-1]["status"] == "PAUSED"


def test_a_model_that_fails_fails_the_turn_with_its_words(manage: Manage) -> None:
    session_id = begun(manage, "agent", "support")
    failed = manage("continue", "lab", session_id, "[[error 400 no such thing]]")
    assert failed.returncode != 0
    assert "no such thing" in failed.stderr
