"""Another program that writes Agno's tables, by the SQL that Agno sends, on a connection of its own."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

import psycopg

from agentos.db.sources import Source
from tests.integration.db.writing import decoded

SESSION_COLUMNS = (
    "session_id", "session_type", "agent_id", "team_id", "workflow_id", "user_id", "session_data", "metadata",
    "created_at", "updated_at",
)  # fmt: skip
RUN_COLUMNS = (
    "run_id", "session_id", "run_type", "agent_id", "user_id", "parent_run_id", "status", "run_index", "run_data",
    "created_at", "updated_at",
)  # fmt: skip


class Foreign:
    """Writes sessions and runs of a source in the layout that its tables have: a list in the row, or rows of runs."""

    def __init__(self, source: Source, *, blob: bool) -> None:
        self._sqlite = source.vendor == "sqlite"
        self._blob = blob
        self._schema = "" if self._sqlite else f"{source.schema}."
        self._connection: Any = (
            sqlite3.connect(source.path, isolation_level=None)
            if self._sqlite
            else psycopg.connect(source.url, autocommit=True)
        )

    def close(self) -> None:
        """Leave."""
        self._connection.close()

    def clear(self) -> None:
        """Begin with empty tables."""
        for table in ("agno_sessions",) if self._blob else ("agno_runs", "agno_sessions"):
            self._run(f"DELETE FROM {self._schema}{table}")

    def sessions(self) -> list[str]:
        """The ids of all sessions."""
        return sorted(row[0] for row in self._ask(f"SELECT session_id FROM {self._schema}agno_sessions"))

    def store_session(self, values: dict[str, Any]) -> None:
        """Insert a session or write over it; its runs stay."""
        self._put("agno_sessions", SESSION_COLUMNS, values)

    def set(self, session_id: str, column: str, value: Any) -> None:
        """Change one column, and nothing else, not even the time of the last update: so Agno renames on PostgreSQL."""
        sql = f"UPDATE {self._schema}agno_sessions SET {column} = %s WHERE session_id = %s"
        self._run(sql, self._json(value), session_id)

    def store_run(self, session_id: str, run: dict[str, Any], now: int) -> None:
        """Append a run to its session, or write over the one of its id."""
        if self._blob:
            runs = self._list(session_id)
            at = next((at for at, one in enumerate(runs) if one.get("run_id") == run["run_id"]), len(runs))
            self._store_list(session_id, [*runs[:at], run, *runs[at + 1 :]], now)
            return
        [(index,)] = self._ask(
            f"SELECT coalesce(max(run_index), -1) + 1 FROM {self._schema}agno_runs WHERE session_id = %s", session_id
        )
        known = {"session_id": session_id, "run_type": "agent", "run_index": index, "run_data": run, "updated_at": now}
        self._put("agno_runs", RUN_COLUMNS, run | known)
        self._touch(session_id, now)

    def delete_run(self, session_id: str, run_id: str, now: int) -> None:
        """Take a run out of its session."""
        if self._blob:
            kept = [run for run in self._list(session_id) if run.get("run_id") != run_id]
            self._store_list(session_id, kept, now)
        else:
            self._run(f"DELETE FROM {self._schema}agno_runs WHERE run_id = %s", run_id)
            self._touch(session_id, now)

    def delete_session(self, session_id: str) -> None:
        """Delete a session with its runs."""
        for table in ("agno_sessions",) if self._blob else ("agno_runs", "agno_sessions"):
            self._run(f"DELETE FROM {self._schema}{table} WHERE session_id = %s", session_id)

    def _put(self, table: str, columns: Sequence[str], values: dict[str, Any]) -> None:
        names, key = ", ".join(columns), columns[0]
        places = ", ".join(["%s"] * len(columns))
        kept = ("session_id", "run_id", "created_at", "run_index")
        changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in kept)
        sql = (
            f"INSERT INTO {self._schema}{table} ({names}) VALUES ({places}) ON CONFLICT ({key}) DO UPDATE SET {changed}"
        )
        self._run(sql, *(self._json(values.get(name)) for name in columns))

    def _touch(self, session_id: str, now: int) -> None:
        self._run(f"UPDATE {self._schema}agno_sessions SET updated_at = %s WHERE session_id = %s", now, session_id)

    def _list(self, session_id: str) -> list[dict[str, Any]]:
        [(stored,)] = self._ask(f"SELECT runs FROM {self._schema}agno_sessions WHERE session_id = %s", session_id)
        return decoded(stored) or []

    def _store_list(self, session_id: str, runs: list[dict[str, Any]], now: int) -> None:
        sql = f"UPDATE {self._schema}agno_sessions SET runs = %s, updated_at = %s WHERE session_id = %s"
        self._run(sql, self._json(runs), now, session_id)

    def _json(self, value: Any) -> Any:
        if not isinstance(value, dict | list):
            return value
        text = json.dumps(value)
        return json.dumps(text) if self._sqlite and self._blob else text  # Agno 2 encodes twice on SQLite

    def _run(self, sql: str, *params: Any) -> None:
        self._connection.execute(sql.replace("%s", "?") if self._sqlite else sql, params)

    def _ask(self, sql: str, *params: Any) -> list[Any]:
        found = self._connection.execute(sql.replace("%s", "?") if self._sqlite else sql, params)
        return list(found.fetchall())
