"""What benchmarks of pages share: our server on a database of its own, Agno's beside it, and who looks at the pages."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent))
from load import Server
from scale import ROOT
from sides import Postgres, postgres

HERE: Final = Path(__file__).resolve().parent
SOURCE: Final = "bench"
_START_SECONDS: Final = 60.0


@dataclass
class Place:
    """Where a measurement keeps its databases: a folder, and a server of PostgreSQL unless all are files."""

    folder: Path
    server: Postgres | None

    def database(self, name: str) -> str:
        """Return the URL of an empty database; a file does not exist yet."""
        return self.server.database() if self.server else f"sqlite:///{self.folder / name}.db"

    @property
    def vendor(self) -> str:
        """What the databases are."""
        return "PostgreSQL" if self.server else "SQLite"


@contextmanager
def place(on: str) -> Iterator[Place]:
    """Yield a place for databases (`on`: sqlite or postgresql), which goes with everything in it."""
    with tempfile.TemporaryDirectory(prefix="agentos-bench-") as folder:
        if on == "sqlite":
            yield Place(Path(folder), None)
        else:
            with postgres() as server:
                yield Place(Path(folder), server)


def environment(where: Place, own: str, source: str) -> dict[str, str]:
    """Return the environment of our programs on our own database and a source's."""
    return os.environ | {
        "AGENTOS_DATA_DIR": str(where.folder),
        "AGENTOS_SOURCES": f"{SOURCE}={source}",
        "DATABASE_URL": own,
        "SECRET_KEY": "only-for-benchmarks, and long enough for a key",
        "LOG_LEVEL": "ERROR",
    }


def program(env: dict[str, str], *command: str) -> str:
    """Run one of our programs; return what it printed."""
    done = subprocess.run([sys.executable, *command], env=env, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def index(env: dict[str, str]) -> None:
    """Make the tables of our own database, and the catalog of the source."""
    program(env, "manage.py", "migrate", "--verbosity=0")
    program(env, "manage.py", "sync")


def sign_in() -> tuple[str, ...]:
    """Make an administrator; return the headers of a browser in which they are signed in. Django must be set up."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.create_superuser("bench"))
    return (f"Cookie: {settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}",)


def free_port() -> int:
    """Return a port that nobody listens at."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def _running(command: Sequence[str], port: int, env: dict[str, str]) -> Iterator[int]:
    """Run a server until it is no longer needed; yield the id of its process.

    Raises:
        RuntimeError: it does not listen; with what it said.
    """
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *command], stdout=log, stderr=log, cwd=ROOT, env=env
        )
        try:
            until = time.monotonic() + _START_SECONDS
            while not _listens(port):
                if process.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise RuntimeError(f"{' '.join(command)} did not start:\n{log.read()[-4000:]}")
                time.sleep(0.1)
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def ours(env: dict[str, str], headers: Sequence[str], name: str = "ours") -> Iterator[Server]:
    """Run our application as `manage.py up` does, in one process, for somebody who is signed in."""
    port = free_port()
    options = ["--port", str(port), "--lifespan", "off", "--no-access-log", "--log-level", "warning"]
    with _running(["-m", "uvicorn", "agentos.asgi:application", *options], port, env) as pid:
        yield Server(name, port, tuple(headers), pid)


@contextmanager
def agnos(env: dict[str, str], source: str) -> Iterator[Server]:
    """Run Agno's own server on the source."""
    port = free_port()
    with _running([str(HERE / "peer.py"), source, str(port)], port, env) as pid:
        yield Server("AgentOS", port, pid=pid)


@contextmanager
def bare(env: dict[str, str]) -> Iterator[Server]:
    """Run a bare Django view of 50 rows."""
    port = free_port()
    with _running([str(HERE / "bare.py"), str(port)], port, env):
        yield Server("bare template", port)


def marked(path: Path, mark: str) -> tuple[str, str]:
    """Return a document up to the comment `<!-- mark -->`, and from `<!-- /mark -->` on.

    Raises:
        ValueError: it has no such comments, so there is no place for a table.
    """
    text = path.read_text()
    head, found, rest = text.partition(f"<!-- {mark} -->\n")
    _, ended, tail = rest.partition(f"<!-- /{mark} -->")
    if not found or not ended:
        raise ValueError(f"{path} has no place for {mark!r}.")
    return head + found, ended + tail


def write_table(path: Path, mark: str, lines: Sequence[str]) -> None:
    """Put lines into a document in place of those between two comments; see `marked`."""
    head, tail = marked(path, mark)
    path.write_text("\n".join([head, *lines, "", tail]))
