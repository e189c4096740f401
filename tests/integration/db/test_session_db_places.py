"""Where the sessions are: files, schemas and tables by Agno's rules, layouts as found, connections given back."""

import gc
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.db import connections

from agentos.db import PostgresDb, SqliteDb
from agentos.db.connections import close_connections, connection_for
from agentos.db.errors import SourceError, SourceUnavailable
from agentos.db.layout import Layout, look
from tests.conftest import PgServer
from tests.integration.db.session_dbs import LIST_TABLE, agent, run, save, stored_runs
from tests.integration.db.writing import sql

pytestmark = pytest.mark.django_db


def test_a_file_is_made_on_first_use_and_written_ahead(tmp_path: Path) -> None:
    db = SqliteDb(db_file=str(tmp_path / "a" / "b.db"), session_table="mine")
    assert not (tmp_path / "a").exists()

    assert db.load_session("s1") is None

    with sqlite3.connect(tmp_path / "a" / "b.db") as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        tables = {row[0] for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    file.close()
    assert tables == {"mine", "mine_runs", "agno_schema_versions"}
    assert connection_for(db.source).settings_dict["OPTIONS"]["timeout"] == 30
    db.close()


@pytest.mark.parametrize(
    "arguments, url, tables",
    [
        ({}, "agno.db", ("agno_sessions", "agno_runs")),
        ({"db_file": "x.db", "session_table": "s"}, "x.db", ("s", "s_runs")),
        ({"db_file": "x.db", "runs_table": "r"}, "x.db", ("agno_sessions", "r")),
        ({"db_url": "sqlite:///y.db", "db_file": "x.db", "memory_table": "m"}, "y.db", ("agno_sessions", "agno_runs")),
        ({"session_table": "agno_sessions"}, "agno.db", ("agno_sessions", "agno_sessions_runs")),
    ],
)
def test_files_and_tables_by_agnos_rules(
    arguments: dict[str, Any], url: str, tables: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    db = SqliteDb(**arguments)

    assert db.source.path == str(tmp_path / url)
    assert (db.session_table_name, db.runs_table_name) == tables
    assert db.id == SqliteDb(**arguments).id
    assert SqliteDb(id="mine").id == "mine"


def test_schemas_and_tables_of_postgresql() -> None:
    url = "postgresql+psycopg://ai:secret@localhost:5532/ai"
    plain, other = PostgresDb(db_url=url), PostgresDb(url, db_schema="other", session_table="s")

    assert (plain.db_url, plain.db_schema, plain.session_table_name, plain.runs_table_name) == (
        url, "ai", "agno_sessions", "agno_runs",
    )  # fmt: skip
    assert (other.db_schema, other.session_table_name, other.runs_table_name) == ("other", "s", "s_runs")
    assert plain.id != other.id
    assert "secret" not in repr(plain.source)


def test_what_cannot_be_honoured_is_refused() -> None:
    with pytest.raises(TypeError, match="db_engine"):
        SqliteDb(db_engine=object())
    with pytest.raises(TypeError, match="nonsense"):
        PostgresDb(db_url="postgresql://h/d", nonsense=1)
    with pytest.raises(ValueError, match="db_url"):
        PostgresDb()
    with pytest.raises(SourceError, match="session_table"):
        SqliteDb(session_table='a"b')
    with pytest.raises(SourceError, match="db_schema"):
        PostgresDb(db_url="postgresql://h/d", db_schema='a"b')


@pytest.mark.parametrize("arguments", [{"db_file": ":memory:"}, {"db_url": "sqlite:///:memory:"}])
def test_in_memory_is_ones_own(arguments: dict[str, str]) -> None:
    one, other = SqliteDb(**arguments), SqliteDb(**arguments)
    save(one, run("r1"))

    assert (stored_runs(one), stored_runs(other)) == (["r1"], [])

    folder = Path(one.source.path).parent
    one.close()
    other.close()
    del one
    gc.collect()
    assert not folder.exists()


def test_a_list_of_agno_2_is_written_as_agno_2_does(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "agno.db") as file:
        file.execute(LIST_TABLE.format(table="agno_sessions", json="JSON"))
    file.close()
    db = SqliteDb(db_file=str(tmp_path / "agno.db"))

    save(db, run("r1"), run("r2"), session=agent(metadata={"m": 1}))
    save(db, run("r1", content="again"), metadata={"n": 2})

    assert look(db.source).layout is Layout.BLOB
    stored = sql(db.source, "SELECT session_data, metadata, runs FROM {sessions}")[0]
    data, metadata, runs = (json.loads(json.loads(text)) for text in stored)
    assert data["session_metrics"]["total_tokens"] == 20
    assert metadata == {"m": 1, "n": 2}
    assert [(raw["run_id"], raw.get("content")) for raw in runs] == [("r1", "again"), ("r2", None)]
    db.close()


def test_tables_that_went_away_are_made_again(tmp_path: Path) -> None:
    db = SqliteDb(db_file=str(tmp_path / "agno.db"))
    save(db, run("r1"))
    sql(db.source, "DROP TABLE {runs}")
    sql(db.source, "DROP TABLE {sessions}")

    save(db, run("r2"))

    assert stored_runs(db) == ["r2"]
    Path(db.source.path).unlink()
    assert db.get_session("s1") is None
    save(db, run("r3"))
    assert stored_runs(db) == ["r3"]
    db.close()


def test_connections_are_given_back(pg_server: PgServer, tmp_path: Path) -> None:
    pooled, file = PostgresDb(db_url=pg_server.database()), SqliteDb(db_file=str(tmp_path / "agno.db"))
    for db in (pooled, file):
        save(db, run("r1"))

    assert connections[pooled.source.alias].connection is None
    assert connections[file.source.alias].connection is not None
    close_connections()
    assert connections[file.source.alias].connection is None
    assert stored_runs(file) == stored_runs(pooled) == ["r1"]
    pooled.close()
    file.close()


def test_a_schema_is_not_made_against_ones_will(pg_server: PgServer) -> None:
    db = PostgresDb(db_url=pg_server.database(), create_schema=False)

    with pytest.raises(SourceUnavailable, match="schema"):
        db.load_session("s1")
    db.close()


def test_a_server_that_does_not_answer_is_told_at_once() -> None:
    db = PostgresDb(db_url="postgresql+psycopg://u:secret@127.0.0.1:1/d")

    with pytest.raises(SourceUnavailable, match="nothing listens there") as raised:
        save(db, run("r1"))
    assert "secret" not in str(raised.value)
    db.close()


def test_saving_costs_the_same_however_many_runs_there_are(tmp_path: Path) -> None:
    db = SqliteDb(db_file=str(tmp_path / "agno.db"))

    def statements() -> int:
        connection = connection_for(db.source)
        connection.force_debug_cursor = True
        before = len(connection.queries_log)
        save(db, run())
        connection.force_debug_cursor = False
        return len(connection.queries_log) - before

    save(db, run())
    few = statements()
    save(db, *(run() for _ in range(300)))

    assert few == statements() <= 7
    db.close()


def test_runs_of_the_same_place_come_in_agnos_order(tmp_path: Path) -> None:
    db = SqliteDb(db_file=str(tmp_path / "agno.db"))
    save(db, *(run(f"r{n}", created_at=9 - n) for n in range(4)))
    sql(db.source, "UPDATE {runs} SET run_index = 1 WHERE run_index > 1")

    assert stored_runs(db) == ["r0", "r3", "r2", "r1"]
    assert [found.run_id for found in db.last_runs("s1", 2)] == ["r2", "r1"]
    db.close()
