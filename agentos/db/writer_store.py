"""The statements of one write, inside its transaction: what SQLite and PostgreSQL have in common."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.db.backends.base.base import BaseDatabaseWrapper

from agentos.db.writer_errors import Malformed
from agentos.db.writer_json import Json, clean, clean_text, decode_object, encode, encode_object, run_type


@dataclass(frozen=True)
class Tables:
    """Where a source keeps things now.

    `sessions`, `runs`: quoted names; `runs` is "" while Agno 3's runs table is not there.
    `list_type`: the type of Agno 2's `runs` column, "" when the session table has none.
    """

    sessions: str
    runs: str
    list_type: str

    @property
    def has_list(self) -> bool:
        """Whether a session's row has a list of runs."""
        return bool(self.list_type)

    @property
    def has_rows(self) -> bool:
        """Whether runs have rows of their own."""
        return bool(self.runs)


@dataclass(frozen=True)
class Locked:
    """A session row as it is now, held until the transaction ends."""

    session_id: str
    kind: str
    user_id: str | None
    session_data: dict[str, Any]
    double: bool  # session_data is encoded twice
    metadata: str | None  # as stored


@dataclass(frozen=True)
class RunRow:
    """One run as both layouts need it."""

    run_id: str
    json: str
    raw: dict[str, Any]

    @property
    def columns(self) -> dict[str, Any]:
        """The runs table's copies of the run's own values."""
        ids = {key: self.raw.get(key) for key in ("agent_id", "team_id", "workflow_id")}
        return {"run_type": run_type(self.raw), **ids, "parent_run_id": self.raw.get("parent_run_id")}


class Store(ABC):
    """Statements on one source, within a transaction that the caller holds."""

    vendor: ClassVar[str]
    for_update: ClassVar[str] = ""

    def __init__(self, connection: BaseDatabaseWrapper, tables: Tables) -> None:
        self.connection = connection
        self.tables = tables

    def run(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        """Execute one statement and return its rows, none for a statement that has none."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall() if cursor.description else []

    def lock(self, session_id: str) -> Locked | None:
        """Lock the session's row and read it; None when there is no such session.

        Raises:
            Malformed: its session_data cannot be read, so it could not be written back whole.
        """
        rows = self.run(self.lock_sql(), session_id)
        if not rows:
            return None
        kind, user_id, text, metadata = rows[0]
        data, double = decode_object(text)
        double = double or (text in (None, "null") and self.encodes_twice)
        return Locked(session_id, kind, user_id, data, double, metadata)

    @property
    def encodes_twice(self) -> bool:
        """Whether the Agno that owns these tables encodes JSON twice: Agno 2 does, on SQLite."""
        return self.vendor == "sqlite" and not self.tables.has_rows and self.tables.has_list

    @abstractmethod
    def lock_sql(self) -> str:
        """Select session_type, user_id and the texts of session_data and metadata of one session, locking the row."""

    def save(
        self,
        session: Locked,
        now: int | None,
        list_sql: str = "",
        params: Sequence[Any] = (),
        *,
        columns: Mapping[str, dict[str, Any]] | None = None,
    ) -> None:
        """Write session_data and other JSON `columns` and set updated_at if it is `now` another, in one statement.

        `list_sql` with its `params` also changes the `runs` column.
        """
        written = {"session_data": session.session_data, **(columns or {})}
        texts = [encode_object(value, self.vendor, double=session.double) for value in written.values()]
        sets = " ".join(f"{column} = %s," for column in written)
        self.run(
            f"UPDATE {self.tables.sessions} SET {list_sql} {sets} updated_at = coalesce(%s, updated_at)"
            " WHERE session_id = %s",
            *params, *texts, now, session.session_id,
        )  # fmt: skip

    # --- runs as rows -------------------------------------------------------------------------------------------
    def stored_rows(self, run_ids: list[str]) -> set[str]:
        """Return which of these runs have a row, in whatever session: run ids are unique in the whole table."""
        if not run_ids:
            return set()
        marks = ", ".join(["%s"] * len(run_ids))
        return {
            row[0] for row in self.run(f"SELECT run_id FROM {self.tables.runs} WHERE run_id IN ({marks})", *run_ids)
        }

    def next_index(self, session_id: str) -> int:
        """Return the run_index after everything the session has, in rows and, in a migrated source, in its list."""
        known = self.run(f"SELECT max(run_index) FROM {self.tables.runs} WHERE session_id = %s", session_id)[0][0]
        after_rows = 0 if known is None else known + 1
        return max(after_rows, self.list_length(session_id)) if self.tables.has_list else after_rows

    def insert_row(self, session: Locked, run: RunRow, run_index: int, now: int) -> None:
        """Insert the run's row; user_id is the session's, as Agno has it."""
        values = {
            "run_id": run.run_id,
            "session_id": session.session_id,
            **run.columns,
            "user_id": session.user_id,
            "status": run.raw.get("status"),
            "run_index": run_index,
            "run_data": run.json,
            "created_at": run.raw["created_at"],
            "updated_at": now,
        }
        self.insert(self.tables.runs, values)

    def update_row(self, run: RunRow, now: int) -> None:
        """Replace the run in its row; its place, kind and created_at stay, as in Agno's own upsert."""
        self.run(
            f"""UPDATE {self.tables.runs} SET status = %s, run_data = %s, parent_run_id = %s, updated_at = %s
            WHERE run_id = %s""",
            run.raw.get("status"), run.json, run.raw.get("parent_run_id"), now, run.run_id,
        )  # fmt: skip

    def row_json(self, session_id: str, run_id: str) -> str | None:
        """Return the text of the run's row in this session, or None."""
        sql = f"SELECT {self.text('run_data')} FROM {self.tables.runs} WHERE run_id = %s AND session_id = %s"
        rows = self.run(sql, run_id, session_id)
        return rows[0][0] if rows else None

    def insert(self, table: str, values: dict[str, Any], or_not: str = "") -> bool:
        """Insert one row of plain values; strings are cleaned of what the database cannot hold.

        `or_not`: the column of which another row may have the value already; returns whether none had.
        """
        columns = ", ".join(self.connection.ops.quote_name(name) for name in values)
        marks = ", ".join(["%s"] * len(values))
        cleaned = [self._clean(value) for value in values.values()]
        unless = f"ON CONFLICT ({or_not}) DO NOTHING RETURNING 1" if or_not else ""
        return bool(self.run(f"INSERT INTO {table} ({columns}) VALUES ({marks}) {unless}", *cleaned)) or not or_not

    def insert_session(self, values: dict[str, Any]) -> bool:
        """Insert a session row, its JSON encoded as the tables' own Agno does; return whether there was none."""
        return self.insert(self.tables.sessions, self.encoded_session(values), or_not="session_id")

    def encoded_session(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the columns of a new session row as they are stored; a list of runs begins empty."""
        if self.tables.has_list:
            values = {**values, "runs": Json(None)}
        return {name: self._clean(self.encoded(value)) for name, value in values.items()}

    def lock_sessions(self, ids: Sequence[str], user_id: str | None) -> list[str]:
        """Lock those of these sessions that are there, and this user's if one is given; return their ids."""
        marks = ", ".join(["%s"] * len(ids))
        owned, params = ("", [*ids]) if user_id is None else ("AND user_id = %s", [*ids, user_id])
        sql = f"SELECT session_id FROM {self.tables.sessions} WHERE session_id IN ({marks}) {owned} ORDER BY session_id"
        return [row[0] for row in self.run(f"{sql} {self.for_update}", *params)]

    def _clean(self, value: Any) -> Any:
        return clean_text(value, self.vendor) if isinstance(value, str) else value

    def encoded(self, value: Any) -> Any:
        """Return a value for its column: JSON as text, encoded as the tables' own Agno does."""
        if not isinstance(value, Json):
            return value
        text = encode(clean(value.value, self.vendor))
        return json.dumps(text) if self.encodes_twice and value.value is not None else text

    # --- runs as a list -----------------------------------------------------------------------------------------
    @abstractmethod
    def text(self, column: str) -> str:
        """Return the SQL of a JSON column as text."""

    @abstractmethod
    def list_length(self, session_id: str) -> int:
        """Return how many elements the session's `runs` list has."""

    @abstractmethod
    def list_position(self, session_id: str, run_id: str) -> int | None:
        """Return the place of a run in the session's `runs` list."""

    @abstractmethod
    def list_item(self, session_id: str, position: int) -> str:
        """Return the JSON text of one element of the list."""

    @abstractmethod
    def append_sql(self, session_id: str, run: RunRow) -> tuple[str, list[Any]]:
        """Return `runs = …,` and its parameters, which append the run to the list without taking the list out.

        Raises:
            Malformed: the column holds something that is not a list.
        """

    @abstractmethod
    def extend_sql(self, items: str, *, is_first: bool) -> tuple[str, list[Any]]:
        """Return the SQL, and its parameters, of a list that this writer began, with `items` (JSON) at its end."""

    @abstractmethod
    def list_ids(self, session_id: str) -> list[str | None]:
        """Return the run ids of the session's `runs` list, None for an element that has none."""

    @abstractmethod
    def insert_sql(self, session_id: str, runs: Sequence[tuple[int, RunRow]]) -> tuple[str, list[Any]]:
        """Return `runs = …,` and its parameters, which put each run before the element at its position.

        Raises:
            Malformed: the column holds something that is not a list, or that SQL cannot take apart.
        """

    @abstractmethod
    def replace_sql(self, session_id: str, position: int, run: RunRow) -> tuple[str, list[Any]]:
        """Return `runs = …,` and its parameters, which put the run in the place of one element."""


def placed(runs: Sequence[tuple[int, RunRow]]) -> str:
    """Return runs and before which element of a list they come as JSON, for a statement that puts them there."""
    return f"[{', '.join(f'[{position}, {run.json}]' for position, run in runs)}]"


def not_a_list() -> Malformed:
    """Return the error for a `runs` column that holds something else than a list."""
    return Malformed("the runs of this session are not a list")
