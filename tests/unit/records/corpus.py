"""The corpus's SQLite databases, read with sqlite3 alone: the reference needs no code of ours."""

import json
import sqlite3
from functools import cache
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).parents[2] / "data" / "corpus"
JSON_COLUMNS = ("session_data", "agent_data", "team_data", "workflow_data", "metadata", "runs", "summary")


@cache
def manifest() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((CORPUS / "manifest.json").read_text())
    databases: dict[str, Any] = content["databases"]
    return {name: entry for name, entry in databases.items() if name.endswith(".db")}


@cache
def session_cases() -> list[tuple[str, dict[str, Any]]]:
    return [(name, session) for name, entry in manifest().items() for session in entry["sessions"]]


def case_id(case: tuple[str, dict[str, Any]]) -> str:
    return f"{case[0]}:{case[1]['session_id'].encode('ascii', 'replace').decode()}"


@cache
def connection(name: str) -> sqlite3.Connection:
    connected = sqlite3.connect(f"file:{CORPUS / name}?mode=ro&immutable=1", uri=True)
    connected.row_factory = sqlite3.Row
    return connected


def stored_row(name: str, session: dict[str, Any]) -> dict[str, Any]:
    """Return the session's row, its JSON columns as the text they are stored as."""
    table = session["tables"]["session_table"]
    row = connection(name).execute(f"SELECT * FROM {table} WHERE session_id = ?", [session["session_id"]]).fetchone()
    return dict(row)


def stored_runs(name: str, session: dict[str, Any]) -> list[Any]:
    """Return the session's runs, decoded, the list and the rows merged as Agno merges them."""
    rows = _run_rows(name, session)
    listed = decode(stored_row(name, session).get("runs")) or []
    runs = [rows.pop(run["run_id"], run) for run in listed]
    return [*runs, *rows.values()]


def _run_rows(name: str, session: dict[str, Any]) -> dict[str, Any]:
    table = session["tables"].get("runs_table")
    known = connection(name).execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone()
    if not known:
        return {}
    found = connection(name).execute(
        f"SELECT run_id, run_data FROM {table} WHERE session_id = ? ORDER BY run_index, created_at, run_id",
        [session["session_id"]],
    )
    return {run_id: decode(data) for run_id, data in found}


def decode(value: Any) -> Any:
    while isinstance(value, str):
        value = json.loads(value)
    return value
