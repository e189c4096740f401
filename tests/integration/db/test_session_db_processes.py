"""Plain scripts, several at once, on a database that is not there yet: no Django project, no setting, no table."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agentos.db import PostgresDb, SqliteDb
from tests.conftest import PgServer
from tests.integration.db.session_dbs import stored_runs

pytestmark = pytest.mark.django_db
PROCESSES, EACH = 4, 10

SCRIPT = """
import asyncio, sys
from agentos.db import PostgresDb, SqliteDb
from agentos.db.base import SessionChange, StateChange
from agentos.records import AgentSession, parse_run

kind, place, number, each = sys.argv[1:]
db = SqliteDb(db_file=place) if kind == "sqlite" else PostgresDb(db_url=place, db_schema="new", session_table="mine")
session = AgentSession("s1", agent_id="a1", created_at=1)

def work():
    for n in range(int(each)):
        run = {"run_id": f"{number}-{n}", "agent_id": "a1", "session_id": "s1", "status": "COMPLETED", "created_at": 1,
               "metrics": {"total_tokens": 1}}
        db.save(SessionChange(session, [parse_run(run)], StateChange({number: n})))
        assert db.last_runs("s1", 1)

async def main():
    work()

sys.stdin.readline()  # all start together
if int(number) % 2:
    work()
else:
    asyncio.run(main())
"""


def run_at_once(kind: str, place: str) -> None:
    """Run the script in several processes at the same time."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "AGENTOS"))}
    arguments = [
        [sys.executable, "-W", "error", "-c", SCRIPT, kind, place, str(n), str(EACH)] for n in range(PROCESSES)
    ]
    processes = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd=Path(__file__).parents[3]
        )
        for command in arguments
    ]
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [(process.returncode, text) for process, text in zip(processes, said, strict=True)] == [(0, "")] * PROCESSES


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_processes_at_one_new_session(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    db: SqliteDb | PostgresDb
    if kind == "sqlite":
        place = str(tmp_path / "new" / "folder" / "agno.db")
        db = SqliteDb(db_file=place)
    else:
        server: PgServer = request.getfixturevalue("pg_server")
        place = server.database()
        db = PostgresDb(db_url=place, db_schema="new", session_table="mine")

    run_at_once(kind, place)

    try:
        found = stored_runs(db)
        assert sorted(found) == sorted(f"{number}-{n}" for number in range(PROCESSES) for n in range(EACH))
        rows = db.get_runs(deserialize=False)
        assert isinstance(rows, tuple)
        assert [row["run_index"] for row in rows[0]] == list(range(PROCESSES * EACH))
        session = db.load_session("s1")
        assert session and session.session_data
        assert session.session_data["session_metrics"] == {"total_tokens": PROCESSES * EACH}
        assert session.session_data["session_state"] == {str(number): EACH - 1 for number in range(PROCESSES)}
    finally:
        db.close()


FORK = """
import asyncio, multiprocessing, sys
from agentos.db import PostgresDb, SqliteDb
from agentos.db.base import SessionChange
from agentos.records import AgentSession, parse_run

kind, place = sys.argv[1:]
db = SqliteDb(db_file=place) if kind == "sqlite" else PostgresDb(db_url=place, db_schema="new", session_table="mine")

def save(run_id):
    run = {"run_id": run_id, "agent_id": "a1", "session_id": "s1", "status": "COMPLETED", "created_at": 1}
    db.save(SessionChange(AgentSession("s1", agent_id="a1", created_at=1), [parse_run(run)]))

async def save_in_loop(run_id):
    save(run_id)

def work(number):
    save(f"{number}-0")
    asyncio.run(save_in_loop(f"{number}-1"))

work("parent")
children = [multiprocessing.get_context("fork").Process(target=work, args=(n,)) for n in range(2)]
for child in children:
    child.start()
for child in children:
    child.join(20)
save("last")
print([child.exitcode for child in children], len(db.last_runs("s1", None)))
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_forked_process_leaves_its_parents_connections_alone(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    place = str(tmp_path / "agno.db") if kind == "sqlite" else request.getfixturevalue("pg_server").database()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "AGENTOS"))}

    printed = subprocess.run(
        [sys.executable, "-c", FORK, kind, place],
        capture_output=True, text=True, timeout=60, env=env, cwd=Path(__file__).parents[3],
    )  # fmt: skip

    assert (printed.stdout, printed.stderr) == ("[0, 0] 7\n", "")
