"""Processes that continue sessions at once, through agents: every turn is stored once, in order, and counted."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

from tests.conftest import PgServer

BENCH = Path(__file__).parents[3] / "bench"
WRITERS, TURNS = 2, 25


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark that does the same with more of everything, and beside Agno."""
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("sessions_concurrent")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_processes_at_one_session_and_two_at_their_own(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, bench: ModuleType
) -> None:
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path}/agno.db"
    else:
        server: PgServer = request.getfixturevalue("pg_server")
        url = server.database()

    came = bench.talk("AgentOS", url, WRITERS, TURNS)

    assert came.problems == ()
    assert came.turns == 1 + 2 * WRITERS * TURNS
    assert came.is_exact, came


def test_the_count_notices_what_is_wrong(bench: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check of the check: a turn lost, one twice, two the wrong way round, a place given twice and one left out."""
    runs = [("s", 0, "a 0"), ("s", 1, "a 2"), ("s", 1, "a 1"), ("s", 4, "b 0"), ("s", 5, "b 0")]
    monkeypatch.setattr(bench, "stored", lambda url: (runs, {"s": 45}))
    jobs = [bench.job("url", "a", "s", 4), bench.job("url", "b", "s", 1)]
    done = {"a": [{"turn": 1.0, "problem": None}] * 4, "b": [{"turn": 2.0, "problem": None}]}

    came = bench.outcome("url", jobs, done, 1.0)

    assert (came.lost, came.twice, came.disordered, came.doubled, came.gaps, came.tokens) == (1, 1, 1, 1, 2, 5)
    assert not came.is_exact
