"""A session that is written while it is read is never taken for up to date, whatever comes back of it later."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentos.catalog import deriving, storing
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.db.reader import Reader
from agentos.db.sources import Source
from tests.corpus import write

pytestmark = pytest.mark.django_db
SESSION = "many-runs"
Store = Callable[[list[Any], int], None]


def a_run(number: int, content: str) -> dict[str, Any]:
    return {"run_id": f"r{number}", "agent_id": "a", "status": "COMPLETED", "created_at": number, "content": content}


ALL = [a_run(number, f"word{number}") for number in range(4)]


@pytest.fixture
def source(sources: Callable[[str], list[Source]], corpus_file: Callable[[str], Path]) -> Source:
    """A database of Agno 2, where all runs of a session are one list."""
    return sources(f"lab=sqlite:///{corpus_file('agno-v2.db')}")[0]


@pytest.fixture
def store(source: Source) -> Store:
    """Write the session's runs and the second of its last update, as Agno 2 does."""

    def do(runs: list[Any], at: int) -> None:
        text = json.dumps(json.dumps(runs))
        changed = "UPDATE agno_sessions SET runs = ?, updated_at = ? WHERE session_id = ?"
        write(Path(source.path), changed, text, at, SESSION)

    return do


def contents() -> list[tuple[str | None, str]]:
    """Return id and content of the runs that the catalog has of the session."""
    row = CatalogSession.objects.get(session_id=SESSION)
    return list(row.runs.order_by("ordinal").values_list("run_id", "content_preview"))


WHOLE = [(run["run_id"], run["content"]) for run in ALL]


def test_runs_that_were_gone_while_it_was_read(source: Source, store: Store) -> None:
    now = int(time.time())
    store(ALL, now)
    reader = Reader(source)
    stamp = reader.stamp(SESSION)
    assert stamp is not None
    store(ALL[:2], now)  # a program of Agno 2 writes over two of them
    storing.refresh(reader, stamp, None)
    store(ALL, now)  # and they are put back, within the same second
    assert reader.stamp(SESSION) == stamp
    refresh_session(source, SESSION)
    assert contents() == WHOLE


@pytest.mark.parametrize("age", [0, 86_400])
def test_runs_that_moved_while_it_was_read(source: Source, store: Store, age: int) -> None:
    before, now = int(time.time()) - age, int(time.time())
    store(ALL, before)
    reader = Reader(source)
    stamp = reader.stamp(SESSION)
    assert stamp is not None
    derivations = deriving.begin(reader, [(stamp, None)])
    store([a_run(9, "another"), *ALL[:3]], now)  # each place has another run than it had
    deriving.read(reader, derivations)
    deriving.settle(reader, derivations)
    assert [one.has_moved for one in derivations] == [True]
    assert all(run.mark == "" for run in derivations[0].runs())
    assert derivations[0].values(derivations[0].runs())["mark"] != stamp.mark


def test_a_session_at_rest_is_up_to_date(source: Source, store: Store) -> None:
    store(ALL, int(time.time()))
    row = refresh_session(source, SESSION)
    stamp = Reader(source).stamp(SESSION)
    assert row is not None and stamp is not None and row.mark == stamp.mark
    assert contents() == WHOLE
