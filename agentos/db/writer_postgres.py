"""The statements of a write on PostgreSQL, where the column is jsonb, or json in databases of early Agno 2."""

from collections.abc import Sequence
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from agentos.db.writer_errors import Malformed
from agentos.db.writer_store import Locked, RunRow, Store, Tables, not_a_list, placed

_JSON_TYPES: Final = frozenset({"json", "jsonb"})


class PostgresStore(Store):
    """Row locks, and Agno's own advisory lock around the choice of a run_index."""

    vendor = "postgresql"
    for_update = "FOR UPDATE"

    def __init__(self, connection: BaseDatabaseWrapper, tables: Tables) -> None:
        super().__init__(connection, tables)
        self._kinds: dict[str, str | None] = {}

    def lock_sql(self) -> str:
        """Select session_type, user_id, session_data and metadata and lock the row."""
        columns = "session_type, user_id, session_data::text, metadata::text"
        return f"SELECT {columns} FROM {self.tables.sessions} WHERE session_id = %s FOR UPDATE"

    def lock(self, session_id: str) -> Locked | None:
        """Lock the row, and take the lock under which Agno 3 chooses a run_index."""
        if self.tables.has_rows:
            self.run("SELECT pg_advisory_xact_lock(hashtext('agno_run_index'), hashtext(%s))", session_id)
        return super().lock(session_id)

    def save(
        self, session: Locked, now: int | None, list_sql: str = "", params: Sequence[Any] = (), **columns: Any
    ) -> None:
        """Write the session; a column that was empty may hold a list then."""
        super().save(session, now, list_sql, params, **columns)
        if list_sql:
            self._kinds.pop(session.session_id, None)

    def text(self, column: str) -> str:
        """Return the column cast to text."""
        return f"{column}::text"

    def list_length(self, session_id: str) -> int:
        """Return how many elements the list has."""
        kind = self._kind(session_id)
        if kind is None:
            return 0
        sql = f"SELECT {kind}_array_length(runs) FROM {self.tables.sessions} WHERE session_id = %s"
        return int(self.run(sql, session_id)[0][0])

    def list_position(self, session_id: str, run_id: str) -> int | None:
        """Return the place of the first element with this run_id."""
        kind = self._kind(session_id)
        if kind is None:
            return None
        place = f"""SELECT min(item.place) - 1 FROM {kind}_array_elements(runs) WITH ORDINALITY AS item(run, place)
            WHERE item.run ->> 'run_id' = %s"""
        params = [run_id]
        if kind == "jsonb":  # whether it is there at all, which a new run is not, costs half of finding out where
            place = f"""SELECT CASE WHEN runs @> jsonb_build_array(jsonb_build_object('run_id', %s::text))
                THEN ({place}) END"""
            params = [run_id, run_id]
        sql = f"SELECT ({place}) FROM {self.tables.sessions} WHERE session_id = %s"
        found = self.run(sql, *params, session_id)[0][0]
        return None if found is None else int(found)

    def list_item(self, session_id: str, position: int) -> str:
        """Return the JSON text of one element."""
        sql = f"SELECT (runs -> %s::int)::text FROM {self.tables.sessions} WHERE session_id = %s"
        return str(self.run(sql, position, session_id)[0][0])

    def append_sql(self, session_id: str, run: RunRow) -> tuple[str, list[Any]]:
        """Append in SQL. A `json` column keeps its text: only the end of it changes.

        Raises:
            Malformed: the column holds something else than a list.
        """
        kind = self._kind(session_id)
        if kind is None:
            return f"runs = %s::{self.tables.list_type},", [f"[{run.json}]"]
        if kind == "jsonb":
            return "runs = runs || jsonb_build_array(%s::jsonb),", [run.json]
        separator = ", " if self.list_length(session_id) else ""
        return r"runs = (regexp_replace(runs::text, '\]\s*$', '') || %s)::json,", [f"{separator}{run.json}]"]

    def extend_sql(self, items: str, *, is_first: bool) -> tuple[str, list[Any]]:
        """Begin a list, or append to it; a `json` column keeps its text."""
        if is_first:
            return f"%s::{self.tables.list_type}", [f"[{items}]"]
        if self.tables.list_type == "jsonb":
            return "runs || %s::jsonb", [f"[{items}]"]
        return r"(regexp_replace(runs::text, '\]\s*$', '') || %s)::json", [f", {items}]"]

    def list_ids(self, session_id: str) -> list[str | None]:
        """Take the list apart in SQL."""
        kind = self._kind(session_id)
        if kind is None:
            return []
        sql = f"""SELECT CASE WHEN {kind}_typeof(item.run) = 'object' THEN item.run ->> 'run_id' END
            FROM {self.tables.sessions}, {kind}_array_elements(runs) WITH ORDINALITY AS item(run, place)
            WHERE session_id = %s ORDER BY item.place"""
        return [row[0] for row in self.run(sql, session_id)]

    def insert_sql(self, session_id: str, runs: Sequence[tuple[int, RunRow]]) -> tuple[str, list[Any]]:
        """Put the list together anew in SQL."""
        kind = self._kind(session_id)
        if kind is None:
            return f"runs = %s::{self.tables.list_type},", [f"[{', '.join(run.json for _, run in runs)}]"]
        sql = f"""runs = (SELECT {kind}_agg(each.run ORDER BY each.place, each.is_old, each.number) FROM (
            SELECT run, place - 1 AS place, 1 AS is_old, 0 AS number
            FROM {kind}_array_elements(runs) WITH ORDINALITY AS item(run, place)
            UNION ALL SELECT item.pair -> 1, (item.pair ->> 0)::bigint, 0, item.place
            FROM {kind}_array_elements(%s::{kind}) WITH ORDINALITY AS item(pair, place)) AS each),"""
        return sql, [placed(runs)]

    def replace_sql(self, session_id: str, position: int, run: RunRow) -> tuple[str, list[Any]]:
        """Set one element of the list."""
        if self._kind(session_id) == "jsonb":
            return "runs = jsonb_set(runs, ARRAY[%s::text], %s::jsonb),", [position, run.json]
        sql = """runs = (SELECT json_agg(CASE WHEN item.place = %s THEN %s::json ELSE item.run END ORDER BY item.place)
            FROM json_array_elements(runs) WITH ORDINALITY AS item(run, place)),"""
        return sql, [position + 1, run.json]

    def _kind(self, session_id: str) -> str | None:
        """Return the column's type, "json" or "jsonb", when it holds a list; None when it is empty.

        Looked up once: PostgreSQL reads all of the column for that, and the row is locked.

        Raises:
            Malformed: it holds something else.
        """
        if session_id not in self._kinds:
            self._kinds[session_id] = self._look_up_kind(session_id)
        return self._kinds[session_id]

    def _look_up_kind(self, session_id: str) -> str | None:
        column = self.tables.list_type
        if column not in _JSON_TYPES:
            raise Malformed(f"the runs column has the type {column}, which Agno never used")
        sql = f"SELECT {column}_typeof(runs) FROM {self.tables.sessions} WHERE session_id = %s"
        holds = self.run(sql, session_id)[0][0]
        if holds in (None, "null"):
            return None
        if holds != "array":
            raise not_a_list()
        return column
