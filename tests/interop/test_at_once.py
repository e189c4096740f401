"""Two operators and the agent's own program continue one session at once: every turn is there at the end.

Agno 2.9 writes all runs of a session as it had read them, so it takes away what operators stored meanwhile; that is
noticed and put back. Agno 3.1 adds a row.
"""

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from agentos.audit.models import Entry
from agentos.catalog.sync import refresh_session
from agentos.db.connections import close_connections
from agentos.db.reader import Layout, Reader
from agentos.db.sources import Source, use_sources
from agentos.records import Run
from agentos.turns.lost import look_at
from agentos.turns.models import KeptRun, Turn
from agentos.turns.service import submit
from agentos.turns.states import Status
from tests.conftest import Person, PgServer
from tests.interop.conftest import NEW, OLD, Side

pytestmark = pytest.mark.django_db(transaction=True)

SESSION, USER, EACH = "at-once", "alice@example.com", 100
PLACES = [(release, vendor) for release in (OLD, NEW) for vendor in ("sqlite", "postgresql")]


@pytest.fixture(params=PLACES, ids="-".join)
def place(request: pytest.FixtureRequest, tmp_path: Path, pg_server: PgServer) -> tuple[str, str]:
    """Release of Agno, and a new database."""
    release, vendor = request.param
    return release, f"sqlite:///{tmp_path / 'agno.db'}" if vendor == "sqlite" else pg_server.database()


@pytest.fixture
def program(place: tuple[str, str], sides: dict[str, Side], model_server: Any) -> Callable[[str], str]:
    """The agent's own program: call it with a message; gives the id of the run that it made."""
    release, url = place
    job = {"url": url, "schema": "ai", "key": "program", "model_url": model_server.url, "kind": "agent"}
    job |= {"component_id": "the-agent", "session_id": SESSION, "user_id": USER, "do": "run"}
    return lambda message: str(sides[release].do({**job, "message": message})["run_id"])


@pytest.fixture
def source(place: tuple[str, str], program: Callable[[str], str], model_server: Any, settings: Any) -> Iterator[Source]:
    """The program's database, with a session in it that it has begun."""
    settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "operators", model_server.url
    program("The beginning [[say Hello.]]")
    with use_sources(f"lab={place[1]}") as [opened]:
        assert Reader(opened).layout == (Layout.BLOB if place[0] == OLD else Layout.TABLE)
        refresh_session(opened, SESSION)
        yield opened
        close_connections()


def operate(person: Person, name: str, stored: list[str]) -> None:
    """Send one turn after the other, each once the one before is answered."""
    for number in range(EACH):
        message = f"{name} {number} [[say Answer to {name} {number}]]"
        turn = submit("lab", SESSION, message, user=person.user, idempotency_key=uuid.uuid4().hex)
        while turn.is_active:
            time.sleep(0.02)
            turn.refresh_from_db()
        assert (turn.status, turn.problem) == (Status.COMPLETED, "")
        stored.append(turn.run_id)


def at_once(*works: Callable[[], None]) -> None:
    """Do all of them in threads of their own; what goes wrong in one is raised here."""
    problems: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            problems.append(error)
        finally:
            close_connections()
            connections.close_all()

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_every_turn_is_there(
    place: tuple[str, str], source: Source, program: Callable[[str], str], teammate: Person, admin: Person
) -> None:
    one: list[str] = []
    two: list[str] = []
    theirs: list[str] = []

    def agents_own() -> None:
        theirs.extend(program(f"program {number} [[say Answer to program {number}]]") for number in range(EACH))

    at_once(lambda: operate(teammate, "one", one), lambda: operate(admin, "two", two), agents_own)
    look_at("lab", SESSION)

    stored = [run for run in Reader(source).all_runs(SESSION) if isinstance(run, Run)]
    ids = [str(run.run_id) for run in stored]
    assert Counter(ids[1:]) == Counter([*one, *two, *theirs])
    assert all(run.status == "COMPLETED" and "Answer to" in str(run.content) for run in stored[1:])
    for whose in (one, two, theirs):  # each in the order in which they were sent
        assert [run_id for run_id in ids if run_id in set(whose)] == whose
    assert Turn.objects.filter(status=Status.COMPLETED).count() == 2 * EACH
    row = refresh_session(source, SESSION)
    assert row is not None and row.run_count == 3 * EACH + 1

    put_back = sum(KeptRun.objects.values_list("times_put_back", flat=True))
    entries = Entry.objects.filter(act="turn.put_back")
    assert sum(json.loads(entry.details)["count"] for entry in entries) == put_back
    # Nothing is lost where each run has its row; a program that writes them all does take some away.
    assert (put_back > 0) == (place[0] == OLD)
