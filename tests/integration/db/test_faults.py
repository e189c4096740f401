"""A source that is not well says so in one plain sentence, and comes back by itself."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pytest_django import Settings

from agentos.db import layout
from agentos.db.connections import close_connections, connection_for, create_database
from agentos.db.errors import explain, faults_of
from agentos.db.layout import Layout
from agentos.db.reader import Reader
from agentos.db.sources import SourceUnavailable, check
from tests.conftest import CORPUS, PgServer

pytestmark = pytest.mark.django_db
Sources = Callable[[str], list[Any]]


@pytest.fixture(autouse=True)
def look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "BELIEVED_SECONDS", 0.0)


@pytest.fixture
def agno_file(corpus_file: Callable[[str], Path]) -> Path:
    return corpus_file("agno-v3.db")


def problem_of(sources: Sources, text: str) -> str:
    [source] = sources(text)
    found = check(source)
    assert found.problem and not found.ok
    assert found.problem.endswith(".")
    if found.layout is None:
        with pytest.raises(SourceUnavailable) as caught:
            Reader(source).stamps()
        assert str(caught.value) == found.problem
    return found.problem


def test_a_good_source(sources: Sources, agno_file: Path) -> None:
    [source] = sources(f"lab={agno_file}")
    found = check(source)

    assert (found.ok, found.problem, found.layout, found.session_count) == (True, "", Layout.TABLE, 54)


def test_missing_file_is_not_created(sources: Sources, tmp_path: Path) -> None:
    path = tmp_path / "agno.db"

    assert problem_of(sources, f"lab={path}") == f"There is no file {path}."
    assert not path.exists()


def test_folder(sources: Sources, tmp_path: Path) -> None:
    assert "is a folder, not a database." in problem_of(sources, f"lab={tmp_path}")


def test_not_a_database(sources: Sources, tmp_path: Path) -> None:
    path = tmp_path / "agno.db"
    path.write_text("Dear diary, this is no database at all. " * 100)

    assert "is not a SQLite database." in problem_of(sources, f"lab={path}")


def test_damaged_database(sources: Sources, agno_file: Path) -> None:
    content = agno_file.read_bytes()
    agno_file.write_bytes(content[:5000] + b"\xff" * 3000 + content[8000 : len(content) // 2])

    assert "is damaged" in problem_of(sources, f"lab={agno_file}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(sources: Sources, agno_file: Path) -> None:
    agno_file.chmod(0)

    assert "may not be read" in problem_of(sources, f"lab={agno_file}")


def test_locked_file(sources: Sources, corpus_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentos.db.connections.LOCK_SECONDS", 0.1)
    path = corpus_file("agno-v2.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "is locked by another program" in problem_of(sources, f"lab={path}")
        other.execute("ROLLBACK")
    [source] = sources(f"lab={path}")
    assert check(source).ok


def test_empty_file_has_no_sessions_yet(sources: Sources, tmp_path: Path) -> None:
    [source] = sources(f"lab={tmp_path / 'new' / 'agno.db'}")
    create_database(source)
    found = check(source)
    reader = Reader(source)

    assert (found.ok, found.layout, found.session_count) == (True, Layout.EMPTY, 0)
    assert (reader.stamps(), reader.session("x"), reader.run_stubs("x"), reader.runs("x", [])) == ([], None, [], [])
    assert reader.raw_text("x", "session_data", 10) == ("", 0)


def test_no_session_table_of_that_name(sources: Sources, agno_file: Path) -> None:
    problem = problem_of(sources, f"lab={agno_file}?session_table=chats")

    assert problem.startswith("There is no table chats in file")
    assert "session_table=" in problem


def test_table_that_is_not_agnos(sources: Sources, agno_file: Path) -> None:
    problem = problem_of(sources, f"lab={agno_file}?session_table=agno_memories")

    assert "The table agno_memories" in problem
    assert "is not Agno's: it has no" in problem


def test_slow_statement_is_stopped(sources: Sources, agno_file: Path, settings: Settings) -> None:
    settings.AGENTOS_SOURCE_TIMEOUT = 0.2
    [source] = sources(f"lab={agno_file}")
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(SourceUnavailable, match=r"took longer than 0\.2 seconds"):
        run(source, sql)
    assert check(source).ok


def test_read_only_is_held_to(sources: Sources, agno_file: Path) -> None:
    [source] = sources(f"lab={agno_file}?mode=ro")

    with pytest.raises(SourceUnavailable, match="may not be written to"):
        run(source, "DELETE FROM agno_sessions")
    with pytest.raises(SourceUnavailable, match="may not be written to"):
        run(source, "CREATE TEMP TABLE t (x)")
    assert check(source).session_count == 54


def test_log_file_missing_from_a_folder_that_may_not_be_written(sources: Sources, agno_file: Path) -> None:
    with closing(sqlite3.connect(agno_file)) as other:
        assert other.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    agno_file.parent.chmod(0o500)
    try:
        [source] = sources(f"lab={agno_file}?mode=ro")
        assert check(source).session_count == 54
    finally:
        agno_file.parent.chmod(0o700)


def test_replaced_and_vanished_file_is_noticed(sources: Sources, agno_file: Path, tmp_path: Path) -> None:
    [source] = sources(f"lab={agno_file}")
    reader = Reader(source)
    assert Reader(source).layout is Layout.TABLE

    shutil.copy(CORPUS / "agno-v2.0.db", tmp_path / "other.db")
    (tmp_path / "other.db").replace(agno_file)
    assert reader.layout is Layout.BLOB
    assert [stamp.session_id for stamp in reader.stamps(limit=1)] == ["old-agent"]

    agno_file.unlink()
    with pytest.raises(SourceUnavailable, match="There is no file"):
        reader.stamps()


def test_layout_that_changed_since_it_was_seen(
    sources: Sources, corpus_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "BELIEVED_SECONDS", 3600.0)
    path = corpus_file("agno-v2-to-v3.db")
    [source] = sources(f"lab={path}")
    reader = Reader(source)
    session_id = reader.stamps(limit=1)[0].session_id
    before = [run.raw for run in reader.all_runs(session_id)]
    assert Reader(source).layout is Layout.MIXED

    with closing(sqlite3.connect(path)) as other:
        other.execute("ALTER TABLE agno_sessions DROP COLUMN runs")
        other.commit()

    assert [run.raw for run in reader.all_runs(session_id)] == before
    assert reader.layout is Layout.TABLE


def test_any_thread_reads_and_closes(sources: Sources, agno_file: Path) -> None:
    [source] = sources(f"lab={agno_file}")
    found: list[int] = []

    def read() -> None:
        try:
            found.append(len(Reader(source).stamps()))
        finally:
            close_connections()

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [54] * 4


def test_a_thread_that_outlives_its_source_reads_the_new_one(
    sources: Sources, corpus_file: Callable[[str], Path]
) -> None:
    [first] = sources(f"lab={corpus_file('agno-v3.db')}")
    assert Reader(first).layout is Layout.TABLE
    [second] = sources(f"lab={corpus_file('agno-v2.db')}")
    assert Reader(second).layout is Layout.BLOB
    assert Reader(first).layout is Layout.TABLE


def test_ids_that_cannot_be_asked_for(sources: Sources, agno_file: Path, pg_corpus: Callable[[str], str]) -> None:
    for source in sources(f"lab={agno_file}, pg={pg_corpus('agno-v3.pg.sql.gz')}"):
        reader = Reader(source)
        for session_id in ("", "\0", "\ud800", "x" * 10_000, "'; --", "%s", "../..", "__proto__"):
            assert reader.session(session_id) is None
            assert reader.stamp(session_id) is None
            assert reader.run_stubs(session_id) == []
            assert reader.all_runs(session_id) == []
            assert [run.kind for run in reader.runs(session_id, [0, -1, 10**30])] == ["bad"] * 3


def test_postgresql_server_is_down(sources: Sources) -> None:
    problem = problem_of(sources, "p=postgresql://me:geheim@127.0.0.1:1/app")

    assert problem == "The server of database app on 127.0.0.1 does not answer: nothing listens there."
    assert "does not answer" in problem_of(sources, "p=postgresql://me@/app?host=/nowhere")


def test_postgresql_missing_database_and_schema(sources: Sources, pg_server: PgServer, pg_corpus: Any) -> None:
    assert "The server has no database nothing" in problem_of(sources, f"p={pg_server.url('nothing')}")
    url = pg_corpus("agno-v3.pg.sql.gz")
    assert "There is no schema other" in problem_of(sources, f"p={url}&schema=other&session_table=chats")
    assert "schema support_schema has: set schema=." in problem_of(sources, f"p={url}&session_table=support_sessions")
    assert "There is no table chats" in problem_of(sources, f"p={url}&session_table=chats")
    [empty] = sources(f"p={pg_server.database()}")
    assert (check(empty).ok, check(empty).layout) == (True, Layout.EMPTY)


def test_postgresql_refuses_the_password(sources: Sources, pg_server: PgServer) -> None:
    """The test server lets everybody in, so the sentence is held against what a server says."""
    [source] = sources("p=postgresql://me:geheim@h/app")
    words = 'connection to server at "h" failed: FATAL:  password authentication failed for user "me"'

    sentence = str(explain(source, psycopg.OperationalError(words)))
    assert sentence == "The server of database app on h refuses this user name or password."
    assert "geheim" not in str(explain(source, psycopg.OperationalError("odd words about geheim")))


def test_postgresql_read_only_and_time_limit(
    sources: Sources, pg_corpus: Callable[[str], str], settings: Settings
) -> None:
    settings.AGENTOS_SOURCE_TIMEOUT = 0.2
    [source] = sources(f"p={pg_corpus('agno-v3.pg.sql.gz')}&mode=ro")

    with pytest.raises(SourceUnavailable, match="is read-only"):
        run(source, "DELETE FROM ai.agno_sessions")
    with pytest.raises(SourceUnavailable, match=r"took longer than 0\.2 seconds"):
        run(source, "SELECT pg_sleep(5)")
    assert check(source).ok


def test_postgresql_connection_is_killed(
    sources: Sources, pg_server: PgServer, pg_corpus: Callable[[str], str]
) -> None:
    [source] = sources(f"p={pg_corpus('agno-v3.pg.sql.gz')}")
    assert check(source).ok
    with psycopg.connect(pg_server.url("postgres"), autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'agentos-sessions'"
        )

    with pytest.raises(SourceUnavailable, match=r"lost|shutting down"):
        Reader(source).stamps()
    assert check(source).ok


def test_postgresql_role_without_rights(sources: Sources, pg_server: PgServer) -> None:
    url = pg_server.database(CORPUS / "agno-v3.pg.sql.gz")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS visitor")
        admin.execute("CREATE ROLE visitor LOGIN")

    assert "may not do that" in problem_of(sources, f"p={url.replace('postgres:@', 'visitor:@')}")


def run(source: Any, sql: str) -> None:
    with faults_of(source), connection_for(source).cursor() as cursor:
        cursor.execute(sql)
        cursor.fetchall()
