"""Django's SQLite backend for files that are not ours.

It never creates a file, can be held to reading, stops a statement that takes too long, and reads text that is no UTF-8.
"""

import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from django.db.backends.sqlite3 import base

from agentos.db.backends.opened import remember

# Virtual machine steps between two looks at the clock: about a millisecond of work.
_STEPS: Final = 20_000


class DatabaseWrapper(base.DatabaseWrapper):
    """OPTIONS: `read_only`, `wal` (bool), `seconds` (float, of one statement) and those of Django's backend."""

    deadline = 0.0
    # Device and inode of the file that is open: another file may take its place.
    file_id: tuple[int, int] | None = None

    def get_connection_params(self) -> dict[str, Any]:
        """Return sqlite3's arguments; the file is named by URI, so that SQLite itself holds the mode."""
        params: dict[str, Any] = super().get_connection_params()
        params.pop("read_only")
        params.pop("seconds")
        params.pop("wal")
        params["detect_types"] = 0  # JSON is decoded by the field, and a column's declared type is not ours to trust
        mode = "ro" if self.settings_dict["OPTIONS"]["read_only"] else "rw"
        params["database"] = f"file:{quote(params['database'])}?mode={mode}"
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> sqlite3.Connection:
        """Open the file."""
        connection: sqlite3.Connection = super().get_new_connection(self._openable(conn_params))
        self.file_id = file_id(self.settings_dict["NAME"])
        connection.text_factory = _decode
        connection.create_function("content_hash", 1, content_hash, deterministic=True)
        connection.set_progress_handler(self._is_late, _STEPS)
        if self.settings_dict["OPTIONS"]["read_only"]:
            connection.execute("PRAGMA query_only = ON")
        if self.settings_dict["OPTIONS"]["wal"]:
            _write_ahead(connection)
        remember(self)
        return connection

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor that starts the clock at each statement."""
        return self.connection.cursor(factory=_timed_cursor(self.start_clock))

    def start_clock(self) -> None:
        """Give the statement that starts now its time."""
        self.deadline = time.monotonic() + self.settings_dict["OPTIONS"]["seconds"]

    def file_was_replaced(self) -> bool:
        """Whether the file that is open is no longer the one at its path."""
        return self.connection is not None and self.file_id != file_id(self.settings_dict["NAME"])

    def _is_late(self) -> int:
        return int(self.deadline != 0 and time.monotonic() > self.deadline)

    def _openable(self, conn_params: dict[str, Any]) -> dict[str, Any]:
        """Return arguments that work for a write-ahead-log file in a folder that may not be written.

        SQLite wants to put its locks there. `immutable` does without: with no log beside the file, nobody writes to it.
        """
        path = self.settings_dict["NAME"]
        if not self.settings_dict["OPTIONS"]["read_only"] or Path(f"{path}-wal").exists() or not Path(path).is_file():
            return conn_params
        try:
            with closing(sqlite3.connect(conn_params["database"], uri=True)) as probe:
                probe.execute("PRAGMA schema_version")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
                return {**conn_params, "database": f"{conn_params['database']}&immutable=1"}
        except sqlite3.Error:
            pass  # the connection itself will say what is wrong
        return conn_params


def file_id(path: str) -> tuple[int, int] | None:
    """Return what tells the file now at `path` from any other; None if there is none."""
    try:
        stat = Path(path).stat()
    except OSError:
        return None
    return stat.st_dev, stat.st_ino


def content_hash(content: bytes | None) -> int:
    """Return a number that changes when `content` does. In SQL: content_hash(CAST(column AS BLOB))."""
    return zlib.crc32(content) if content is not None else -1


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let readers and a writer work at the same time, from now on, whoever opens the file."""
    with suppress(sqlite3.OperationalError):  # somebody is at work in the file: the next connection tries again
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _decode(stored: bytes) -> str:
    return stored.decode("utf-8", "replace")


def _timed_cursor(start_clock: Callable[[], None]) -> Callable[[sqlite3.Connection], base.SQLiteCursorWrapper]:
    class TimedCursor(base.SQLiteCursorWrapper):
        def execute(self, query: str, params: Any = None) -> Any:
            start_clock()
            return super().execute(query, params)

        def executemany(self, query: str, param_list: Iterable[Any]) -> Any:
            start_clock()
            return super().executemany(query, param_list)

    return TimedCursor
