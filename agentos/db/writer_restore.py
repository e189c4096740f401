"""Storing a session that was exported: as it was to the last column, or not at all.

Nothing is cleaned, filled in or counted here, as it is for a run that was just carried out: what the database cannot
hold as it is, is refused.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from agentos.db.exact import JSON_COLUMNS, StoredRun
from agentos.db.faults import SourceUnavailable
from agentos.db.writer_errors import AlreadyStored, InvalidRun
from agentos.db.writer_json import run_type
from agentos.db.writer_rules import KINDS
from agentos.db.writer_store import Store

# Characters of runs that are put into a list at once: each time the database writes all of the list.
_AT_ONCE: Final = 8_000_000


def restore(store: Store, session: Mapping[str, Any], runs: Iterable[StoredRun]) -> int:
    """Insert a session and its runs, which are checked already, in this order; return how many runs.

    Where runs have rows, `columns` of a run go into its row; where one has none it gets those Agno would give it.

    Raises:
        AlreadyStored: a session or a run of such an id is there.
        InvalidRun: the database has no form for a value.
    """
    if not store.insert(store.tables.sessions, _session_row(store, session), or_not="session_id"):
        raise AlreadyStored(f"A session {session['session_id']!r} is stored already.")
    if store.tables.has_rows:
        return _restore_rows(store, session, runs)
    if not store.tables.has_list:
        raise SourceUnavailable("This database has no table for runs yet; Agno makes it with its first run.")
    return _restore_list(store, session["session_id"], runs)


def _session_row(store: Store, session: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns as Agno's insert has them: data of components of other types is SQL NULL when missing."""
    others = {f"{kind}_data" for kind in KINDS if kind != session["session_type"]}
    row = dict(session)
    for column in JSON_COLUMNS:
        value = row.get(column)
        row[column] = None if value is None and column in others else _column(store, value)
    return row | ({"runs": _column(store, None)} if store.tables.has_list else {})


def _restore_rows(store: Store, session: Mapping[str, Any], runs: Iterable[StoredRun]) -> int:
    count = 0
    for count, run in enumerate(runs, 1):
        raw = run.value
        ids = {key: raw.get(key) for key in ("agent_id", "team_id", "workflow_id", "parent_run_id", "status")}
        as_agno = {
            "run_type": run_type(raw), **ids, "user_id": session["user_id"], "run_index": count - 1,
            "created_at": raw["created_at"], "updated_at": raw["created_at"],
        }  # fmt: skip
        row = as_agno | run.columns | {"run_id": raw["run_id"], "session_id": session["session_id"]}
        if not store.insert(store.tables.runs, {**row, "run_data": _text(store, raw)}, or_not="run_id"):
            raise AlreadyStored(f"A run {raw['run_id']!r} is stored already, in another session.")
    return count


def _restore_list(store: Store, session_id: str, runs: Iterable[StoredRun]) -> int:
    count = 0
    for texts in _pieces(_text(store, run.value) for run in runs):
        sql, params = store.extend_sql(", ".join(texts), is_first=count == 0)
        store.run(f"UPDATE {store.tables.sessions} SET runs = {sql} WHERE session_id = %s", *params, session_id)
        count += len(texts)
    return count


def _pieces(texts: Iterator[str]) -> Iterator[list[str]]:
    piece: list[str] = []
    size = 0
    for text in texts:
        piece.append(text)
        size += len(text)
        if size >= _AT_ONCE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _column(store: Store, value: Any) -> str:
    """Return the text of a JSON column, encoded as the tables' own Agno does."""
    text = _text(store, value)
    return json.dumps(text) if store.encodes_twice and value is not None else text


def _text(store: Store, value: Any) -> str:
    """Return ASCII JSON. Agno itself lets NaN and Infinity into SQLite; PostgreSQL has none."""
    try:
        return json.dumps(value, allow_nan=store.vendor == "sqlite")
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidRun(f"This cannot be stored as JSON: {error}.") from error
