"""One whole installation in real processes: web, worker, databases and model server, each of which can be killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2

ROOT = Path(__file__).parents[2]
SOURCE = "lab"
START_SECONDS = 60.0


def wait_until(what: Callable[[], bool], seconds: float = 30.0, *, why: str = "it") -> None:
    """Wait for something that must come."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"{why} did not happen within {seconds:g} s"
        time.sleep(0.05)


class Process:
    """One of our programs, with what it says in a file."""

    def __init__(self, log: Path, env: dict[str, str], *command: str) -> None:
        self.log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT
            )

    @property
    def said(self) -> str:
        """All it has said so far."""
        return self.log.read_text(errors="replace")

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it without a word, as the kernel does when memory is short."""
        self._process.kill()
        self._process.wait()


class Database:
    """A database as it stands, read and locked by plain SQL from outside of the program."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_postgresql = url.startswith("postgresql")

    def connect(self) -> Any:
        """Open a connection in autocommit mode."""
        if self.is_postgresql:
            import psycopg

            return psycopg.connect(self.url, autocommit=True)
        import sqlite3

        return sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=20, isolation_level=None)

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Return the rows of a question; `?` stands for a value."""
        with closing(self.connect()) as connection:
            cursor = connection.execute(*self._asked(sql, values))
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found

    def _asked(self, sql: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return (sql.replace("?", "%s") if self.is_postgresql else sql, *([values] if values else []))

    @contextmanager
    def locked(self, sql: str, *values: Any) -> Iterator[None]:
        """Hold a lock: on PostgreSQL the one that `sql` takes, on SQLite the only one there is."""
        with closing(self.connect()) as connection:
            connection.execute("BEGIN" if self.is_postgresql else "BEGIN IMMEDIATE")
            if self.is_postgresql:
                connection.execute(*self._asked(sql, values))
            yield  # closing the connection lets go


@dataclass(frozen=True)
class StoredRun:
    """A run as the source has it."""

    run_id: str
    raw: dict[str, Any]

    @property
    def tokens(self) -> int:
        """What it says it used."""
        return int((self.raw.get("metrics") or {}).get("total_tokens") or 0)


class Place:
    """An installation. `url_of` gives a database of this name; `model` is the fake model server."""

    def __init__(self, folder: Path, url_of: Callable[[str], str], model: Any, sessions: list[str]) -> None:
        self.folder, self.model = folder, model
        self.gate = folder / "gate"
        self.own, self.source = Database(url_of("own")), Database(url_of("source"))
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = int(found.getsockname()[1])
        self._processes: list[Process] = []
        self._token = self._made(sessions)

    def _made(self, sessions: list[str]) -> str:
        made = subprocess.run(
            [sys.executable, "-m", "tests.faults.program", *sessions],
            cwd=ROOT, env=self.environment(), capture_output=True, text=True,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        return made.stdout.strip().splitlines()[-1]

    def environment(self, **more: str) -> dict[str, str]:
        """Return what its processes are told."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO_", "AGENTOS_"))}
        told = {
            "DJANGO_SETTINGS_MODULE": "agentos.settings",
            "DATABASE_URL": self.own.url,
            "AGENTOS_DATA_DIR": str(self.folder),
            "AGENTOS_SOURCES": f"{SOURCE}={self.source.url}",
            "AGENTOS_AGENTS": "tests.faults.program:tooler",
            "AGENTOS_ACTING_REASON": "false",
            "AGENTOS_TURNS_PER_MINUTE": "0",
            "AGENTOS_TURNS_PER_HOUR": "0",
            "AGENTOS_TURN_THREADS": "20",
            "SECRET_KEY": "only-for-tests, and long enough to be taken for a key",
            "OPENAI_API_KEY": "only-for-tests",
            "OPENAI_BASE_URL": self.model.url,
            "FAULTS_GATE": str(self.gate),
        }
        return kept | told | more

    # --- its processes ------------------------------------------------------------------------------------------
    def start_web(self, turns: str) -> Process:
        """Start the web process, which carries turns out (`turns`: thread) or leaves them to workers (worker)."""
        env = self.environment(AGENTOS_TURNS=turns)
        web = self._started("web", env, "manage.py", "up", "--port", str(self.port))
        wait_until(lambda: self.is_ready() or not web.is_alive(), START_SECONDS, why="the start of the web process")
        assert web.is_alive(), web.said
        return web

    def start_worker(self) -> Process:
        """Start a worker; it is ready when the call returns."""
        log = self.folder / "worker.log"
        said = log.read_text() if log.exists() else ""
        worker = self._started("worker", self.environment(AGENTOS_TURNS="worker"), "manage.py", "worker")
        wait_until(
            lambda: "is ready" in worker.said[len(said) :] or not worker.is_alive(), START_SECONDS, why="a worker"
        )
        assert worker.is_alive(), worker.said
        return worker

    def _started(self, name: str, env: dict[str, str], *command: str) -> Process:
        self._processes.append(Process(self.folder / f"{name}.log", env, "-W", "ignore", *command))
        return self._processes[-1]

    def close(self) -> None:
        """Kill whatever still runs."""
        for process in self._processes:
            process.signal(signal.SIGCONT) if process.is_alive() else None
            process.kill()
        self._client.close()

    # --- its pages ----------------------------------------------------------------------------------------------
    @cached_property
    def _client(self) -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        return httpx2.Client(
            base_url=self.url, headers=headers, timeout=60, limits=httpx2.Limits(max_keepalive_connections=0)
        )

    @property
    def url(self) -> str:
        """Where its pages are."""
        return f"http://127.0.0.1:{self.port}"

    def is_ready(self) -> bool:
        """Whether the web process answers."""
        try:
            return self._client.get("/readyz").status_code == 200
        except httpx2.HTTPError:
            return False

    def say(self, session_id: str, message: str) -> "Sent":
        """Send a message in a session."""
        data = {"message": message, "key": os.urandom(8).hex()}
        answer = self._client.post(f"/sessions/{SOURCE}/{session_id}/turns/", data=data)
        assert answer.status_code == 201, answer.text
        return Sent(self, UUID(answer.json()["turn"]["id"]), session_id)

    def post(self, path: str, **form: str) -> httpx2.Response:
        """Press a button."""
        return self._client.post(path, data=form)

    def get(self, path: str) -> dict[str, Any]:
        """Return a page as data."""
        answer = self._client.get(path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def messages(self, turn_id: UUID, after: int = 0) -> Iterator[tuple[int, str, str]]:
        """Yield a turn's server-sent events as a browser gets them (number, name, data), until the line is cut."""
        headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
        with self._client.stream("GET", f"/turns/{turn_id}/events/", headers=headers) as answer:
            assert answer.status_code == 200
            fields: dict[str, list[str]] = {}
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name:
                    fields.setdefault(name, []).append(value)
                elif "event" in fields:
                    yield int(fields["id"][0]), fields["event"][0], "\n".join(fields["data"])
                    fields = {}

    # --- what is stored -----------------------------------------------------------------------------------------
    def runs(self, session_id: str) -> list[StoredRun]:
        """Return the runs of a session in their order, each of which has to be whole."""
        table = "ai.agno_runs" if self.source.is_postgresql else "agno_runs"
        rows = self.source.rows(
            f"SELECT run_id, run_data FROM {table} WHERE session_id = ? ORDER BY run_index", session_id
        )
        return [StoredRun(run_id, json.loads(raw) if isinstance(raw, str) else raw) for run_id, raw in rows]

    def session_tokens(self, session_id: str) -> int:
        """Return what the session says that all its runs used."""
        table = "ai.agno_sessions" if self.source.is_postgresql else "agno_sessions"
        [(data,)] = self.source.rows(f"SELECT session_data FROM {table} WHERE session_id = ?", session_id)
        data = json.loads(data) if isinstance(data, str) else data
        return int(data["session_metrics"]["total_tokens"])


@dataclass
class Sent:
    """A message that was sent, and what is known of its turn without asking the program."""

    place: Place
    id: UUID
    session_id: str

    @property
    def _key(self) -> str:
        return str(self.id) if self.place.own.is_postgresql else self.id.hex

    @property
    def status(self) -> str:
        """Its state, as the table has it."""
        return str(self.place.own.rows("SELECT status FROM turns_turn WHERE id = ?", self._key)[0][0])

    @property
    def problem(self) -> str:
        """What people are told went wrong."""
        return str(self.place.own.rows("SELECT problem FROM turns_turn WHERE id = ?", self._key)[0][0])

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing more to come."""
        return self.status not in ("queued", "running")

    @property
    def events(self) -> list[tuple[int, str, dict[str, Any]]]:
        """Its log: number, kind, payload."""
        rows = self.place.own.rows(
            "SELECT seq, kind, payload FROM turns_turnevent WHERE turn_id = ? ORDER BY seq", self._key
        )
        return [(seq, kind, json.loads(told) if isinstance(told, str) else told) for seq, kind, told in rows]

    @property
    def text(self) -> str:
        """The answer, as far as its log has it."""
        return "".join(told["text"] for _, kind, told in self.events if kind == "content")

    def retry(self, **form: str) -> "Sent":
        """Send it again; with `go_on` have the model go on with what had arrived."""
        answer = self.place.post(f"/turns/{self.id}/retry/", **form)
        assert answer.status_code == 201, answer.text
        return Sent(self.place, UUID(answer.json()["turn"]["id"]), self.session_id)

    def lock_row(self) -> Any:
        """Hold the turn's row, so that its runner cannot write of it."""
        return self.place.own.locked("SELECT 1 FROM turns_turn WHERE id = ? FOR UPDATE", self._key)
