"""A source whose sessions a fake AgentOS serves, and turns in it."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agentos.db.connections import close_connections
from agentos.db.sources import Source, use_sources
from agentos.db.writer import Writer
from agentos.records import RunOutput
from agentos.turns.models import Turn, TurnEvent
from agentos.turns.runner import run_turn
from agentos.turns.service import submit
from tests.integration.remotes.fake_os import FakeOs, Line
from tests.integration.turns.conftest import AGENT

USER = "alice@example.com"


@pytest.fixture
def source(corpus_file: Any, request: pytest.FixtureRequest) -> Iterator[Source]:
    """A copy of a corpus database as the source `lab`; Agno 3's unless the test names another."""
    with use_sources(f"lab=sqlite:///{corpus_file(getattr(request, 'param', 'agno-v3.db'))}") as sources:
        yield sources[0]


@pytest.fixture
def fake_os(settings: Any) -> Iterator[FakeOs]:
    """The server, configured as the remote `far` with a key; it serves the agent of the session AGENT."""
    server = FakeOs()
    server.config["agents"][0]["id"] = "trip-planner"
    settings.AGENTOS_REMOTES = f"far={server.url}"
    settings.AGENTOS_REMOTE_KEYS = {"AGENTOS_REMOTE_FAR_KEY": "sk-very-secret"}
    settings.AGENTOS_REMOTE_TIMEOUT = 3.0
    yield server
    server.stop()


Store = Callable[..., None]


@pytest.fixture
def store(source: Source) -> Store:
    """Store a run in the session as the server would: `store(line, content, status)`."""

    def stored(line: Line, content: str, status: str = "COMPLETED", **values: Any) -> None:
        run: dict[str, Any] = {
            "run_id": line.run_id,
            "agent_id": "trip-planner",
            "session_id": AGENT,
            "content": content,
        }
        run |= {"user_id": USER, "content_type": "str", "status": status, "created_at": 1_795_000_000, **values}
        Writer(source).append_run(AGENT, RunOutput.from_dict(run), expect_user_id=USER)
        close_connections()

    return stored


Answer = Callable[..., Turn]


@pytest.fixture
def answer(source: Source, request: pytest.FixtureRequest) -> Answer:
    """Submit a turn and carry it out here and now; return it as it ended."""
    if not any(mark.kwargs.get("transaction") for mark in request.node.iter_markers("django_db")):
        request.getfixturevalue("db")

    def answered(message: str = "Hello", **options: Any) -> Turn:
        options = {"user": None, "idempotency_key": uuid.uuid4().hex} | options
        turn = submit("lab", AGENT, message, **options)
        run_turn(turn.pk)
        turn.refresh_from_db()
        until = time.monotonic() + 15
        while turn.is_active and time.monotonic() < until:  # in a transaction that is through, the pool was quicker
            time.sleep(0.05)
            turn.refresh_from_db()
        return turn

    return answered


def notes_of(turn: Turn) -> list[str]:
    """What the log says about the answer itself."""
    steps = TurnEvent.objects.filter(turn=turn, kind=TurnEvent.Kind.STEP).order_by("seq")
    return [step.payload["name"] for step in steps if step.payload["kind"] == "note"]
