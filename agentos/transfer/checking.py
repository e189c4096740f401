"""Whether a session from a file could be stored, and Agno load it then: what is wrong, in sentences."""

import math
from collections.abc import Iterator
from typing import Any, Final

from agentos.db.exact import JSON_COLUMNS, StoredRun
from agentos.db.faults import SourceError
from agentos.db.writer import check_writable
from agentos.db.writer_check import check_summary
from agentos.db.writer_json import MAX_DEPTH
from agentos.db.writer_rules import KINDS, storable_id
from agentos.records import SESSION_COLUMNS, Run

_COLUMNS: Final = frozenset(SESSION_COLUMNS) - {"runs"}
_TEXTS: Final = ("agent_id", "team_id", "workflow_id", "user_id", "parent_run_id", "status")
_SMALLEST, _LARGEST = -(2**63), 2**63


def session_problems(session: dict[str, Any], vendor: str) -> Iterator[str]:
    """Yield what keeps a session's columns from being stored in a database of this vendor."""
    if session.keys() - _COLUMNS:
        yield "The session has a column that Agno does not know."
    if session.get("session_type") not in KINDS:
        yield "The session is of a type that Agno does not know: it is no agent, team or workflow."
    if not _is_id(session.get("session_id")):
        yield "The session has no id that could be stored."
    for name in ("agent_id", "team_id", "workflow_id", "user_id"):
        if session.get(name) is not None and not _is_text(session[name]):
            yield f"The session's {name} is no text that could be stored."
    if not _is_integer(session.get("created_at")) or not _is_integer(session.get("updated_at") or 0):
        yield "The session's times are no whole numbers of seconds."
    for name in JSON_COLUMNS:
        yield from _column_problems(name, session.get(name), vendor)


def _column_problems(name: str, value: Any, vendor: str) -> Iterator[str]:
    if not isinstance(value, dict | None) and not (name == "summary" and isinstance(value, str)):
        yield f"The session's {name} is no object."
        return
    if name == "summary" and not isinstance(value, str):
        try:
            check_summary(value)
        except SourceError as error:
            yield str(error)
    if problem := unstorable(value, vendor):
        yield f"The session's {name} cannot be stored: {problem}."


def run_problem(run: StoredRun, vendor: str) -> str | None:
    """Return what keeps a run from being stored in a database of this vendor, or Agno from loading it, None if nothing.

    Whether it is of the file's session is left to the caller.
    """
    if not isinstance(run.value, dict):
        return "It is no object, so Agno could not load the session."
    try:
        check_writable(Run.from_dict(run.value), as_history=False)
    except SourceError as error:
        return str(error)
    if not _is_id(run.value["run_id"]) or not _is_integer(run.value["created_at"]):
        return "Its id or its time is none that could be stored."
    if problem := unstorable(run.value, vendor):
        return f"It cannot be stored: {problem}."
    return _row_problem(run)


def _row_problem(run: StoredRun) -> str | None:
    """Return what is wrong with the columns of a run's row."""
    columns = run.columns
    if any(columns.get(key, run.value[key]) != run.value[key] for key in ("run_id", "session_id")):
        return "Its row has other ids than the run itself."
    if columns.get("run_type", KINDS[0]) not in KINDS:
        return "Its row has a run_type that Agno does not know."
    if any(columns.get(key) is not None and not _is_text(columns[key]) for key in _TEXTS):
        return "A column of its row is no text that could be stored."
    times = (columns.get("created_at", 0), columns.get("updated_at") or 0, columns.get("run_index") or 0)
    if not all(map(_is_integer, times)):
        return "A time of its row, or its run_index, is no whole number."
    return None


def unstorable(value: Any, vendor: str) -> str | None:
    """Return why a JSON value cannot be stored as it is, and where in it; None when it can.

    SQLite holds everything that JSON can say, and NaN and Infinity as Agno writes them. PostgreSQL refuses these, half
    surrogate pairs and NUL. It takes the other control characters, which Agno would remove.
    """
    stack: list[tuple[Any, tuple[str, ...]]] = [(value, ())]
    while stack:
        item, path = stack.pop()
        if len(path) > MAX_DEPTH:
            return f"it is nested more than {MAX_DEPTH} levels deep"
        if isinstance(item, dict):
            stack += [(key, (*path, "a name")) for key in item if not key.isascii() or not key.isprintable()]
            stack += [(each, (*path, key)) for key, each in item.items()]
        elif isinstance(item, list):
            stack += [(each, (*path, str(at))) for at, each in enumerate(item)]
        elif vendor == "postgresql" and (problem := _refused(item)):
            return f"{_place(path)} {problem}, which PostgreSQL cannot hold"
    return None


def _refused(item: Any) -> str | None:
    if isinstance(item, float) and not math.isfinite(item):
        return "is a number beyond all numbers (NaN or Infinity)"
    if isinstance(item, str) and not storable_id(item):
        return "has NUL or half a surrogate pair in it"
    return None


def _place(path: tuple[str, ...]) -> str:
    shown = ".".join(part if part.isascii() and part.isprintable() else "…" for part in path)
    return shown[:120] or "it"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and storable_id(value)


def _is_id(value: Any) -> bool:
    return bool(value) and _is_text(value)


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and _SMALLEST <= value < _LARGEST
