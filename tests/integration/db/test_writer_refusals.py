"""What the writer refuses, each in one sentence, with the source exactly as it was."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agentos.db.sources import Source, SourceError, SourceUnavailable, use_sources
from agentos.db.writer import (
    InvalidRun,
    Malformed,
    SessionNotFound,
    SessionOwnedByOther,
    SourceReadOnly,
    Writer,
)
from agentos.records import Session
from tests.conftest import CORPUS, PgServer
from tests.integration.db.writing import agent_run, sql

pytestmark = pytest.mark.django_db
MANY, USER = "many-runs", "user-42"
V2_DUMP = CORPUS / "agno-v2.pg.sql.gz"


@pytest.fixture(params=["agno-v2.db", "agno-v3.db"])
def source(request: pytest.FixtureRequest, corpus_file: Callable[[str], Path]) -> Iterator[Source]:
    """A source; the test fails when its sessions are not as they were."""
    with use_sources(f"s=sqlite:///{corpus_file(request.param)}") as [opened]:
        before = sql(opened, "SELECT * FROM {sessions}")
        yield opened
        assert sql(opened, "SELECT * FROM {sessions}") == before


def append(source: Source, session_id: str = MANY, expect: str | None = USER, **more: Any) -> None:
    Writer(source).append_run(session_id, agent_run(session_id, expect, **more), expect_user_id=expect)


@pytest.mark.parametrize(
    "session_id", ["nope", "", "many-runs ", "a\x00b", "\ud800", "many%", "' OR 1=1 --", "x" * 9000]
)
def test_unknown_session(source: Source, session_id: str) -> None:
    run = agent_run(session_id or "x", USER)
    run.raw["session_id"] = session_id or "x"
    with pytest.raises((SessionNotFound, InvalidRun)):
        Writer(source).append_run(session_id, run, expect_user_id=USER)
    with pytest.raises(SessionNotFound):
        Writer(source).rename(session_id, "x")


@pytest.mark.parametrize("expect", [None, "", "alice@example.com", "USER-42", "user-42 "])
def test_a_session_of_another_user(source: Source, expect: str | None) -> None:
    with pytest.raises(SessionOwnedByOther, match="belongs to another user"):
        append(source, expect=expect)


def test_an_anonymous_session_takes_no_ones_run(source: Source) -> None:
    with pytest.raises(SessionOwnedByOther):
        append(source, "anonymous-chat", expect=USER)


def test_a_run_of_another_user_than_expected(source: Source) -> None:
    run = agent_run(MANY, "mallory")
    with pytest.raises(SessionOwnedByOther):
        Writer(source).append_run(MANY, run, expect_user_id=USER)


def test_a_run_of_another_session(source: Source) -> None:
    run = agent_run("anonymous-chat", USER)
    with pytest.raises(InvalidRun, match="another session"):
        Writer(source).append_run(MANY, run, expect_user_id=USER)


@pytest.mark.parametrize("content", [float("nan"), float("inf"), {"a": {1, 2}}, b"bytes"])
def test_what_json_cannot_hold(source: Source, content: Any) -> None:
    with pytest.raises(InvalidRun, match="cannot be stored"):
        append(source, content=content)


def test_what_is_nested_too_deep(source: Source) -> None:
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    with pytest.raises(InvalidRun, match="nested"):
        append(source, content=deep)


@pytest.mark.parametrize(
    "more",
    [
        {"session_type": "robot"},
        {"session_id": ""},
        {"session_id": None},
        {"session_id": "\ud800"},
        {"summary": {"summary": "x", "mood": "good"}},
        {"summary": "text"},
        {"metadata": {"x": float("nan")}},
    ],
)
def test_odd_sessions(source: Source, more: dict[str, Any]) -> None:
    row = {"session_id": "new", "session_type": "agent", "agent_id": "a", **more}
    with pytest.raises(InvalidRun):
        Writer(source).create_session(Session.from_dict(row))


def test_read_only(corpus_file: Callable[[str], Path]) -> None:
    with use_sources(f"s=sqlite:///{corpus_file('agno-v3.db')}?mode=ro") as [source]:
        writer = Writer(source)
        with pytest.raises(SourceReadOnly, match="read-only"):
            append(source)
        with pytest.raises(SourceReadOnly):
            writer.rename(MANY, "x")
        with pytest.raises(SourceReadOnly):
            writer.create_session(Session(session_id="x", session_type="agent"))
        with pytest.raises(SourceReadOnly), writer.together():
            pass


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with (
        use_sources(f"s=sqlite:///{tmp_path / 'gone.db'}") as [source],
        pytest.raises(SourceUnavailable, match="no file"),
    ):
        append(source)
    assert not (tmp_path / "gone.db").exists()


def test_a_file_without_tables(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "empty.db").close()
    (tmp_path / "empty.db").touch()
    with (
        use_sources(f"s=sqlite:///{tmp_path / 'empty.db'}") as [source],
        pytest.raises(SourceError, match="no session table"),
    ):
        append(source)


def test_agno_3_without_its_runs_table(corpus_file: Callable[[str], Path]) -> None:
    """We make no tables in a database that is somebody's."""
    path = corpus_file("agno-v3.db")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE agno_runs")
    with use_sources(f"s=sqlite:///{path}") as [source], pytest.raises(SourceUnavailable, match="no table for runs"):
        append(source)


def test_a_locked_file(corpus_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentos.db.connections.LOCK_SECONDS", 0.2)
    path = corpus_file("agno-v3.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as agno, use_sources(f"s=sqlite:///{path}") as [source]:
        agno.execute("BEGIN IMMEDIATE")
        with pytest.raises(SourceUnavailable, match="locked by another program"):
            append(source)
        agno.execute("ROLLBACK")
        append(source)


ODD_LISTS = [
    *(
        '"[{\\"run_id\\": \\"a\\"}',
        '[{"run_id": "a"}',
        '{"run_id": "a"}',
        '"{}"',
        "7",
        '""',
        "",
        "x",
        '["a"',
        '"[1, 2"',
    ),
    "[" * 5000,
    '"' + "[" * 5000 + '"',
]


@pytest.mark.parametrize("stored", ODD_LISTS)
def test_a_broken_list_of_runs_is_left_alone(corpus_file: Callable[[str], Path], stored: str) -> None:
    with use_sources(f"s=sqlite:///{corpus_file('agno-v2.db')}") as [source]:
        sql(source, "UPDATE {sessions} SET runs = %s WHERE session_id = %s", stored, MANY)
        before = sql(source, "SELECT * FROM {sessions}")
        with pytest.raises(Malformed, match="Nothing was written"):
            append(source)
        assert sql(source, "SELECT * FROM {sessions}") == before


@pytest.mark.parametrize("stored", ['{"a": 1', '"x"', "[]", "7", "", '"{"'])
@pytest.mark.parametrize("name", ["agno-v2.db", "agno-v3.db"])
def test_broken_session_data_is_left_alone(corpus_file: Callable[[str], Path], name: str, stored: str) -> None:
    with use_sources(f"s=sqlite:///{corpus_file(name)}") as [source]:
        sql(source, "UPDATE {sessions} SET session_data = %s WHERE session_id = %s", stored, MANY)
        before = sql(source, "SELECT * FROM {sessions}")
        with pytest.raises(Malformed, match="session_data"):
            append(source)
        assert sql(source, "SELECT * FROM {sessions}") == before


@pytest.mark.parametrize("type_", ["json", "jsonb"])
@pytest.mark.parametrize("stored", ["{}", '"[]"', "7"])
def test_a_broken_list_on_postgresql(pg_server: PgServer, type_: str, stored: str) -> None:
    with use_sources(f"s={pg_server.database(V2_DUMP)}") as [source]:
        sql(source, f"ALTER TABLE {{sessions}} ALTER runs TYPE {type_}")
        sql(source, "UPDATE {sessions} SET runs = %s WHERE session_id = %s", stored, MANY)
        with pytest.raises(Malformed, match="not a list"):
            append(source)


def test_a_list_of_another_column_type(pg_server: PgServer) -> None:
    with use_sources(f"s={pg_server.database(V2_DUMP)}") as [source]:
        sql(source, "ALTER TABLE {sessions} ALTER runs TYPE text")
        with pytest.raises(Malformed, match="type text"):
            append(source)
