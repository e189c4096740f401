"""What is stored may be anything: it reads as a run, as a BadRun that holds it, or as missing; never as an error."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agentos.db.connections import connection_for
from agentos.db.layout import Layout
from agentos.db.models import BadJSON, run_model, session_model
from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.db.stored import merged
from agentos.records import BadRun
from tests.conftest import CORPUS, PgServer

pytestmark = pytest.mark.django_db
SESSION = "5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001"
DEEP = "[" * 10_000 + "]" * 10_000
RUN = {"run_id": "r1", "agent_id": "a", "status": "COMPLETED", "created_at": 5}


class Database:
    """A database of a source that other programs change."""

    def __init__(self, source: Source, execute: Callable[[str, tuple[Any, ...]], None]) -> None:
        self.source = source
        self.reader = Reader(source)
        self.execute = execute

    def store(self, column: str, value: Any, table: str = "agno_sessions") -> None:
        self.execute(f"UPDATE {table} SET {column} = %s WHERE session_id = %s", (value, SESSION))


@pytest.fixture
def sqlite(sources: Any, corpus_file: Callable[[str], Path]) -> Callable[[str], Database]:
    """Make a database of a corpus file."""

    def made(name: str) -> Database:
        path = corpus_file(name)

        def execute(sql: str, params: tuple[Any, ...] = ()) -> None:
            with closing(sqlite3.connect(path)) as connection:
                connection.execute(sql.replace("%s", "?"), params)
                connection.commit()

        return Database(sources(f"lab={path}")[0], execute)

    return made


@pytest.fixture
def postgresql(sources: Any, pg_server: PgServer) -> Callable[[str], Database]:
    """Make a database of a corpus dump."""

    def made(name: str) -> Database:
        url = pg_server.database(CORPUS / name)

        def execute(sql: str, params: tuple[Any, ...] = ()) -> None:
            with psycopg.connect(url) as connection:
                connection.execute("SET search_path = ai")
                connection.execute(sql.encode(), params)

        return Database(sources(f"pg={url}")[0], execute)

    return made


def twice(value: Any) -> str:
    return json.dumps(json.dumps(value))


@pytest.mark.parametrize(
    ("stored", "kinds"),
    [
        (None, []),
        ("null", []),
        ("[]", []),
        ('"[]"', []),
        (twice(None), []),
        ("", ["bad"]),
        ('[{"run_id": "x"', ["bad"]),
        (twice([RUN])[:-9], ["bad"]),
        ("{}", ["bad"]),
        ("5", ["bad"]),
        ('"text"', ["bad"]),
        (DEEP, ["bad"]),
        (b"\xff\x00", ["bad"]),
        (json.dumps([RUN]).encode(), ["agent"]),
        (twice(json.dumps([RUN])), ["agent"]),
        ("[null, 5, true, \"{}\", [], {}]", ["bad", "bad", "bad", "bad", "bad", "workflow"]),
        (json.dumps([{**RUN, "cost": float("nan")}, None]), ["agent", "bad"]),
        (twice([{**RUN, "text": "\0 \ud800 \x1b[31m"}]), ["agent"]),
        ('[{"run_id": 5, "team_id": {}, "status": [], "created_at": "now", "parent_run_id": 1e400}]', ["team"]),
    ],
)  # fmt: skip
def test_odd_lists_in_sqlite(sqlite: Callable[[str], Database], stored: Any, kinds: list[str]) -> None:
    database = sqlite("agno-v2.db")
    database.store("runs", stored)
    reads_alike(database.reader, kinds)


@pytest.mark.parametrize(
    ("stored", "kinds"),
    [
        (None, []),
        ("null", []),
        ("[]", []),
        ("{}", ["bad"]),
        ("5", ["bad"]),
        ('"text"', ["bad"]),
        (twice([RUN]), ["agent"]),
        ("[null, 5, true, \"{}\", [], {}]", ["bad", "bad", "bad", "bad", "bad", "workflow"]),
        ('[{"run_id": 5, "team_id": null, "status": [], "created_at": "now"}]', ["team"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("type_", ["json", "jsonb", "text"])
def test_odd_lists_in_postgresql(
    postgresql: Callable[[str], Database], type_: str, stored: Any, kinds: list[str]
) -> None:
    database = postgresql("agno-v2.pg.sql.gz")
    database.execute(f"ALTER TABLE agno_sessions ALTER COLUMN runs TYPE {type_} USING runs::{type_}", ())
    database.store("runs", stored)
    reads_alike(database.reader, kinds)


def test_json_that_jsonb_refuses(postgresql: Callable[[str], Database]) -> None:
    database = postgresql("agno-v2.pg.sql.gz")
    database.execute("ALTER TABLE agno_sessions ALTER COLUMN runs TYPE json USING runs::json", ())
    database.store("runs", json.dumps([{**RUN, "text": "\0 \ud800", "n": 10**40}, RUN]))
    reads_alike(database.reader, ["agent", "agent"])
    assert database.reader.runs(SESSION, [0])[0].raw["n"] == 10**40


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        ("null", "bad"), ("[]", "bad"), ("{", "bad"), ("", "bad"), (DEEP, "bad"), (b"\xff", "bad"), ("{}", "workflow"),
        (twice(RUN), "agent"), (json.dumps({**RUN, "cost": float("nan")}), "agent"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["agno-v3.db", "agno-v2-to-v3.db"])
def test_odd_rows(sqlite: Callable[[str], Database], name: str, stored: Any, kind: str) -> None:
    database = sqlite(name)
    database.store("run_data", stored, "agno_runs")
    runs = database.reader.all_runs(SESSION)

    assert {run.kind for run in runs} == {kind}
    assert list(map(repr, database.reader.runs(SESSION, range(len(runs))))) == list(map(repr, runs))
    assert len(database.reader.run_stubs(SESSION)) == len(runs)


def reads_alike(reader: Reader, kinds: list[str]) -> None:
    runs = reader.all_runs(SESSION)
    stubs = reader.run_stubs(SESSION)

    assert [run.kind for run in runs] == kinds
    assert [stub.run_type for stub in stubs] == kinds
    assert list(map(repr, reader.runs(SESSION, range(len(kinds))))) == list(map(repr, runs))
    assert list(map(repr, reader.iter_runs(SESSION))) == list(map(repr, runs))
    assert all(run.problem for run in runs if isinstance(run, BadRun))
    assert reader.stamp(SESSION) is not None
    assert reader.session(SESSION) is not None


@pytest.mark.parametrize("stored", ["{", "", "\0", DEEP, b"\xff\xfe", "NaN", '"plain"', "[1]", "null", None])
def test_odd_session_columns(sqlite: Callable[[str], Database], stored: Any) -> None:
    database = sqlite("agno-v3.db")
    for column in ("session_data", "agent_data", "metadata", "summary"):
        database.store(column, stored)
    for column in ("created_at", "updated_at"):
        database.store(column, "yesterday")
    session = database.reader.session(SESSION)

    assert session is not None
    assert session.session_data is None
    assert (session.created_at, session.session_name) == (None, None)
    stamp = database.reader.stamp(SESSION)
    assert stamp is not None
    assert (stamp.created_at, stamp.updated_at) == (None, None)
    text, length = database.reader.raw_text(SESSION, "session_data", 5)
    assert len(text) <= 5 <= max(length, 5)


def test_models_mirror_the_tables(sqlite: Callable[[str], Database]) -> None:
    database = sqlite("agno-v2-to-v3.db")
    database.store("summary", "{")
    sessions = session_model(database.source)
    row = sessions._default_manager.using(connection_for(database.source).alias).get(session_id=SESSION)

    assert isinstance(row.summary, BadJSON)
    assert row.summary == "{"
    assert isinstance(row.runs, list)
    assert len(sessions._meta.get_fields()) == 15
    assert len(run_model(database.source)._meta.get_fields()) == 13
    assert session_model(database.source) is sessions
    assert not sessions._meta.managed


def test_id_that_is_no_utf8(sqlite: Callable[[str], Database]) -> None:
    database = sqlite("agno-v3.db")
    database.execute("UPDATE agno_sessions SET session_id = CAST(%s AS TEXT) WHERE session_id = %s", (b"\xff", SESSION))
    reader = database.reader
    found: list[str] = []
    while page := reader.stamps(after=found[-1] if found else None, limit=10):
        found += [stamp.session_id for stamp in page]
        assert len(found) <= 54
    assert found[-1] == "�"


def test_rows_without_index_and_with_the_same(sqlite: Callable[[str], Database]) -> None:
    """Null and repeated indexes: the time, then the id decide, as in Agno's own query."""
    database = sqlite("agno-v3.db")
    ids = [stub.run_id for stub in database.reader.run_stubs(SESSION)]
    database.store("run_index", 7, "agno_runs")
    assert [stub.run_id for stub in database.reader.run_stubs(SESSION)] == ids
    database.store("run_index", None, "agno_runs")
    assert [stub.run_id for stub in database.reader.run_stubs(SESSION)] == ids


def test_merge_as_agno_does() -> None:
    listed = [("a", "list a"), ("b", "list b"), (None, "bad"), ("b", "list b again")]
    rows = [("c", "row c"), ("b", "row b")]

    assert merged(listed, rows) == ["list a", "row b", "bad", "row b", "row c"]
    assert merged([], rows) == ["row c", "row b"]


def test_mixed_places(sqlite: Callable[[str], Database]) -> None:
    database = sqlite("agno-v2-to-v3.db")
    reader = database.reader
    assert reader.layout is Layout.MIXED
    runs = [run.raw for run in reader.all_runs(SESSION)]
    database.execute("DELETE FROM agno_runs WHERE session_id = %s AND run_index = 1", (SESSION,))

    assert [stub.place for stub in reader.run_stubs(SESSION)] == ["row", "list", *["row"] * (len(runs) - 2)]
    assert [run.raw["run_id"] for run in reader.runs(SESSION, [3, 1, 0])] == [runs[at]["run_id"] for at in (3, 1, 0)]
    assert [run.raw["run_id"] for run in reader.iter_runs(SESSION)] == [run["run_id"] for run in runs]


@pytest.mark.parametrize("name", ["agno-v2.pg.sql.gz", "agno-v3.pg.sql.gz"])
def test_mark_changes_on_postgresql(postgresql: Callable[[str], Database], name: str) -> None:
    database = postgresql(name)
    renamed = """UPDATE agno_sessions SET session_data = jsonb_set(session_data, '{session_name}', '"Sintra weekend"')
        WHERE session_id = %s"""
    changes_each_time(database, [(renamed, (SESSION,))])


@pytest.mark.parametrize("name", ["agno-v2.db", "agno-v3.db", "agno-v2-to-v3.db"])
def test_mark_changes_on_sqlite(sqlite: Callable[[str], Database], name: str) -> None:
    database = sqlite(name)
    same_length = (
        "UPDATE agno_sessions SET session_data = replace(session_data, 'Lisbon', 'Sintra') WHERE session_id = %s"
    )
    changes_each_time(database, [(same_length, (SESSION,))])


def changes_each_time(database: Database, changes: list[tuple[str, tuple[Any, ...]]]) -> None:
    common = "UPDATE agno_sessions SET {} WHERE session_id = %s"
    changes += [
        (common.format("user_id = 'bob'"), (SESSION,)),
        (common.format('summary = \'{"summary": "new"}\''), (SESSION,)),
        (common.format("updated_at = updated_at + 1"), (SESSION,)),
    ]
    if database.reader.layout in (Layout.BLOB, Layout.MIXED):
        changes.append((common.format("runs = %s"), (json.dumps([RUN]), SESSION)))
    if database.reader.layout in (Layout.TABLE, Layout.MIXED):
        runs = "UPDATE agno_runs SET {} WHERE session_id = %s AND run_index = 0"
        changes.append((runs.format("status = 'PAUSED', run_data = '{}'"), (SESSION,)))
        changes.append(("DELETE FROM agno_runs WHERE session_id = %s AND run_index = 0", (SESSION,)))
    marks = [database.reader.stamp(SESSION)]
    for sql, params in changes:
        database.execute(sql, params)
        marks.append(database.reader.stamp(SESSION))
    assert len({stamp.mark for stamp in marks if stamp}) == len(changes) + 1
    assert database.reader.stamp(SESSION) == marks[-1]


def digests(database: Database) -> list[str]:
    return [stub.digest for stub in database.reader.run_stubs(SESSION, digests=True) if stub.place == "list"]


@pytest.mark.parametrize("name", ["agno-v2.db", "agno-v2-to-v3.db", "agno-v2.pg.sql.gz"])
def test_a_digest_changes_with_its_entry_alone(name: str, sqlite: Any, postgresql: Any) -> None:
    database = (postgresql if ".pg." in name else sqlite)(name)
    database.store("runs", json.dumps([RUN, {**RUN, "run_id": "b"}, 5]))
    first, second, third = digests(database)
    database.store("runs", json.dumps([RUN, {**RUN, "run_id": "b", "content": "new"}, 5]))
    again = digests(database)

    assert (again[0], again[2]) == (first, third)
    assert len({first, second, third, again[1], ""}) == 5
    assert {stub.digest for stub in database.reader.run_stubs(SESSION)} == {""}
