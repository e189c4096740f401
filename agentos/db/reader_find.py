"""Looking for sessions and runs by what they are, a page at a time."""

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import F, Q, TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Coalesce

from agentos.db import reader_lists
from agentos.db.changes import Json, RunQuery, SessionQuery
from agentos.db.connections import connection_for, table_name
from agentos.db.errors import faults_of
from agentos.db.layout import Tables
from agentos.db.models import JSON_COLUMNS, RunRow, run_model, session_model
from agentos.db.source import Source
from agentos.db.stored import as_integer, as_text, is_askable, merged
from agentos.db.writer_json import run_type
from agentos.db.writer_rules import KINDS
from agentos.records import SESSION_COLUMNS

_COLUMNS: Final = tuple(column for column in SESSION_COLUMNS if column != "runs")
_RUN_COLUMNS: Final = tuple(field.name for field in RunRow._meta.get_fields())
# Values of one `IN (…)`: SQLite's older builds take 999 at most.
_AT_ONCE: Final = 500


def sessions(source: Source, query: SessionQuery) -> tuple[list[Json], int]:
    """Return the columns of the sessions of one page, and how many there are on all pages."""
    if not all(_askable(source, text) for text in (query.session_type, query.user_id, query.component_id)):
        return [], 0
    with faults_of(source):
        rows = _sorted(source, _sessions(source).filter(_conditions(query)), query)
        if query.name is not None:
            found = [id_ for id_, name in rows.values_list("session_id", _name(source)) if _has(query.name, name)]
            return by_ids(source, _page(found, query)), len(found)
        page = list(_page(rows, query).values(*_COLUMNS))
        return page, len(page) if query.limit is None and not query.offset else rows.count()


def by_ids(source: Source, ids: Sequence[str]) -> list[Json]:
    """Return the columns of these sessions, in this order; those that are not there are left out."""
    found: dict[str, Json] = {}
    with faults_of(source):
        for start in range(0, len(ids), _AT_ONCE):
            rows = _sessions(source).filter(session_id__in=ids[start : start + _AT_ONCE]).values(*_COLUMNS)
            found |= {row["session_id"]: row for row in rows}
    return [found[id_] for id_ in ids if id_ in found]


def runs(source: Source, tables: Tables, query: RunQuery) -> tuple[list[Json], int]:
    """Return the runs of one page as rows, and how many there are on all pages."""
    wanted = {
        column: str(value)
        for column in ("session_id", "user_id", "agent_id", "team_id", "workflow_id", "status")
        if (value := getattr(query, column)) is not None
    }
    if not all(_askable(source, value) for value in wanted.values()):
        return [], 0
    if not tables.has_list:
        with faults_of(source):
            rows = _sorted_runs(_runs(source).filter(**wanted), query)
            page = list(_page(rows, query).values(*_RUN_COLUMNS))
            return page, len(page) if query.limit is None and not query.offset else rows.count()
    found = [row for row in _listed(source, tables, wanted) if all(row[key] == value for key, value in wanted.items())]
    column = query.sort_by
    if column:
        found.sort(key=lambda row: (row[column] is not None, row[column]), reverse=query.descending)
    return _page(found, query), len(found)


def run(source: Source, tables: Tables, run_id: str) -> Json | None:
    """Return one run as a row."""
    if not _askable(source, run_id):
        return None
    if tables.runs_table:
        with faults_of(source):
            if row := _runs(source).filter(run_id=run_id).values(*_RUN_COLUMNS).first():
                return dict(row)
    if not tables.has_list:
        return None
    for session_id in holders(source, run_id):
        rows = _listed(source, tables, {"session_id": session_id})
        if row := next((row for row in rows if row["run_id"] == run_id), None):
            return row
    return None


def holders(source: Source, run_id: str) -> list[str]:
    """Return the sessions in whose list this run may be: whose text has the id in it, where that can be looked for."""
    plain = run_id if run_id.isascii() and run_id.replace("-", "").replace("_", "").isalnum() else ""
    has = "instr(runs, %s) > 0" if source.vendor == "sqlite" else "strpos(runs::text, %s) > 0"
    table = table_name(source, source.session_table)
    with faults_of(source), connection_for(source).cursor() as cursor:
        cursor.execute(f"SELECT session_id FROM {table} WHERE {has} ORDER BY session_id", [plain])
        return [row[0] for row in cursor.fetchall()]


def _listed(source: Source, tables: Tables, wanted: Json) -> list[Json]:
    """Return the runs of all sessions in question as rows, those in lists too, session by session in Agno's order."""
    narrowed = {key: wanted[key] for key in ("session_id", "user_id") if key in wanted}
    found: list[Json] = []
    with faults_of(source):
        owners = _sessions(source).filter(**narrowed).order_by("created_at", "session_id")
        for session_id, user_id in list(owners.values_list("session_id", "user_id")):
            values = [value for value in reader_lists.whole(source, session_id) if isinstance(value, dict)]
            listed = [_as_row(position, value, session_id, user_id) for position, value in enumerate(values)]
            stored: list[Json] = []
            if tables.runs_table:
                rows = _runs(source).filter(session_id=session_id).order_by(*RunRow.ORDER)
                stored = list(rows.values(*_RUN_COLUMNS))
            found += merged([(row["run_id"], row) for row in listed], [(row["run_id"], row) for row in stored])
    return found


def _as_row(position: int, raw: Json, session_id: str, user_id: str | None) -> Json:
    """Return an element of a list as Agno 3 would move it to its table."""
    return {
        "run_id": as_text(raw.get("run_id")),
        "session_id": session_id,
        "run_type": run_type(raw),
        **{f"{kind}_id": as_text(raw.get(f"{kind}_id")) for kind in KINDS},
        "user_id": user_id,
        "parent_run_id": as_text(raw.get("parent_run_id")),
        "status": as_text(raw.get("status")),
        "run_index": position,
        "run_data": raw,
        "created_at": as_integer(raw.get("created_at")),
        "updated_at": None,
    }


def _conditions(query: SessionQuery) -> Q:
    wanted = Q()
    if query.session_type is not None:
        wanted &= Q(session_type=str(query.session_type))
    if query.user_id is not None:
        wanted &= Q(user_id=query.user_id)
    if query.component_id is not None:
        kinds = KINDS if query.session_type is None else (str(query.session_type),)
        any_of = Q()
        for kind in kinds:
            any_of |= Q(**{f"{kind}_id": query.component_id})
        wanted &= any_of
    if query.start is not None:
        wanted &= Q(created_at__gte=query.start)
    return wanted if query.end is None else wanted & Q(created_at__lte=query.end)


def _sorted(source: Source, rows: Any, query: SessionQuery) -> Any:
    """Sort; sessions that are alike come by their ids, so that a page holds what the page before it does not."""
    if query.sort_by is None:
        return rows.order_by("created_at", "session_id")
    by: Any = F(query.sort_by)
    if query.sort_by == "updated_at":
        by = Coalesce("updated_at", "created_at")
    elif query.sort_by in JSON_COLUMNS:
        by = Cast(query.sort_by, TextField())
    return rows.order_by(_direction(by, query.descending), "session_id")


def _sorted_runs(rows: Any, query: RunQuery) -> Any:
    if query.sort_by is None:
        return rows.order_by(*RunRow.ORDER)
    by = Cast("run_data", TextField()) if query.sort_by == "run_data" else F(query.sort_by)
    return rows.order_by(_direction(by, query.descending), "run_id")


def _direction(by: Any, descending: bool) -> Any:
    """Nothing is less than anything, on both databases."""
    return by.desc(nulls_last=True) if descending else by.asc(nulls_first=True)


def _page(rows: Any, query: SessionQuery | RunQuery) -> Any:
    return rows[query.offset : None if query.limit is None else query.offset + query.limit]


def _name(source: Source) -> Any:
    """Return what gives a session's name, or on SQLite, which knows nothing of JSON in JSON, all of its data."""
    return F("session_data") if source.vendor == "sqlite" else RawSQL("session_data ->> 'session_name'", [])


def _has(part: str, name: Any) -> bool:
    """Whether a name, or the one in session_data, has this part, whatever its case.

    Compared here: databases disagree on the case of letters beyond ASCII, and on what "%" and "_" mean.
    """
    name = name.get("session_name") if isinstance(name, dict) else name
    return isinstance(name, str) and part.casefold() in name.casefold()


def _askable(source: Source, text: str | None) -> bool:
    return text is None or is_askable(source.vendor, text)


def _sessions(source: Source) -> Any:
    connection_for(source)
    return session_model(source)._default_manager.using(source.alias)


def _runs(source: Source) -> Any:
    connection_for(source)
    return run_model(source)._default_manager.using(source.alias)
