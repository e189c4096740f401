"""Runs that another writer has overwritten come back to where they stood, in every layout."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.db.writer import Lost, SessionOwnedByOther, Writer
from agentos.records import Run
from tests.conftest import PgServer
from tests.integration.db.writing import PLACE_IDS, PLACES, agent_run, column, decoded, opened, run_ids, sql

pytestmark = pytest.mark.django_db
MANY, USER = "many-runs", "user-42"
EARLY_PG = ("blob", "early")


@pytest.fixture(params=[*PLACES, EARLY_PG], ids=[*PLACE_IDS, "blob-pg-json"])
def source(request: pytest.FixtureRequest, corpus_file: Callable[[str], Path]) -> Iterator[Source]:
    def server() -> PgServer:
        found: PgServer = request.getfixturevalue("pg_server")
        return found

    place = ("blob", "agno-v2.pg.sql.gz") if request.param == EARLY_PG else request.param
    with opened(place, corpus_file, server) as opened_source:
        if request.param == EARLY_PG:  # before 2.5.6 the column was json
            sql(opened_source, "ALTER TABLE {sessions} ALTER COLUMN runs TYPE json USING runs::json")
        yield opened_source


def tokens(source: Source) -> int:
    session = Reader(source).session(MANY)
    assert session and session.session_metrics
    return int(session.session_metrics.raw["total_tokens"])


def is_list(source: Source) -> bool:
    return str(Reader(source).layout) == "blob"


def test_lost_runs_come_back_to_their_places(source: Source) -> None:
    before, spent = run_ids(source, MANY), tokens(source)
    runs = [agent_run(MANY, USER) for _ in range(3)]
    third = before[2]
    assert third is not None
    lost = [
        Lost(runs[0], (third, str(before[1]))),
        Lost(runs[1], (str(runs[0].run_id), third)),
        Lost(runs[2], ("gone", "gone-as-well")),  # of those before it none is left
    ]

    done = Writer(source).put_back(MANY, lost)

    assert done == [run.run_id for run in runs]
    after = run_ids(source, MANY)
    if is_list(source):
        assert after == [*before[:3], runs[0].run_id, runs[1].run_id, *before[3:], runs[2].run_id]
    else:  # where runs have rows, nobody overwrites them; they are put at the end
        assert after == [*before, *(run.run_id for run in runs)]
    assert tokens(source) == spent + 3 * 7
    stored = {run.run_id: run.raw for run in Reader(source).all_runs(MANY) if isinstance(run, Run)}
    assert stored[runs[0].run_id] == runs[0].raw
    assert Writer(source).put_back(MANY, lost) == []
    assert (run_ids(source, MANY), tokens(source)) == (after, spent + 3 * 7)


def test_what_else_is_in_the_list_stays_as_it_is(source: Source) -> None:
    if not is_list(source):
        return
    odd: list[Any] = [True, None, 1.50, 'words, \u00e9 "quoted"', ["a list"], {"run_id": 7}, {"run_id": "x", "n": 1e3}]
    stored = json.dumps(json.dumps(odd)) if source.vendor == "sqlite" else json.dumps(odd)
    sql(source, "UPDATE {sessions} SET runs = %s WHERE session_id = %s", stored, MANY)
    run = agent_run(MANY, USER)
    Writer(source).put_back(MANY, [Lost(run, ("nobody",)), Lost(agent_run(MANY, USER), ())])
    Writer(source).put_back(MANY, [Lost(other := agent_run(MANY, USER), ("x",))])
    found = decoded(column(source, "runs", MANY))
    assert found[:7] == odd
    assert [item["run_id"] for item in found[7:9]] == [other.run_id, run.run_id]


def test_an_empty_list_takes_them(source: Source) -> None:
    if not is_list(source):
        return
    stored = "null" if source.vendor == "sqlite" else None
    sql(source, "UPDATE {sessions} SET runs = %s WHERE session_id = %s", stored, MANY)
    runs = [agent_run(MANY, USER) for _ in range(2)]
    assert len(Writer(source).put_back(MANY, [Lost(run) for run in runs])) == 2
    assert run_ids(source, MANY) == [run.run_id for run in runs]


@pytest.mark.parametrize(
    ("stored", "kept", "is_replaced"),
    [
        ({"status": "PAUSED"}, {"status": "COMPLETED"}, True),
        ({"status": "COMPLETED"}, {"status": "REGENERATED"}, True),
        ({"status": "COMPLETED"}, {"status": "PAUSED"}, False),
        ({"status": "PAUSED"}, {"status": "PAUSED"}, False),
        ({"status": "PAUSED", "messages": []}, {"status": "PAUSED"}, True),
        ({"status": "COMPLETED"}, {"status": "COMPLETED", "content": "Otherwise"}, False),
    ],
)
def test_an_earlier_state_of_a_run_is_put_right(
    source: Source, stored: dict[str, Any], kept: dict[str, Any], is_replaced: bool
) -> None:
    run = agent_run(MANY, USER, metrics={"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}, **stored)
    Writer(source).append_run(MANY, run, expect_user_id=USER)
    spent = tokens(source)
    later = agent_run(MANY, USER, run_id=run.run_id, **kept)
    done = Writer(source).put_back(MANY, [Lost(later)])
    assert done == ([run.run_id] if is_replaced else [])
    last = Reader(source).all_runs(MANY)[-1]
    assert isinstance(last, Run) and last.raw == (later.raw if is_replaced else run.raw)
    assert tokens(source) == spent + (2 if is_replaced else 0)


def test_a_session_that_has_another_user_by_now_takes_nothing(source: Source) -> None:
    before = run_ids(source, MANY)
    sql(source, "UPDATE {sessions} SET user_id = 'somebody-else' WHERE session_id = %s", MANY)
    with pytest.raises(SessionOwnedByOther):
        Writer(source).put_back(MANY, [Lost(agent_run(MANY, USER))])
    assert run_ids(source, MANY) == before
