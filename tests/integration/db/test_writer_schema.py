"""The tables made in an empty source are Agno 3's own, to the name of every index."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agentos.db.reader import Layout, Reader
from agentos.db.sources import use_sources
from agentos.db.writer import Writer
from agentos.records import Session
from tests.conftest import CORPUS, PgServer
from tests.integration.db.writing import agent_run, run_ids, sql

pytestmark = pytest.mark.django_db
TABLES = ("agno_sessions", "agno_runs", "agno_schema_versions")
COLUMNS = """SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
    WHERE table_schema = 'ai' AND table_name IN {tables} ORDER BY table_name, ordinal_position"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'ai' AND tablename IN {tables} ORDER BY indexname"
CONSTRAINTS = """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid::regclass::text IN {qualified} AND contype IN ('p', 'f') ORDER BY conname"""
NEW = {"session_id": "first", "session_type": "agent", "agent_id": "a"}


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a source in which nothing is; the SQLite file and its folder do not even exist."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new' / 'agno.db'}"
    else:
        server: PgServer = request.getfixturevalue("pg_server")
        yield server.database()


def test_first_session_in_an_empty_source(empty: str) -> None:
    with use_sources(f"s={empty}") as [source]:
        Writer(source).create_session(Session.from_dict(NEW))
        Writer(source).append_run("first", run := agent_run("first", None), expect_user_id=None)

        assert Reader(source).layout == Layout.TABLE
        assert [stored.raw for stored in Reader(source).all_runs("first")] == [run.raw]


def test_other_names(empty: str) -> None:
    query = "session_table=Chat sessions" + ("&schema=My.schema" if empty.startswith("p") else "")
    with use_sources(f"s={empty}{'&' if '?' in empty else '?'}{query}") as [source]:
        Writer(source).create_session(Session.from_dict(NEW))
        Writer(source).append_run("first", run := agent_run("first", None), expect_user_id=None)

        assert run_ids(source, "first") == [run.run_id]


def test_sqlite_tables_are_agnos(tmp_path: Path) -> None:
    with use_sources(f"s=sqlite:///{tmp_path / 'agno.db'}") as [source]:
        Writer(source).create_session(Session.from_dict(NEW))
    assert described(tmp_path / "agno.db") == described(CORPUS / "agno-v3.db")


def described(path: Path) -> dict[str, Any]:
    """Return columns, keys and indexes of the three tables, and their stamps."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:

        def ask(statement: str) -> list[Any]:
            return connection.execute(statement).fetchall()

        found: dict[str, Any] = {table: ask(f"PRAGMA table_info({table})") for table in TABLES}
        found["keys"] = ask("PRAGMA foreign_key_list(agno_runs)")
        listed = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
        found["indexes"] = {name: ask(f"PRAGMA index_info({name})") for name, table in ask(listed) if table in TABLES}
        found["stamps"] = ask(
            "SELECT table_name, version FROM agno_schema_versions WHERE table_name IN ('agno_sessions', 'agno_runs')"
        )
        return found


def test_postgresql_tables_are_agnos(pg_server: PgServer, pg_corpus: Any) -> None:
    described = []
    with use_sources(f"ours={pg_server.database()}, theirs={pg_corpus('agno-v3.pg.sql.gz')}") as [ours, theirs]:
        Writer(ours).create_session(Session.from_dict(NEW))
        qualified = tuple(f"ai.{table}" for table in TABLES)
        for source in (ours, theirs):
            asked = (each.replace("{tables}", str(TABLES)) for each in (COLUMNS, INDEXES, CONSTRAINTS))
            described.append([sql(source, each.replace("{qualified}", str(qualified))) for each in asked])
    assert described[0] == described[1]


def test_nothing_is_made_beside_what_is_there(pg_server: PgServer) -> None:
    with use_sources(f"s={pg_server.database(CORPUS / 'agno-v2.pg.sql.gz')}") as [source]:
        tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'ai' ORDER BY 1"
        before = sql(source, tables)
        Writer(source).create_session(Session.from_dict(NEW))
        Writer(source).append_run("first", agent_run("first", None), expect_user_id=None)

        assert sql(source, tables) == before
        assert Reader(source).layout == Layout.BLOB
