"""Connections to sources. Each source is a Django database alias, so models and transactions work as anywhere.

A connection belongs to the thread that asked for it; a thread that ends calls `close_connections()`.
"""

import os
from pathlib import Path
from threading import Lock
from typing import Any, Final

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from agentos.db.backends.opened import opened
from agentos.db.backends.postgresql.base import DatabaseWrapper as PostgreSQLWrapper
from agentos.db.backends.sqlite.base import DatabaseWrapper as SQLiteWrapper
from agentos.db.errors import faults_of, statement_seconds
from agentos.db.source import Source
from agentos.db.standalone import is_helping

# Seconds to wait for a lock that another program holds, and for a server to accept a connection.
LOCK_SECONDS: Final = 5
RUNTIME_LOCK_SECONDS: Final = 30
CONNECT_SECONDS: Final = 5
# A process keeps at most so many connections to a PostgreSQL, none that was idle for a minute: opening one takes longer
# than all that a page asks it. Agents wait longer for one than somebody who looks at a page.
RUNTIME_POOL: Final = {"min_size": 0, "max_size": 10, "timeout": 15, "max_idle": 60}
POOL: Final = {"min_size": 0, "max_size": 20, "timeout": CONNECT_SECONDS, "max_idle": 60}
_registering: Final = Lock()
# Held for ever: letting go of a connection closes it.
_of_parent: Final[list[Any]] = []


def connection_for(source: Source) -> BaseDatabaseWrapper:
    """Return this thread's connection to `source`; it is opened by its first statement.

    A SQLite file that was replaced since it was opened is opened anew. Code that uses models calls this first, because
    it also tells Django about the alias.
    """
    register(source)
    connection = connections[source.alias]
    if connection.settings_dict["SOURCE"] != source:  # a thread that outlived `use_sources`
        connection.close()
        PostgreSQLWrapper.end_pool(source.alias)
        del connections[source.alias]
        connection = connections[source.alias]
    if isinstance(connection, SQLiteWrapper) and connection.file_was_replaced() and not connection.in_atomic_block:
        connection.close()
    return connection


def register(source: Source) -> None:
    """Tell Django about the alias of `source`."""
    with _registering:
        known = connections.settings.get(source.alias)
        if known is None or known["SOURCE"] != source:
            PostgreSQLWrapper.end_pool(source.alias)
            default = connections.settings["default"]
            both = connections.configure_settings({"default": default, source.alias: _database(source)})
            connections.settings[source.alias] = both[source.alias]


def forget_connections(source: Source) -> None:
    """Close the connections that any thread has to `source` and take its alias out of Django."""
    with _registering:
        if source.alias in connections.settings:
            wrapper = connections[source.alias]
            wrapper.close()
            for other in opened(source.alias):
                if other.connection is not None:
                    other.connection.close()
            PostgreSQLWrapper.end_pool(source.alias)
            del connections[source.alias]
            del connections.settings[source.alias]


def close_connections() -> None:
    """Close this thread's connections to all sources, as a thread does before it ends."""
    for wrapper in connections.all(initialized_only=True):
        if "SOURCE" in wrapper.settings_dict:
            wrapper.close()


def give_back(source: Source) -> None:
    """Let go of this thread's connection to a source, unless a transaction is open on it.

    On PostgreSQL it goes back to the pool. A SQLite file stays open in the thread, but not in one that only helps out.
    """
    connection = connections[source.alias] if source.alias in connections.settings else None
    if connection is not None and not connection.in_atomic_block and (source.vendor != "sqlite" or is_helping()):
        connection.close()


def create_database(source: Source) -> None:
    """Make the empty file of a SQLite source that has none yet, and its folder. Reading never does this.

    Raises:
        SourceUnavailable: it cannot be made.
    """
    if source.vendor == "sqlite":
        with faults_of(source):
            Path(source.path).parent.mkdir(parents=True, exist_ok=True)
            Path(source.path).touch()


def _leave_to_parent() -> None:
    """Forget, in a process that was just forked, the connections it cannot share, and close none: they are not its."""
    for wrapper in connections.all(initialized_only=True):
        if "SOURCE" in wrapper.settings_dict:
            _of_parent.append((wrapper, PostgreSQLWrapper.without_pool(wrapper.alias)))
            del connections[wrapper.alias]


os.register_at_fork(after_in_child=_leave_to_parent)


def table_name(source: Source, table: str) -> str:
    """Return `table` quoted, with its schema on PostgreSQL: ready for SQL and for a model's `db_table`."""
    return f'"{source.schema}"."{table}"' if source.vendor == "postgresql" else f'"{table}"'


def _database(source: Source) -> dict[str, Any]:
    """Return the entry for Django's DATABASES."""
    common = {"SOURCE": source, "CONN_MAX_AGE": 0, "AUTOCOMMIT": True, "TIME_ZONE": None}
    if source.vendor == "sqlite":
        options = {
            "read_only": source.read_only,
            "seconds": statement_seconds(source),
            "timeout": RUNTIME_LOCK_SECONDS if source.runtime else LOCK_SECONDS,
            "wal": source.runtime,
            "transaction_mode": "DEFERRED" if source.read_only else "IMMEDIATE",
        }
        return common | {"ENGINE": "agentos.db.backends.sqlite", "NAME": source.path, "OPTIONS": options}
    given = source.options
    return common | {
        "CONN_HEALTH_CHECKS": True,
        "ENGINE": "agentos.db.backends.postgresql",
        "NAME": given.pop("dbname"),
        "USER": given.pop("user", ""),
        "PASSWORD": given.pop("password", ""),
        "HOST": given.pop("host", ""),
        "PORT": given.pop("port", ""),
        "OPTIONS": {
            "connect_timeout": CONNECT_SECONDS,
            "application_name": "agentos-sessions",
            **given,
            "pool": RUNTIME_POOL if source.runtime else POOL,
            "options": " ".join([given.get("options", ""), *_server_options(source)]).strip(),
        },
    }


def _server_options(source: Source) -> list[str]:
    """Return what the server itself holds every statement of the connection to."""
    limits = [f"-c statement_timeout={int(statement_seconds(source) * 1000)}"]
    if source.runtime:
        limits.append(f"-c lock_timeout={RUNTIME_LOCK_SECONDS * 1000}")
    return [*limits, "-c default_transaction_read_only=on"] if source.read_only else limits
