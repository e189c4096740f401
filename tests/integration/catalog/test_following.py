"""Between passes, what changed lately is found by two indexed statements, wherever runs are kept."""

import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django.test.utils import CaptureQueriesContext

from agentos.catalog import following, sync
from agentos.catalog.following import candidates
from agentos.catalog.models import CatalogRun, CatalogSession, SourceState
from agentos.catalog.sync import refresh_source
from agentos.db import pulse
from agentos.db.connections import connection_for
from agentos.db.layout import look
from agentos.db.reader_recent import Recent, question
from agentos.db.sources import Source
from agentos.db.writer import Writer
from agentos.records import Run, Session
from tests.conftest import CORPUS, PgServer
from tests.integration.db.writing import agent_run

pytestmark = pytest.mark.django_db
# A session of every corpus database with many runs, and its user.
MANY = "many-runs"
PLACES = ("agno-v2.db", "agno-v3.db", "agno-v2-to-v3.db", "agno-v2.pg.sql.gz", "agno-v3.pg.sql.gz")


@pytest.fixture(params=PLACES)
def source(
    request: pytest.FixtureRequest,
    sources: Callable[[str], list[Source]],
    corpus_file: Callable[[str], Path],
    pg_server: PgServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Source:
    """A source that is followed, and in which no pass is made from now on."""
    name = request.param
    url = pg_server.database(CORPUS / name) if name.endswith(".gz") else f"sqlite:///{corpus_file(name)}"
    [source] = sources(f"lab={url}")
    while not refresh_source(source).done:
        pass
    refresh_source(source, patient=True)
    monkeypatch.setattr(sync, "_go_on", lambda *_: None)
    return source


def run(session_id: str, run_id: str, status: str = "COMPLETED") -> Run:
    return agent_run(session_id, owner_of(session_id), run_id=run_id, status=status)


def row(session_id: str) -> CatalogSession | None:
    return CatalogSession.objects.one("lab", session_id)


def followed(source: Source) -> None:
    assert refresh_source(source, patient=True).problem == ""


def owner_of(session_id: str) -> str | None:
    found = row(session_id)
    assert found is not None
    user_id: str | None = found.user_id
    return user_id


def test_a_new_session_and_its_runs(source: Source) -> None:
    now = int(time.time())
    new = {"session_id": "new", "session_type": "agent", "agent_id": "a", "created_at": now, "updated_at": now}
    Writer(source).create_session(Session.from_dict(new))
    followed(source)
    found = row("new")
    assert found is not None and found.run_count == 0

    Writer(source).append_run("new", run("new", "r1"), expect_user_id=None)
    followed(source)
    found = row("new")
    assert found is not None and found.run_count == 1
    assert SourceState.objects.get(source="lab").indexed_count == CatalogSession.objects.count()


def test_a_run_in_a_session_that_is_active(source: Source) -> None:
    before = row(MANY)
    assert before is not None

    Writer(source).append_run(MANY, run(MANY, "late"), expect_user_id=owner_of(MANY))
    followed(source)

    after = row(MANY)
    assert after is not None and after.run_count == before.run_count + 1


def test_a_run_that_comes_to_its_end(source: Source) -> None:
    Writer(source).append_run(MANY, run(MANY, "slow", "RUNNING"), expect_user_id=owner_of(MANY))
    followed(source)
    assert CatalogRun.objects.get(run_id="slow").status == "RUNNING"

    Writer(source).replace_run(MANY, run(MANY, "slow"), expect_user_id=owner_of(MANY))
    followed(source)

    assert CatalogRun.objects.get(run_id="slow").status == "COMPLETED"


def test_a_session_that_is_deleted(source: Source) -> None:
    table = f'"{source.schema}".agno_sessions' if source.vendor == "postgresql" else "agno_sessions"
    with connection_for(source).cursor() as cursor:
        if runs := look(source).runs_table:
            cursor.execute(f"DELETE FROM {table.replace('agno_sessions', runs)} WHERE session_id = %s", [MANY])
        cursor.execute(f"DELETE FROM {table} WHERE session_id = %s", [MANY])
    followed(source)
    assert row(MANY) is None


def test_times_that_cannot_be_hide_nothing(source: Source) -> None:
    bad = {"session_type": "agent", "agent_id": "a", "user_id": None}
    for number, stored_at in enumerate((0, -5, 4_000_000_000, int(time.time() * 1000))):
        times = {"created_at": stored_at, "updated_at": stored_at}
        Writer(source).create_session(Session.from_dict({**bad, **times, "session_id": f"bad-{number}"}))
    now = int(time.time())
    times = {"created_at": now, "updated_at": now}
    Writer(source).create_session(Session.from_dict({**bad, **times, "session_id": "good"}))
    followed(source)
    assert row("good") is not None


def test_what_a_deadline_cuts_off_is_found_by_the_next_look(source: Source) -> None:
    now = int(time.time())
    for number in range(3):
        new = {"session_id": f"new-{number}", "session_type": "agent", "created_at": now, "updated_at": now}
        Writer(source).create_session(Session.from_dict(new))
    for _ in range(3):
        refresh_source(source, budget=0, patient=True)
    assert [row(f"new-{number}") is not None for number in range(3)] == [True] * 3


def test_a_quiet_source_is_asked_two_questions_at_most(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_SAME_SECOND", 0)
    monkeypatch.setattr(pulse, "_TICK", 0)
    candidates(source)
    look(source)
    with CaptureQueriesContext(connection_for(source)) as asked:
        assert candidates(source) == []
    assert len(asked) <= (0 if source.vendor == "sqlite" else 2)


def test_the_questions_are_answered_by_indexes(source: Source) -> None:
    tables = [("agno_sessions", "session_id")]
    if runs := look(source).runs_table:
        tables.append((runs, "run_id"))
    asked = Recent(0, 10, ["a", "b"], ["c"])
    with connection_for(source).cursor() as cursor:
        if source.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")  # the tables of the corpus are too small for an index to pay
        for table, key in tables:
            sql, params = question(source, table, key, asked, ["a", "b"])
            cursor.execute(f"EXPLAIN {'QUERY PLAN ' if source.vendor == 'sqlite' else ''}{sql}", params)
            plan = "\n".join(" ".join(map(str, line)) for line in cursor.fetchall())
            assert "Seq Scan" not in plan
            assert f"SCAN {table}" not in plan or "USING INDEX" in plan
        if source.vendor == "postgresql":
            cursor.execute("RESET enable_seqscan")


def test_a_server_that_is_written_to_by_another(
    pg_server: PgServer, sources: Callable[[str], list[Source]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url = pg_server.database(CORPUS / "agno-v3.pg.sql.gz")
    [source] = sources(f"lab={url}")
    while not refresh_source(source).done:
        pass
    refresh_source(source, patient=True)
    monkeypatch.setattr(sync, "_go_on", lambda *_: None)
    with psycopg.connect(url) as other:
        other.execute("UPDATE ai.agno_sessions SET user_id = 'eve' WHERE session_id = %s", [MANY])
    followed(source)
    assert owner_of(MANY) == "eve"
