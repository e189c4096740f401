"""Starts real Agno, of both releases, in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DRIVER = Path(__file__).parent / "agno_driver.py"
NEW, OLD = "3.1.10", "2.9.0"


def interpreter(release: str) -> Path:
    """Return the Python that has this release of Agno."""
    if release == NEW:
        return Path(sys.executable)
    python = Path(sys.prefix) / "agno2" / "bin" / "python"
    if not python.exists():
        pytest.fail(f"Agno {OLD} is not installed at {python}: `make {Path(sys.prefix).name}/.agno2` does it.")
    return python


def agno(jobs: dict[str, list[dict[str, Any]]], folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Run the driver once for each release, both at the same time, and return its results by release."""
    # Whatever would leave this machine meets a proxy that is not there.
    nowhere = {
        "HTTP_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    env = {**os.environ, **nowhere, "AGNO_TELEMETRY": "false", "PYTHONWARNINGS": "ignore"}
    running = {}
    for release, some in jobs.items():
        asked, answered = folder / f"jobs-{release}.json", folder / f"results-{release}.json"
        asked.write_text(json.dumps(some))
        command = [str(interpreter(release)), str(DRIVER), str(asked), str(answered)]
        log = (folder / f"log-{release}.txt").open("w")
        running[release] = answered, subprocess.Popen(command, env=env, cwd=folder, stdout=log, stderr=log)
        log.close()
    results = {}
    for release, (answered, process) in running.items():
        assert process.wait(timeout=300) == 0, (folder / f"log-{release}.txt").read_text()
        results[release] = json.loads(answered.read_text())
    return results
