"""Fixtures of the databases' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agentos.db.base import BaseDb
from tests.conftest import PgServer
from tests.integration.db.session_dbs import KINDS, session_db


@pytest.fixture(params=KINDS)
def session_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseDb]:
    """An empty session database, of every kind and layout in turn."""

    def server() -> PgServer:
        found: PgServer = request.getfixturevalue("pg_server")
        return found

    with session_db(request.param, tmp_path, server) as opened:
        yield opened
