"""What the tests of the session databases share: one of every kind and layout, and short ways to say what is stored."""

import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agentos.db import InMemoryDb, PostgresDb, SqliteDb
from agentos.db.base import BaseDb, SessionChange
from agentos.records import AgentSession, Run, Session, TeamSession, WorkflowSession, parse_run
from tests.conftest import PgServer

KINDS = ("sqlite", "postgresql", "memory", "sqlite-list", "sqlite-mixed", "postgresql-list", "postgresql-mixed")
ON_DISK = tuple(kind for kind in KINDS if kind != "memory")

# The session table of Agno 2, with the list of runs in each row.
LIST_TABLE = """CREATE TABLE {table} (
    session_id VARCHAR NOT NULL PRIMARY KEY, session_type VARCHAR NOT NULL, agent_id VARCHAR, team_id VARCHAR,
    workflow_id VARCHAR, user_id VARCHAR, session_data {json}, agent_data {json}, team_data {json},
    workflow_data {json}, metadata {json}, runs {json}, summary {json},
    created_at BIGINT NOT NULL, updated_at BIGINT)"""


@contextmanager
def session_db(kind: str, folder: Path, pg_server: Callable[[], PgServer]) -> Iterator[BaseDb]:
    """Open an empty database of this kind; "-list" has Agno 2's table, "-mixed" a table of runs beside it."""
    vendor, _, layout = kind.partition("-")
    if vendor == "memory":
        yield InMemoryDb()
        return
    db: SqliteDb | PostgresDb
    if vendor == "sqlite":
        file = folder / "not-there-yet" / "agno.db"
        db = SqliteDb(db_file=str(file))
        if layout:
            file.parent.mkdir()
            with sqlite3.connect(file) as connection:
                connection.execute(LIST_TABLE.format(table="agno_sessions", json="JSON"))
            connection.close()
    else:
        url = pg_server().database()
        db = PostgresDb(db_url=url)
        if layout:
            made = LIST_TABLE.format(table="ai.agno_sessions", json="JSONB")
            pg_server().psql(url.partition("?")[0].rpartition("/")[2], f"CREATE SCHEMA ai; {made}".encode())
    try:
        if layout == "mixed":
            make_runs_table(db)
        yield db
    finally:
        db.close()


def make_runs_table(db: SqliteDb | PostgresDb) -> None:
    """Do what Agno 3 does to a database of Agno 2's on its first write."""
    from agentos.db.layout import forget
    from agentos.db.schema import create_tables
    from agentos.db.writer_connection import writing

    with writing(db.source) as connection:
        create_tables(connection, db.source, 0)
    forget(db.source)


def agent(session_id: str = "s1", **columns: Any) -> AgentSession:
    """Return an agent's session of alice, unless told otherwise."""
    return AgentSession(session_id, **{"agent_id": "a1", "user_id": "alice", "created_at": 1000, **columns})


def team(session_id: str, **columns: Any) -> TeamSession:
    """Return a team's session of alice, unless told otherwise."""
    return TeamSession(session_id, **{"team_id": "t1", "user_id": "alice", "created_at": 1000, **columns})


def workflow(session_id: str, **columns: Any) -> WorkflowSession:
    """Return a workflow's session of alice, unless told otherwise."""
    return WorkflowSession(session_id, **{"workflow_id": "w1", "user_id": "alice", "created_at": 1000, **columns})


def run(run_id: str | None = None, session_id: str = "s1", **more: Any) -> Run:
    """Return a small run of alice's with ten tokens."""
    raw = {
        "run_id": run_id or str(uuid.uuid4()),
        "agent_id": "a1",
        "session_id": session_id,
        "user_id": "alice",
        "status": "COMPLETED",
        "created_at": 1000,
        "metrics": {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10},
        "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello ✓"}],
    }
    parsed = parse_run({key: value for key, value in {**raw, **more}.items() if value is not None})
    assert isinstance(parsed, Run)
    return parsed


def save(db: BaseDb, *runs: Run, session: Session | None = None, **change: Any) -> None:
    """Save a change of alice's session "s1", unless told otherwise."""
    db.save(SessionChange(session or agent(), runs, **change))


def ids(found: Any) -> list[str]:
    """Return the ids of runs or sessions, whatever form they have."""
    return [_id(each.to_dict() if isinstance(each, Run | Session) else each) for each in found]


def _id(row: dict[str, Any]) -> str:
    return str(row.get("run_id") or row["session_id"])


def stored_runs(db: BaseDb, session_id: str = "s1") -> list[str]:
    """Return the ids of all stored runs of a session, in order."""
    return ids(db.last_runs(session_id, None, top_level=False))
