"""The statements of a write on SQLite, where Agno 2 encodes every JSON column twice."""

import json
from collections.abc import Sequence
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from agentos.db.writer_store import Locked, RunRow, Store, Tables, not_a_list, placed

# How the `runs` column of one row is encoded: a list, a JSON string that holds a list, or nothing yet.
# A list that SQLite cannot parse but Python can (NaN, very deep) is told apart in Python.
_FORM: Final = """SELECT CASE
    WHEN runs IS NULL THEN 'none'
    WHEN typeof(runs) <> 'text' OR NOT json_valid(runs) THEN 'odd'
    WHEN json_type(runs) = 'null' THEN 'none'
    WHEN json_type(runs) = 'array' THEN 'single'
    WHEN json_type(runs) <> 'text' OR NOT json_valid(json_extract(runs, '$')) THEN 'odd'
    WHEN json_type(json_extract(runs, '$')) = 'null' THEN 'none'
    WHEN json_type(json_extract(runs, '$')) = 'array' THEN 'double'
    ELSE 'odd' END FROM {sessions} WHERE session_id = %s"""
# Agno's own text ends like this; its length without the end, and what stands before it, are all an append needs.
_ENDS: Final = {"single": "]", "double": ']"'}

# Elements of any type in their order: json_each gives objects and lists as JSON, and all else as SQL values.
_INSERTED: Final = """(SELECT json_group_array(json(item)) FROM (
    SELECT key AS place, 1 AS is_old, 0 AS number, CASE WHEN type IN ('object', 'array') THEN value
        WHEN type IN ('true', 'false', 'null') THEN type ELSE json_quote(value) END AS item FROM json_each({list})
    UNION ALL
    SELECT json_extract(value, '$[0]'), 0, key, json_extract(value, '$[1]') FROM json_each(%s)
    ORDER BY place, is_old, number))"""


class SqliteStore(Store):
    """The caller's transaction is IMMEDIATE, so it holds the only write lock there is."""

    vendor = "sqlite"

    def __init__(self, connection: BaseDatabaseWrapper, tables: Tables) -> None:
        super().__init__(connection, tables)
        self._forms: dict[str, str] = {}

    def lock_sql(self) -> str:
        """Select session_type, user_id, session_data and metadata; the transaction itself is the lock."""
        columns = "session_type, user_id, session_data, metadata"
        return f"SELECT {columns} FROM {self.tables.sessions} WHERE session_id = %s"

    def save(
        self, session: Locked, now: int | None, list_sql: str = "", params: Sequence[Any] = (), **columns: Any
    ) -> None:
        """Write the session; a list that is written may be encoded in another way then."""
        super().save(session, now, list_sql, params, **columns)
        if list_sql:
            self._forms.pop(session.session_id, None)

    def text(self, column: str) -> str:
        """Return the column as it is: SQLite keeps JSON as text."""
        return column

    def list_length(self, session_id: str) -> int:
        """Return how many elements the list has, however it is encoded."""
        form = self._form(session_id)
        if form == "none":
            return 0
        sql = f"SELECT json_array_length({_list_of(form)}) FROM {self.tables.sessions} WHERE session_id = %s"
        return int(self.run(sql, session_id)[0][0]) if form in _ENDS else len(self._parsed(session_id)[0])

    def list_position(self, session_id: str, run_id: str) -> int | None:
        """Return the place of the first element with this run_id."""
        form = self._form(session_id)
        if form == "none":
            return None
        if form not in _ENDS:
            runs = self._parsed(session_id)[0]
            return next(
                (n for n, run in enumerate(runs) if isinstance(run, dict) and run.get("run_id") == run_id), None
            )
        # instr() is the cheap answer for the usual case, a new id, in a column that may hold megabytes.
        plain = run_id if run_id.replace("-", "").replace("_", "").isalnum() and run_id.isascii() else ""
        sql = f"""SELECT min(item.key) FROM {self.tables.sessions}, json_each({_list_of(form)}) AS item
            WHERE session_id = %s AND instr(runs, %s) > 0
            AND CASE WHEN item.type = 'object' THEN json_extract(item.value, '$.run_id') END = %s"""
        found = self.run(sql, session_id, plain, run_id)[0][0]
        return None if found is None else int(found)

    def list_item(self, session_id: str, position: int) -> str:
        """Return the JSON text of one element."""
        form = self._form(session_id)
        if form not in _ENDS:
            return json.dumps(self._parsed(session_id)[0][position])
        sql = f"SELECT json_extract({_list_of(form)}, %s) FROM {self.tables.sessions} WHERE session_id = %s"
        return str(self.run(sql, f"$[{position}]", session_id)[0][0])

    def append_sql(self, session_id: str, run: RunRow) -> tuple[str, list[Any]]:
        """Splice the run in before the end of the list, which leaves all that Agno wrote as it is.

        Raises:
            Malformed: the column holds something else than a list.
        """
        form = self._form(session_id)
        if form == "none":
            return "runs = %s,", [json.dumps(f"[{run.json}]")]
        if form == "odd":
            form = self._parsed(session_id)[1]
        end = _ENDS[form]
        start, tail = self._tail(session_id, len(end))
        if tail != end:  # not written by Agno: let SQLite rewrite it
            appended = f"json_insert({_list_of(form)}, '$[#]', json(%s))"
            return f"runs = {_encoded(appended, form)},", [run.json]
        separator = "" if start.rstrip().endswith("[") and self.list_length(session_id) == 0 else ", "
        piece = separator + run.json
        if form == "double":
            piece = json.dumps(piece)[1:-1]
        return "runs = substr(runs, 1, length(runs) - %s) || %s,", [len(end), piece + end]

    def extend_sql(self, items: str, *, is_first: bool) -> tuple[str, list[Any]]:
        """Begin a list as this database's Agno encodes it, or splice in before its end."""
        form = "double" if self.encodes_twice else "single"
        if is_first:
            whole = f"[{items}]"
            return "%s", [json.dumps(whole) if form == "double" else whole]
        end, piece = _ENDS[form], f", {items}"
        if form == "double":
            piece = json.dumps(piece)[1:-1]
        return "substr(runs, 1, length(runs) - %s) || %s", [len(end), piece + end]

    def list_ids(self, session_id: str) -> list[str | None]:
        """Have SQLite, or else Python, take the list apart."""
        form = self._form(session_id)
        if form == "none":
            return []
        if form not in _ENDS:
            ids = [run.get("run_id") if isinstance(run, dict) else None for run in self._parsed(session_id)[0]]
        else:
            sql = f"""SELECT CASE WHEN item.type = 'object' THEN json_extract(item.value, '$.run_id') END
                FROM {self.tables.sessions}, json_each({_list_of(form)}) AS item WHERE session_id = %s
                ORDER BY item.key"""
            ids = [row[0] for row in self.run(sql, session_id)]
        return [run_id if isinstance(run_id, str) else None for run_id in ids]

    def insert_sql(self, session_id: str, runs: Sequence[tuple[int, RunRow]]) -> tuple[str, list[Any]]:
        """Have SQLite write the list anew, with the runs in it.

        Raises:
            Malformed: SQLite itself cannot parse the list.
        """
        form = self._form(session_id)
        if form == "none":
            text = f"[{', '.join(run.json for _, run in runs)}]"
            return "runs = %s,", [json.dumps(text) if self.encodes_twice else text]
        if form not in _ENDS:
            raise not_a_list()
        return f"runs = {_encoded(_INSERTED.format(list=_list_of(form)), form)},", [placed(runs)]

    def replace_sql(self, session_id: str, position: int, run: RunRow) -> tuple[str, list[Any]]:
        """Set one element of the list.

        Raises:
            Malformed: SQLite itself cannot parse the list.
        """
        form = self._form(session_id)
        if form not in _ENDS:
            raise not_a_list()
        replaced = f"json_set({_list_of(form)}, %s, json(%s))"
        return f"runs = {_encoded(replaced, form)},", [f"$[{position}]", run.json]

    def _form(self, session_id: str) -> str:
        """Return how the list is encoded, looked up once: SQLite reads all of it for that, and the row is locked."""
        if session_id not in self._forms:
            self._forms[session_id] = str(self.run(_FORM.format(sessions=self.tables.sessions), session_id)[0][0])
        return self._forms[session_id]

    def _tail(self, session_id: str, size: int) -> tuple[str, str]:
        """Return the two characters before the last `size`, and those."""
        sql = f"SELECT substr(runs, -%s, 2), substr(runs, -%s) FROM {self.tables.sessions} WHERE session_id = %s"
        before, tail = self.run(sql, size + 2, size, session_id)[0]
        return str(before), str(tail)

    def _parsed(self, session_id: str) -> tuple[list[Any], str]:
        """Return a list that only Python can parse, and its form.

        Raises:
            Malformed: it is no list.
        """
        sql = f"SELECT runs FROM {self.tables.sessions} WHERE session_id = %s"
        try:
            value = json.loads(self.run(sql, session_id)[0][0])
            form = "double" if isinstance(value, str) else "single"
            value = json.loads(value) if isinstance(value, str) else value
        except (TypeError, ValueError, RecursionError) as error:
            raise not_a_list() from error
        if not isinstance(value, list):
            raise not_a_list()
        return value, form


def _list_of(form: str) -> str:
    """Return the SQL of the list inside the column."""
    return "json_extract(runs, '$')" if form == "double" else "runs"


def _encoded(sql: str, form: str) -> str:
    """Return the SQL that encodes a list as the column is encoded."""
    return f"json_quote({sql} || '')" if form == "double" else sql
