"""From the arguments of Agno's databases to a source that agents keep their sessions in."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from agentos.db.source import DEFAULT_SESSION_TABLE, Source, check_table_name, source_of

DEFAULT_RUNS_TABLE: Final = "agno_runs"


def file_source(path: str, session_table: str | None, runs_table: str | None) -> Source:
    """Return the source for a SQLite file, given by its path.

    Raises:
        SourceError: a table cannot be called like this.
    """
    source = Source("file", "sqlite", f"sqlite:///{Path(path).expanduser().absolute()}")
    return _named(source, session_table, runs_table)


def url_source(url: str, session_table: str | None, runs_table: str | None, schema: str | None = None) -> Source:
    """Return the source for a database URL; `schema` is PostgreSQL's.

    Raises:
        SourceError: the URL cannot be understood, or a table or schema cannot be called like this.
    """
    source = source_of(url)
    if schema:
        source = replace(source, schema=check_table_name("db_schema", schema))
    return _named(source, session_table or _unlike_default(source.session_table), runs_table or source.runs_table)


def check_arguments(kind: str, engine: Any, others: Mapping[str, Any]) -> None:
    """Refuse what Agno's databases take and ours cannot honour. Names of tables that hold no sessions are no matter.

    Raises:
        TypeError: an engine of SQLAlchemy's is given, or an argument that Agno's database does not have.
    """
    if engine is not None:
        raise TypeError(f"{kind} takes no db_engine, because it does not use SQLAlchemy: give it the URL as db_url.")
    unknown = [name for name in others if not name.endswith("_table")]
    if unknown:
        raise TypeError(f"{kind} has no argument {unknown[0]!r}.")


def _unlike_default(session_table: str) -> str | None:
    return None if session_table == DEFAULT_SESSION_TABLE else session_table


def _named(source: Source, session_table: str | None, runs_table: str | None) -> Source:
    """Return the source with its tables, the runs table by Agno 3's rule, and a name that tells it from any other."""
    sessions = check_table_name("session_table", session_table or DEFAULT_SESSION_TABLE)
    runs = runs_table or (f"{session_table}_runs" if session_table else DEFAULT_RUNS_TABLE)
    named = replace(source, session_table=sessions, runs_table=check_table_name("runs_table", runs), runtime=True)
    told_apart_by = "\n".join([named.url, named.schema, sessions, runs])
    return replace(named, name=f"runtime-{hashlib.sha256(told_apart_by.encode()).hexdigest()[:16]}")
