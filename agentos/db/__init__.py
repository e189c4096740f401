"""Agno's databases: sources to look into (`sources`, `reader`, `writer`), and stores that agents keep sessions in.

`from agentos.db import PostgresDb, SqliteDb, InMemoryDb, SessionType`. Nothing outside this package knows a table or a
column of Agno's.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from agentos.db.base import BaseDb, SessionType
    from agentos.db.in_memory import InMemoryDb
    from agentos.db.postgres_db import PostgresDb
    from agentos.db.sqlite_db import SqliteDb

__all__ = ["BaseDb", "InMemoryDb", "PostgresDb", "SessionType", "SqliteDb"]

_HOMES: Final = {
    "BaseDb": "agentos.db.base",
    "InMemoryDb": "agentos.db.in_memory",
    "PostgresDb": "agentos.db.postgres_db",
    "SessionType": "agentos.db.base",
    "SqliteDb": "agentos.db.sqlite_db",
}


def __getattr__(name: str) -> Any:
    """Import on first use: Django loads this package while it starts, and a store needs it started."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
