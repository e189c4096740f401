"""The corpus as sources: each database, and each pair of tables in it, under a name of its own."""

import sqlite3
from pathlib import Path
from typing import Any

from tests.conftest import PG_DUMPS


def texts(name: str, url: str, sessions: list[dict[str, Any]]) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Return (source name, AGENTOS_SOURCES text, manifest entries) for each pair of tables of a corpus database."""
    tables: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for session in sessions:
        key = (session["tables"]["session_table"], session["tables"].get("schema") or "ai")
        tables.setdefault(key, []).append(session)
    found = []
    for number, ((table, schema), expected) in enumerate(tables.items()):
        where = f"{url}{'&' if '?' in url else '?'}session_table={table}"
        where += f"&schema={schema}" if name in PG_DUMPS else ""
        found.append((f"corpus{number}", f"corpus{number}={where}", expected))
    return found


def write(path: Path, sql: str, *params: Any) -> None:
    """Change a SQLite database as some other program would: on a connection of its own, closed at once."""
    with sqlite3.connect(path) as database:
        database.execute(sql, params)
    database.close()
