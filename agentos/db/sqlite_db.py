"""`SqliteDb`: sessions in a file."""

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any, Final

from agentos.db.runtime import check_arguments, file_source, url_source
from agentos.db.sql import SqlDb

DEFAULT_FILE: Final = "agno.db"
_IN_MEMORY: Final = frozenset({":memory:", "sqlite://", "sqlite:///", "sqlite:///:memory:"})


class SqliteDb(SqlDb):
    """Sessions in a SQLite file, made on first use; by default `agno.db` in the working directory.

    `db_url` ("sqlite:///relative.db", "sqlite:////absolute.db") wins over `db_file`. ":memory:" is a file of this
    object's own, gone with it. Threads and processes may share one file.

    Raises:
        SourceError: the URL cannot be understood, or a table cannot be called like this.
        TypeError: a db_engine, or an argument that Agno's SqliteDb does not have.
    """

    def __init__(
        self,
        db_file: str | None = None,
        db_engine: Any = None,
        db_url: str | None = None,
        session_table: str | None = None,
        runs_table: str | None = None,
        *,
        id: str | None = None,
        **other_tables: Any,
    ) -> None:
        check_arguments(type(self).__name__, db_engine, other_tables)
        self.db_url = db_url
        self.db_file: str | None = None
        if (db_url or db_file) in _IN_MEMORY:
            source = file_source(self._private_file(), session_table, runs_table)
        elif db_url:
            source = url_source(db_url, session_table, runs_table)
        else:
            self.db_file = str(Path(db_file or DEFAULT_FILE).expanduser().absolute())
            source = file_source(self.db_file, session_table, runs_table)
        super().__init__(source, id=id)

    def _private_file(self) -> str:
        folder = tempfile.mkdtemp(prefix="agentos-memory-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return f"{folder}/memory.db"
