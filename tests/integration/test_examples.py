"""The scripts of examples/, run as a reader runs them: what the model was sent, and what is in the database then."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentos.db import BaseDb, PostgresDb, SessionType, SqliteDb
from tests.conftest import PgServer
from tests.integration.agents.conftest import ModelServer

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]

ROOT = Path(__file__).parents[2]
Play = Callable[..., str]


@pytest.fixture
def server(fake_model: Any) -> ModelServer:
    return ModelServer(fake_model)


@pytest.fixture
def play(server: ModelServer, tmp_path: Path) -> Play:
    """Run a script in an empty folder, with nothing of this project's settings, and return what it prints."""

    def run(name: str, url: str | None = None) -> str:
        ours = ("DJANGO", "AGENTOS", "DATABASE")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        environment |= {
            "OPENAI_API_KEY": "only-for-tests",
            "OPENAI_BASE_URL": server.server.url,
            "PYTHONPATH": str(ROOT),
            "PYTHONIOENCODING": "utf-8",
        }
        environment |= {"AGENTOS_EXAMPLE_DB": url} if url else {}
        done = subprocess.run(
            [sys.executable, str(ROOT / "examples" / f"{name}.py")],
            env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run


@pytest.fixture
def file(tmp_path: Path) -> str:
    """Where a script keeps its sessions unless it is told otherwise."""
    return str(tmp_path / "agentos-example.db")


def sent(server: ModelServer) -> list[list[tuple[str, Any]]]:
    """Role and content of the messages of each request."""
    return [[(message["role"], message.get("content")) for message in body["messages"]] for body in server.requests]


def stored(db: BaseDb, session_id: str) -> dict[str, Any]:
    """The session as Agno's columns have it."""
    session = db.get_session(session_id, deserialize=False)
    assert isinstance(session, dict)
    return session


def answers(session: dict[str, Any]) -> list[tuple[Any, Any]]:
    return [(run["status"], run["content"]) for run in session["runs"]]


def test_every_script_is_tried() -> None:
    names = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert names <= {name.removeprefix("test_") for name in globals()}


def check_quick_start(server: ModelServer, db: BaseDb, printed: str) -> None:
    assert sent(server) == [
        [("user", "My name is Alice.")],
        [("user", "My name is Alice."), ("assistant", "Hello Alice."), ("user", "What's my name?")],
    ]
    session = stored(db, "user_123")
    assert answers(session) == [("COMPLETED", "Hello Alice."), ("COMPLETED", "You are Alice.")]
    assert session["session_type"] == SessionType.AGENT
    assert printed.endswith("user: What's my name?\nassistant: You are Alice.\n")


def test_quick_start(server: ModelServer, play: Play, file: str) -> None:
    server.says("Hello Alice.", "You are Alice.")
    printed = play("quick_start")
    check_quick_start(server, SqliteDb(db_file=file), printed)


def test_quick_start_again_remembers(server: ModelServer, play: Play) -> None:
    play("quick_start")
    play("quick_start")
    assert [content for role, content in server.last if role == "user"] == ["My name is Alice.", "What's my name?"] * 2


def test_quick_start_on_postgresql(server: ModelServer, play: Play, pg_server: PgServer) -> None:
    url = pg_server.database().replace("postgresql://", "postgresql+psycopg://")
    server.says("Hello Alice.", "You are Alice.")
    printed = play("quick_start", url)
    check_quick_start(server, PostgresDb(db_url=url), printed)


def test_multi_user(server: ModelServer, play: Play, file: str) -> None:
    server.says("A cat!", "A dog!", "The cat.")
    printed = play("multi_user")
    assert sent(server)[1] == [("user", "I have a dog.")]
    assert server.last == [("user", "I have a cat."), ("assistant", "A cat!"), ("user", "Which pet do I have?")]
    assert len(server.requests) == 3
    db = SqliteDb(db_file=file)
    assert (stored(db, "alice-1")["user_id"], answers(stored(db, "alice-1"))) == (
        "alice",
        [("COMPLETED", "A cat!"), ("COMPLETED", "The cat.")],
    )
    assert (stored(db, "bob-1")["user_id"], answers(stored(db, "bob-1"))) == ("bob", [("COMPLETED", "A dog!")])
    assert "belongs to another user" in printed
    assert "alice looks into bob-1: no runs\nbob looks into alice-1: no runs" in printed


def test_state(server: ModelServer, play: Play, file: str) -> None:
    server.calls(("add_item", {"item": "milk"}), ("add_item", {"item": "eggs"}))
    server.says("Added.", "Milk and eggs.")
    printed = play("state")
    told = [request[0] for request in sent(server)]
    assert told[0] == ("developer", "You keep a shopping list. It holds: []")
    assert told[-1] == ("developer", "You keep a shopping list. It holds: ['milk', 'eggs']")
    session = stored(SqliteDb(db_file=file), "shopping")
    assert session["session_data"]["session_state"] == {"shopping_list": ["milk", "eggs"]}
    assert printed.endswith("{'shopping_list': ['milk', 'eggs']}\n")


def test_team(server: ModelServer, play: Play, file: str) -> None:
    server.calls(("delegate_task_to_member", {"member_id": "researcher", "task": "Facts on the octopus"}))
    server.says("It has three hearts.")
    server.calls(("delegate_task_to_member", {"member_id": "writer", "task": "Two sentences"}))
    server.says("Three hearts. Eight arms.", "There you are.")
    printed = play("team")
    assert sent(server)[1][-1] == ("user", "Facts on the octopus")
    assert "It has three hearts." in sent(server)[3][-1][1]
    session = stored(SqliteDb(db_file=file), "newsroom")
    contents = ["It has three hearts.", "Three hearts. Eight arms.", "There you are."]
    assert (session["session_type"], [run["content"] for run in session["runs"]]) == (SessionType.TEAM, contents)
    leader = session["runs"][-1]["run_id"]
    assert [run.get("parent_run_id") for run in session["runs"]] == [leader, leader, None]
    assert "agent Writer: COMPLETED, Three hearts. Eight arms.\nteam Newsroom: COMPLETED, There you are.\n" in printed


def test_workflow(server: ModelServer, play: Play, file: str) -> None:
    # The first two are asked side by side, so they say the same.
    server.says("It depends.", "It depends.", "It depends on the weather.")
    printed = play("workflow")
    assert {request[0][1] for request in sent(server)[:2]} == {
        "Say in one sentence what is good about it.",
        "Say in one sentence what is bad about it.",
    }
    assert "=== pro ===\nIt depends." in server.last[-1][1]
    session = stored(SqliteDb(db_file=file), "review")
    run = session["runs"][0]
    assert (session["session_type"], run["status"]) == (SessionType.WORKFLOW, "COMPLETED")
    assert [step["step_name"] for step in run["step_results"]] == ["Parallel", "Editor", "sign"]
    assert len(run["step_executor_runs"]) == 3
    assert printed.endswith("sign (Step): It depends on the weather.\n(written by a workflow)\n")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_custom_table(server: ModelServer, play: Play, file: str, kind: str, request: pytest.FixtureRequest) -> None:
    url = f"sqlite:///{file}" if kind == "sqlite" else request.getfixturevalue("pg_server").database()
    server.says("We look after it.", "Ninety.")
    printed = play("custom_table", url)
    assert sent(server) == [[("user", "My order is late.")], [("user", "How much are ten of them?")]]
    for table, session_id, other, answer in [
        ("support_sessions", "order-17", "offer-3", "We look after it."),
        ("sales_sessions", "offer-3", "order-17", "Ninety."),
    ]:
        db: BaseDb = SqliteDb(db_url=url, session_table=table)
        if kind == "postgresql":
            db = PostgresDb(db_url=url, session_table=table, db_schema="agents")
        assert answers(stored(db, session_id)) == [("COMPLETED", answer)]
        assert db.get_session(other) is None
    assert "support: offer-3 is not here\nsales: order-17 is not here\nsales: offer-3 is here\n" in printed
