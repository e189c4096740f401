"""What the tests of the writer share: a source in every layout and database, and a look at what is really stored."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agentos.db.connections import connection_for, table_name
from agentos.db.reader import Reader
from agentos.db.schema import create_tables
from agentos.db.sources import Source, use_sources
from agentos.db.writer_connection import writing
from agentos.records import Run
from tests.conftest import CORPUS, PgServer

# Layout, and the corpus database that has it; Agno 3 beside Agno 2's list on PostgreSQL is made from the latter.
PLACES = (
    ("blob", "agno-v2.db"),
    ("blob", "agno-v2.pg.sql.gz"),
    ("table", "agno-v3.db"),
    ("table", "agno-v3.pg.sql.gz"),
    ("mixed", "agno-v2-to-v3.db"),
    ("mixed", "agno-v2.pg.sql.gz"),
)
PLACE_IDS = ["blob", "blob-pg", "table", "table-pg", "mixed", "mixed-pg"]


@contextmanager
def opened(
    place: tuple[str, str], corpus_file: Callable[[str], Path], pg_server: Callable[[], PgServer]
) -> Iterator[Source]:
    """Open a fresh copy of a corpus database as a source."""
    name = place[1]
    url = pg_server().database(CORPUS / name) if name.endswith(".gz") else f"sqlite:///{corpus_file(name)}"
    with use_sources(f"s={url}") as [source]:
        if place == ("mixed", "agno-v2.pg.sql.gz"):
            with writing(source) as connection:
                create_tables(connection, source, 0)
        yield source


def sql(source: Source, statement: str, *params: Any) -> list[tuple[Any, ...]]:
    """Run a statement on the source; {sessions} stands for its session table, {runs} for `agno_runs`."""
    names = {"sessions": table_name(source, source.session_table), "runs": table_name(source, "agno_runs")}
    with connection_for(source).cursor() as cursor:
        cursor.execute(statement.format(**names), params)
        return cursor.fetchall() if cursor.description else []


def column(source: Source, name: str, session_id: str) -> str | None:
    """Return the text of a session's column as stored."""
    cast = "::text" if source.vendor == "postgresql" else ""
    stored = sql(source, f"SELECT {name}{cast} FROM {{sessions}} WHERE session_id = %s", session_id)[0][0]
    return None if stored is None else str(stored)


def run_ids(source: Source, session_id: str) -> list[str | None]:
    """Return the ids of the session's runs, in order."""
    return [run.run_id for run in Reader(source).all_runs(session_id) if isinstance(run, Run)]


def decoded(text: str | None) -> Any:
    """Decode while it is a string."""
    value: Any = text
    while isinstance(value, str):
        value = json.loads(value)
    return value


def agent_run(session_id: str, user_id: str | None, **more: Any) -> Run:
    """Return a small run, tokens included."""
    raw: dict[str, Any] = {
        "run_id": str(uuid.uuid4()),
        "agent_id": "assistant",
        "session_id": session_id,
        "input": {"input_content": "Hi"},
        "content": "Hello ✓",
        "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello ✓"}],
        "metrics": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
        "created_at": int(time.time()),
        "status": "COMPLETED",
    }
    if user_id is not None:
        raw["user_id"] = user_id
    return Run.from_dict({**raw, **more})
