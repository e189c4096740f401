"""Processes that try real Agno, of both releases, and our own runtime, by the same program."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import fake_model

DRIVER = Path(__file__).parent / "agno_driver.py"
NEW, OLD, OURS = "3.1.10", "2.9.0", "ours"


def interpreter(side: str) -> Path:
    """Return the Python that has this release of Agno."""
    if side != OLD:
        return Path(sys.executable)
    python = Path(sys.prefix) / "agno2" / "bin" / "python"
    if not python.exists():
        pytest.fail(f"Agno {OLD} is not installed at {python}: `make {Path(sys.prefix).name}/.agno2` does it.")
    return python


class Side:
    """One of those who share the sessions: a release of Agno, or our own runtime, in a process of its own."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        # Whatever would leave this machine meets a proxy that is not there.
        nowhere = {"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}
        env = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO_", "AGENTOS_"))}
        env |= {**nowhere, "NO_PROXY": "127.0.0.1,localhost", "AGNO_TELEMETRY": "false", "PYTHONWARNINGS": "ignore"}
        env["PYTHONPATH"] = str(DRIVER.parents[2]) if name == OURS else ""
        command = [str(interpreter(name)), str(DRIVER), "agentos" if name == OURS else "agno"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, env=env, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )

    def do(self, job: dict[str, Any]) -> dict[str, Any]:
        """Do a job and return what came of it; a failed one fails the test."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        result: dict[str, Any] = json.loads(answer) if answer else {"error": self.log.read_text()}
        assert "error" not in result, f"{self.name}: {result['error']}"
        return result

    def close(self) -> None:
        """Let it end."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()


@pytest.fixture(scope="session")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Side]]:
    """All three, by name; they start at the same time."""
    folder = tmp_path_factory.mktemp("sides")
    started = {name: Side(name, folder) for name in (OLD, NEW, OURS)}
    yield started
    for side in started.values():
        side.close()


@pytest.fixture(scope="module")
def model_server() -> Iterator[Any]:
    """The model of all of them; `.brain.log` holds what it was asked."""
    server = fake_model.start()
    yield server
    server.shutdown()
    server.server_close()
