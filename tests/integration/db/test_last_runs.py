"""The last runs of a session are the same however they are found: at the end of a list, by a walk, or in rows."""

from typing import Any

import pytest

from agentos.db import PostgresDb
from agentos.db.base import BaseDb
from tests.conftest import PgServer
from tests.integration.db.session_dbs import ids, run, save, session_db, stored_runs

RUNS = 45


def numbered(number: int) -> dict[str, Any]:
    """Return what tells the runs apart: every fifth failed, and from the 10th to the 40th all but two have a parent."""
    is_child = 10 <= number < 40 and number not in (15, 30)
    return {"status": "ERROR" if number % 5 == 4 else "COMPLETED", "parent_run_id": "leader" if is_child else None}


@pytest.fixture
def filled(session_database: BaseDb) -> BaseDb:
    save(session_database, *(run(f"run-{number}", **numbered(number)) for number in range(RUNS)))
    return session_database


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [1, 3, 5, 6, 20, 21, 100])
@pytest.mark.parametrize("top_level", [True, False])
def test_the_last_runs(filled: BaseDb, limit: int, top_level: bool) -> None:
    kept = [n for n in range(RUNS) if numbered(n)["status"] != "ERROR"]
    wanted = [f"run-{n}" for n in kept if not (top_level and numbered(n)["parent_run_id"])]

    found = filled.last_runs("s1", limit, top_level=top_level, skip_statuses={"ERROR"})

    assert ids(found) == wanted[-limit:]
    assert stored_runs(filled) == [f"run-{number}" for number in range(RUNS)]


@pytest.mark.django_db
@pytest.mark.parametrize("stored", ['{"run_id": "x"}', '"x"', "null", "[]", "[1, null]"])
def test_what_is_no_list_of_runs_has_no_last_run(stored: str, pg_server: PgServer, tmp_path: Any) -> None:
    with session_db("postgresql-list", tmp_path, lambda: pg_server) as db:
        assert isinstance(db, PostgresDb) and db.db_url
        save(db, run("first"))
        name = db.db_url.partition("?")[0].rpartition("/")[2]
        pg_server.psql(name, f"UPDATE ai.agno_sessions SET runs = '{stored}'".encode())

        assert db.last_runs("s1", 1) == []
