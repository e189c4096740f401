"""Agno's own database object for a source, for Agno's agents that live in this process.

Agno and SQLAlchemy are asked for only here, and only once somebody has registered one of Agno's objects.
"""

import inspect
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from agentos.db.layout import look
from agentos.db.source import Source

__all__ = ["agno_db", "is_of"]


@lru_cache(maxsize=32)
def agno_db(source: Source) -> Any:
    """Return Agno's `SqliteDb` or `PostgresDb` over the tables of `source`; one a process, as each keeps a pool.

    Raises:
        ImportError: Agno, or what it needs for such a database, is not installed.
        SourceUnavailable: the source cannot be reached.
    """
    tables = {"session_table": source.session_table, "runs_table": source.runs_table or look(source).runs_table}
    if source.vendor == "sqlite":
        kind = import_module("agno.db.sqlite").SqliteDb
        return kind(db_url=f"sqlite:///{source.path}", **_known(kind, tables))
    kind = import_module("agno.db.postgres").PostgresDb
    return kind(db_url=_url(source), db_schema=source.schema, **_known(kind, tables))


def is_of(db: Any, source: Source) -> bool:
    """Whether one of Agno's database objects reads and writes the tables of `source`."""
    url = getattr(getattr(db, "db_engine", None), "url", None)
    if url is None or getattr(db, "session_table_name", None) != source.session_table:
        return False
    if source.vendor == "sqlite":
        return bool(url.get_backend_name() == "sqlite" and url.database and _same_file(url.database, source.path))
    given = source.options
    there = (url.database, url.host or url.query.get("host"), str(url.port or ""))
    here = (given.get("dbname"), given.get("host"), given.get("port", ""))
    return bool(
        url.get_backend_name() == "postgresql" and there == here and getattr(db, "db_schema", "") == source.schema
    )


def _same_file(one: str, other: str) -> bool:
    return Path(one).resolve() == Path(other).resolve()


def _known(kind: type, tables: dict[str, str | None]) -> dict[str, str]:
    """Return the table names that this release knows: Agno 2 has no table of runs."""
    known = inspect.signature(kind).parameters
    return {name: table for name, table in tables.items() if table and name in known}


def _url(source: Source) -> Any:
    given = source.options
    url = import_module("sqlalchemy").URL
    return url.create(
        "postgresql+psycopg",
        username=given.pop("user", None),
        password=given.pop("password", None),
        host=None if given.get("host", "").startswith("/") else given.pop("host", None),
        port=int(given.pop("port", 0)) or None,
        database=given.pop("dbname"),
        query=given,
    )
