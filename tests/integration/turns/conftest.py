"""A source with a corpus database in it, and turns in it."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agentos.db.reader import Reader
from agentos.db.sources import Source, use_sources
from agentos.records import Run
from agentos.turns.models import Turn
from agentos.turns.service import submit
from tests.conftest import CORPUS

AGENT = "5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001"
TEAM = "team-coordinate"
WORKFLOW = "wf-sequential"

Ask = Callable[..., Turn]


@pytest.fixture
def source(corpus_file: Any, request: pytest.FixtureRequest) -> Iterator[Source]:
    """A copy of a corpus database as the source `lab`; Agno 3's unless the test names another."""
    name = getattr(request, "param", "agno-v3.db")
    if name.endswith(".gz"):
        url = request.getfixturevalue("pg_server").database(CORPUS / name)
    else:
        url = f"sqlite:///{corpus_file(name)}"
    with use_sources(f"lab={url}") as sources:
        yield sources[0]


@pytest.fixture
def ask(db: None) -> Ask:
    """Submit a turn to the source `lab`; nobody starts it, as the test's transaction is never through."""

    def submitted(message: str, session_id: str = AGENT, **options: Any) -> Turn:
        options = {"user": None, "idempotency_key": uuid.uuid4().hex} | options
        return submit("lab", session_id, message, **options)

    return submitted


def runs_of(source: Source, session_id: str) -> list[Run]:
    """All readable runs of a session."""
    return [run for run in Reader(source).all_runs(session_id) if isinstance(run, Run)]
