"""A session that was exported here and imported there is one that real Agno, of both releases, carries on."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from agentos.db.connections import connection_for
from agentos.db.sources import Source, use_sources
from agentos.transfer.envelope import exact
from agentos.transfer.importing import import_session
from tests.conftest import CORPUS, PgServer
from tests.integration.db.session_dbs import LIST_TABLE
from tests.interop.conftest import NEW, OLD, Side

SESSIONS = ("5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001", "team-coordinate", "wf-sequential", "anonymous-chat")
AS_NEW = "copied / as 新"
# From, the release that carries on there, the vendor of the target.
WAYS = (
    ("agno-v2.db", NEW, "sqlite"),
    ("agno-v2.db", NEW, "postgresql"),
    ("agno-v3.db", OLD, "sqlite"),
    ("agno-v3.db", OLD, "postgresql"),
)


@dataclass
class Carried:
    """What Agno saw of an imported session, and what came of its turn."""

    run_ids: list[str | None]
    before: dict[str, Any]
    result: dict[str, Any]
    after: dict[str, Any]
    asked: list[dict[str, Any]]


@pytest.fixture(scope="module")
def carried(
    pg_server: PgServer, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any, sides: dict[str, Side],
    model_server: Any,
) -> dict[Any, Carried]:  # fmt: skip
    """Every way and session, under its own id and under another."""
    folder = tmp_path_factory.mktemp("imported")
    done = {}
    with django_db_blocker.unblock():
        for name, release, vendor in WAYS:
            target = empty(folder / f"{name}-{vendor}.db", release, vendor, pg_server)
            with use_sources(f"from=sqlite:///{CORPUS / name}?mode=ro, to={target}") as [source, goal]:
                for session_id in SESSIONS:
                    for new_id in (None, f"{AS_NEW} {session_id}"):
                        key = f"{name}-{release}-{vendor}-{session_id}-{new_id is not None}"
                        case = (name, release, vendor, session_id, new_id)
                        done[case] = carry(source, goal, session_id, new_id, key, sides[release], model_server)
    return done


def empty(path: Path, release: str, vendor: str, server: PgServer) -> str:
    """Make a database without tables, which become Agno 3's, or with Agno 2's; return its URL."""
    if vendor == "postgresql":
        url = server.database()
        if release == OLD:
            made = LIST_TABLE.format(table="ai.agno_sessions", json="JSONB")
            server.psql(url.partition("?")[0].rpartition("/")[2], f"CREATE SCHEMA ai; {made}".encode())
        return url
    if release == OLD:
        with sqlite3.connect(path) as database:
            database.execute(LIST_TABLE.format(table="agno_sessions", json="JSON"))
        database.close()
    return f"sqlite:///{path}"


def carry(
    source: Source, goal: Source, session_id: str, new_id: str | None, key: str, side: Side, server: Any
) -> Carried:
    """Export, import, and let Agno continue."""
    document = BytesIO("".join(exact(source, session_id)).encode())
    stored = import_session(document, goal, new_id)
    connection_for(goal).close()
    session = stored.session
    job = {"key": key, "model_url": server.url, "message": "And then? [[say Then the end.]]"}
    job |= {"kind": session.session_type, "url": goal.url, "schema": goal.schema, "component_id": session.component_id}
    job |= {"session_id": stored.session_id, "user_id": session.user_id}
    before = side.do({**job, "do": "view"})
    result = side.do({**job, "do": "run"})
    after = side.do({**job, "do": "view"})
    asked = [entry["body"] for entry in server.brain.log if entry["key"] == key]
    ids = [stored.renaming.runs.get(run_id, run_id) for run_id in stored.run_ids]
    return Carried([*ids], before, result, after, asked)


@pytest.fixture(params=[(*way, id_, as_) for way in WAYS for id_ in SESSIONS for as_ in (False, True)], ids=str)
def case(request: pytest.FixtureRequest, carried: dict[Any, Carried]) -> Iterator[Carried]:
    name, release, vendor, session_id, is_copy = request.param
    yield carried[name, release, vendor, session_id, f"{AS_NEW} {session_id}" if is_copy else None]


def test_agno_carries_on(case: Carried) -> None:
    assert case.before["run_ids"] == case.run_ids and len(case.run_ids) > 0
    assert case.result["status"] == "COMPLETED"
    assert case.after["run_ids"] == [*case.run_ids, case.result["run_id"]]
    known = set(case.run_ids) | {None}
    assert set(case.before["parents"]) <= known


def test_the_model_is_sent_what_came_before(case: Carried) -> None:
    asked = str([entry["messages"] for entry in case.asked])
    last = str(case.before["contents"][-1])
    assert last.split("\n")[0][:20] in asked
