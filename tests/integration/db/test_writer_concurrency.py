"""Writers at the same session at once: no run is lost, and the totals are right."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agentos.db.connections import close_connections
from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.db.writer import Writer
from tests.conftest import PgServer
from tests.integration.db.writing import PLACE_IDS, PLACES, agent_run, opened, run_ids, sql

pytestmark = pytest.mark.django_db
MANY, USER = "many-runs", "user-42"
WRITERS, EACH = 2, 25


@pytest.fixture(params=PLACES, ids=PLACE_IDS)
def source(request: pytest.FixtureRequest, corpus_file: Callable[[str], Path]) -> Iterator[Source]:
    def server() -> PgServer:
        found: PgServer = request.getfixturevalue("pg_server")
        return found

    with opened(request.param, corpus_file, server) as opened_source:
        yield opened_source


def write_at_once(source: Source, write: Callable[[Writer, int], None]) -> list[BaseException]:
    """Let every writer make its writes in a thread of its own, all starting together; return what went wrong."""
    start, problems = threading.Barrier(WRITERS), list[BaseException]()

    def work(number: int) -> None:
        try:
            start.wait()
            for each in range(EACH):
                write(Writer(source), number * EACH + each)
        except BaseException as error:
            problems.append(error)
        finally:
            close_connections()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return problems


def test_nothing_is_lost(source: Source) -> None:
    before = Reader(source).all_runs(MANY)
    session = Reader(source).session(MANY)
    assert session and session.session_metrics
    runs = [agent_run(MANY, USER) for _ in range(WRITERS * EACH)]

    problems = write_at_once(source, lambda writer, n: writer.append_run(MANY, runs[n], expect_user_id=USER))

    assert problems == []
    stored = Reader(source).all_runs(MANY)
    assert [run.raw for run in stored[: len(before)]] == [run.raw for run in before]
    assert set(run_ids(source, MANY)[len(before) :]) == {run.run_id for run in runs}
    assert len(stored) == len(before) + len(runs)
    after = Reader(source).session(MANY)
    assert after and after.session_metrics
    assert after.session_metrics.raw["total_tokens"] == session.session_metrics.raw["total_tokens"] + 7 * len(runs)


def test_every_row_gets_a_place_of_its_own(source: Source) -> None:
    if Reader(source).layout == "blob":
        return
    write_at_once(source, lambda writer, n: writer.append_run(MANY, agent_run(MANY, USER), expect_user_id=USER))

    indexes = [row[0] for row in sql(source, "SELECT run_index FROM {runs} WHERE session_id = %s", MANY)]
    assert len(indexes) == len(set(indexes)) >= WRITERS * EACH


def test_the_same_run_twice_at_once_is_stored_once(source: Source) -> None:
    runs = [agent_run(MANY, USER) for _ in range(EACH)]
    count = len(Reader(source).all_runs(MANY))

    def write(writer: Writer, number: int) -> None:
        try:
            writer.append_run(MANY, runs[number % EACH], expect_user_id=USER)
        except Exception as error:
            assert "stored already" in str(error)

    assert write_at_once(source, write) == []
    assert len(Reader(source).all_runs(MANY)) == count + EACH
