"""Agno 3's tables, made only in a source that has none, so that a real Agno opens it as its own."""

from datetime import datetime
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper

from agentos.db.connections import table_name
from agentos.db.layout import runs_table_names
from agentos.db.source import Source

# What Agno 3 stamps its tables with: the release of the last schema change, not of Agno.
SCHEMA_VERSION: Final = "3.0.0"

_SESSIONS: Final = """
    session_id VARCHAR NOT NULL, session_type VARCHAR NOT NULL,
    agent_id VARCHAR, team_id VARCHAR, workflow_id VARCHAR, user_id VARCHAR,
    session_data {json}, agent_data {json}, team_data {json}, workflow_data {json}, metadata {json}, summary {json},
    created_at BIGINT NOT NULL, updated_at BIGINT,
    PRIMARY KEY (session_id)"""
_RUNS: Final = """
    run_id VARCHAR NOT NULL, session_id VARCHAR NOT NULL, run_type VARCHAR NOT NULL,
    agent_id VARCHAR, team_id VARCHAR, workflow_id VARCHAR, user_id VARCHAR, parent_run_id VARCHAR,
    status VARCHAR, run_index BIGINT, run_data {json} NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT,
    PRIMARY KEY (run_id), FOREIGN KEY (session_id) REFERENCES {sessions} (session_id) ON DELETE CASCADE"""
_VERSIONS: Final = """
    table_name VARCHAR NOT NULL, version VARCHAR NOT NULL, created_at VARCHAR NOT NULL, updated_at VARCHAR,
    PRIMARY KEY (table_name)"""

_SESSIONS_INDEXES: Final = ("session_type", "created_at")
_RUNS_INDEXES: Final = (
    *("session_id", "run_type", "agent_id", "team_id", "workflow_id", "user_id", "status", "created_at"),
    "session_id run_index",
)


def lock_creation(connection: BaseDatabaseWrapper) -> None:
    """Let no other process of ours make tables at the same time, until the transaction ends.

    On SQLite the transaction itself is that lock; on PostgreSQL not even "if not exists" waits for anybody.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('agno_tables'))", ())


def create_tables(connection: BaseDatabaseWrapper, source: Source, now: float, *, with_schema: bool = True) -> None:
    """Create the session, runs and schema version tables with Agno 3's columns, indexes and stamp.

    `connection`: of a transaction on a source that has no session table. `now`: unix seconds.
    """
    sessions, runs = source.session_table, runs_table_names(source)[0]
    json = "JSON" if source.vendor == "sqlite" else "JSONB"
    on_postgresql = source.vendor == "postgresql"
    statements = [
        *([f'CREATE SCHEMA IF NOT EXISTS "{source.schema}"'] if on_postgresql and with_schema else []),
        *_table(source, sessions, _SESSIONS.format(json=json), _SESSIONS_INDEXES),
        *_table(source, runs, _RUNS.format(json=json, sessions=table_name(source, sessions)), _RUNS_INDEXES),
        *_table(source, "agno_schema_versions", _VERSIONS, ("created_at",)),
    ]
    time = datetime.fromtimestamp(now).isoformat()  # local and without offset, as Agno writes it
    versions = table_name(source, "agno_schema_versions")
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, ())
        for table in (sessions, runs):
            sql = f"INSERT INTO {versions} VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
            cursor.execute(sql, [table, SCHEMA_VERSION, time, time])


def _table(source: Source, table: str, columns: str, indexes: tuple[str, ...]) -> list[str]:
    """Return the statements for one table and its indexes, named as Agno names them."""
    name = table_name(source, table)
    made = [f"CREATE TABLE IF NOT EXISTS {name} ({columns})"]
    for index in indexes:
        index_name = "_".join(["idx", table, *index.split()])
        made.append(f'CREATE INDEX IF NOT EXISTS "{index_name}" ON {name} ({", ".join(index.split())})')
    return made
