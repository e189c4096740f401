"""The three stores, a scriptable model server, and what it was sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentos import OpenAIChat
from agentos.db import BaseDb, InMemoryDb, PostgresDb, SqliteDb
from tests.conftest import PgServer


class ModelServer:
    """A model server: what it is to say next, and what it was asked so far."""

    def __init__(self, server: Any) -> None:
        self.server = server

    def model(self, **options: Any) -> OpenAIChat:
        """A model that asks this server."""
        return OpenAIChat(id="gpt-4o-mini", api_key="only-for-tests", base_url=self.server.url, **options)

    def says(self, *replies: str | dict[str, Any]) -> None:
        """Queue answers: a text, or a reply as tests/fake_model.py has it."""
        self.server.brain.enqueue("*", [{"content": reply} if isinstance(reply, str) else reply for reply in replies])

    def calls(self, *calls: tuple[str, dict[str, Any]]) -> None:
        """Queue an answer that asks for tools."""
        self.says({"tool_calls": [{"name": name, "args": args} for name, args in calls]})

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The bodies of all requests so far."""
        return [entry["body"] for entry in self.server.brain.log]

    @property
    def last(self) -> list[tuple[str, Any]]:
        """Role and content of the messages of the last request."""
        return [(message["role"], message.get("content")) for message in self.requests[-1]["messages"]]


@pytest.fixture
def server(fake_model: Any) -> ModelServer:
    return ModelServer(fake_model)


@pytest.fixture
def stores_may_be_opened(django_db_blocker: Any) -> Iterator[None]:
    """Stores are no databases of the tests' own, so no transaction is needed around what happens in them."""
    from agentos.db.connections import close_connections

    with django_db_blocker.unblock():
        yield
        close_connections()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, stores_may_be_opened: None, tmp_path: Path) -> BaseDb:
    """An empty store of each kind."""
    return make_store(request, request.param, tmp_path)


@pytest.fixture
def sqlite_store(stores_may_be_opened: None, tmp_path: Path) -> BaseDb:
    return SqliteDb(db_file=str(tmp_path / "agno.db"))


def kept(store: BaseDb, session_id: str = "s") -> Any:
    """The stored session with its runs; there has to be one."""
    session = store.get_session(session_id)
    assert session is not None
    return session


def make_store(request: pytest.FixtureRequest, kind: str, folder: Path, **options: Any) -> BaseDb:
    """A store of that kind, of its own."""
    if kind == "memory":
        return InMemoryDb()
    if kind == "sqlite":
        return SqliteDb(db_file=str(folder / "agno.db"), **options)
    server: PgServer = request.getfixturevalue("pg_server")
    return PostgresDb(db_url=server.database().replace("postgresql://", "postgresql+psycopg://"), **options)
