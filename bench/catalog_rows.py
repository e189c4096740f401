"""Fills the tables of our own catalog by SQL alone, to measure lists over more sessions than a disk has room for.

What stands in a row is made of the row's number, so the same arguments give the same rows, on both databases. No words
are indexed, and no sums by day or hour are made.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from agentos.db.source import Source

NAME: Final = "bench"
_NEWEST: Final = 1_790_000_000
_YEAR: Final = 365 * 86_400
# A prime whose remainders look like dice, and numbers that make one die of another.
_SIDES: Final = 1_000_003
_DICE: Final = (265_441, 597_337, 812_011, 246_823, 266_489, 682_657, 740_771, 93_407)
_TOPICS: Final = "travel billing weather contracts refunds hiring security research onboarding outage".split()
_TOOLS: Final = "search_web get_weather run_sql send_mail read_file wire_money book_table".split()
_MODELS: Final = ("gpt-5-mini", "gpt-5", "claude-sonnet-5", "gemini-3-flash")
_STRIPS: Final = tuple(json.dumps([["COMPLETED", 2400]] * many) for many in (1, 3, 6, 10, 16))
_MOST_RUNS: Final = 200


def fill_catalog(sessions: int, runs: int) -> dict[str, Any]:
    """Fill the empty catalog of our own database; return how much there is. Django must be set up.

    A source called `bench`, a file that does not exist yet, gets the same sessions: it then counts as followed.
    """
    from django.core.management import call_command
    from django.db import connection

    from agentos.catalog.models import CatalogRun, CatalogSession, CatalogTerm

    call_command("migrate", verbosity=0)
    if source := _source():
        _follow(source)
    rows = _Rows(connection.vendor)
    with connection.cursor() as cursor:
        indexes = _drop_indexes(cursor) if rows.on_postgresql else []
        _insert(cursor, CatalogSession, rows.sessions(max(50, sessions // 10)), rows.numbered(sessions, runs))
        _insert(cursor, CatalogRun, rows.runs(), rows.of_sessions())
        for field, values in (("tool", _TOOLS), ("topic", _TOPICS)):
            term = f"'{field}:' || {one_of(values, die(3))}"
            _insert(
                cursor,
                CatalogTerm,
                {"session_id": "n", "term": term, "updated_at": "updated_at"},
                "(SELECT id AS n, updated_at FROM catalog_catalogsession) AS s",
            )
        for statement in indexes:
            cursor.execute(statement)
        if rows.on_postgresql:
            cursor.execute("RESET session_replication_role")
            cursor.execute(
                "SELECT setval('catalog_catalogsession_id_seq', (SELECT max(id) FROM catalog_catalogsession))"
            )
        cursor.execute("VACUUM ANALYZE" if rows.on_postgresql else "ANALYZE")
    if source:
        _fill_source(source)
    _finish(sessions)
    often = {"user": _most("user_id"), "component": _most("component_id")}
    return {"sessions": sessions, "runs": CatalogRun.objects.count(), "run_bytes": 0, "monster": None, **often}


def die(number: int) -> str:
    """Return the expression of a number from 0 to below 1."""
    return f"((CAST(n AS bigint) * {_DICE[number]} + {number}) % {_SIDES} / {_SIDES}.0)"


def whole(expression: str) -> str:
    """Return the expression of a whole number."""
    return f"CAST({expression} AS bigint)"


def one_of(texts: Sequence[str], of_die: str) -> str:
    """Return the expression of one of some texts."""
    cases = " ".join(f"WHEN {of_die} < {(at + 1) / len(texts)} THEN '{text}'" for at, text in enumerate(texts))
    return f"CASE {cases} ELSE '{texts[-1]}' END"


class _Rows:
    """What the rows are made of, as a database writes it."""

    def __init__(self, vendor: str) -> None:
        self.on_postgresql = vendor == "postgresql"

    def numbered(self, sessions: int, runs: int) -> str:
        """Return the rows that sessions are made of: their number, of runs, and the time of their last update."""
        many = whole(f"1 + {runs} * 0.25 / ({die(4)} * 0.95 + 0.02)")
        many = f"CASE WHEN {many} > {_MOST_RUNS} THEN {_MOST_RUNS} ELSE {many} END"
        updated = whole(f"{_NEWEST} - {_YEAR} * {die(5)}")
        errors = whole(f"{die(6)} * {die(6)} * {die(6)} * {die(6)} * 3")
        return (
            f"(SELECT n, {many} AS many, {updated} AS updated, {errors} AS errors FROM {self._series(sessions)}) AS s"
        )

    def of_sessions(self) -> str:
        """Return the rows that runs are made of: the number of a session, and from 0 that of its run."""
        return f"""(SELECT id AS n, i - 1 AS at, created_at + 60 * (i - 1) AS began, session_type, component_id
            FROM catalog_catalogsession JOIN {self._series(_MOST_RUNS, "i")} ON i <= top_level_run_count) AS r"""

    def _series(self, last: int, name: str = "n") -> str:
        if self.on_postgresql:
            return f"generate_series(1, {last}) AS {name}"
        more = f"SELECT 1 AS {name} UNION ALL SELECT {name} + 1 FROM counted WHERE {name} < {last}"
        return f"(WITH RECURSIVE counted({name}) AS ({more}) SELECT {name} FROM counted)"

    def _json(self, text: str) -> str:
        return f"CAST({text} AS jsonb)" if self.on_postgresql else text

    def sessions(self, users: int) -> dict[str, str]:
        """Return an expression for columns of a session."""
        user = f"'user' || {whole(f'{users} * {die(1)} * {die(1)} * {die(1)}')} || '@example.com'"
        user = f"CASE WHEN {die(0)} < 0.1 THEN NULL ELSE {user} END"
        kind = f"CASE WHEN {die(2)} < 0.7 THEN 'agent' WHEN {die(2)} < 0.9 THEN 'team' ELSE 'workflow' END"
        component = f"{kind} || '-' || {whole(f'24 * {die(3)} * {die(3)}')}"
        tokens, topic = whole(f"many * 1000 * (0.3 + {die(7)} * 5)"), one_of(_TOPICS, die(3))
        status = f"CASE WHEN {die(6)} < 0.04 THEN 'ERROR' WHEN {die(6)} < 0.05 THEN 'PAUSED' ELSE 'COMPLETED' END"
        return {
            "id": "n", "source": f"'{NAME}'", "session_id": "'session-' || n", "session_key": "'session-' || n",
            "session_type": kind, "component_id": component, "component_key": component, "component_name": component,
            "user_id": user, "user_key": user, "title": f"'About ' || {topic} || ', case ' || n",
            "session_name": f"CASE WHEN {die(1)} < 0.3 THEN 'Case ' || n ELSE NULL END",
            "preview": f"'The answer about ' || {topic} || ' that was found is this one, number ' || n",
            "model": one_of(_MODELS, die(6)), "created_at": "updated - 60 * many", "updated_at": "updated",
            "last_status": status, "run_count": "many", "top_level_run_count": "many", "forest_run_count": "many",
            "message_count": "4 * many", "own_message_count": "4 * many", "tool_call_count": "2 * many",
            "tool_error_count": "errors", "error_count": "errors", "input_tokens": f"{tokens} - 20 * many",
            "output_tokens": "20 * many", "total_tokens": tokens,
            "cost": f"CASE WHEN {die(2)} < 0.2 THEN NULL ELSE {tokens} * 0.0000007 END",
            "duration": f"many * (0.5 + {die(0)} * 6)", "run_strip": self._json(one_of(_STRIPS, die(4))),
            "topics": self._json(f"""'["' || {topic} || '"]'"""), "stored_bytes": "7000 * many", "mark": _mark(),
        }  # fmt: skip

    def runs(self) -> dict[str, str]:
        """Return an expression for columns of a run."""
        tokens = whole(f"300 + {die(7)} * 5000")
        return {
            "session_id": "n", "ordinal": "at", "root_ordinal": "at", "position": "at", "run_id": "n || '-' || at",
            "run_key": "n || '-' || at", "kind": "session_type", "component_id": "component_id",
            "component_name": "component_id", "status": "'COMPLETED'", "created_at": "began",
            "model": one_of(_MODELS, die(6)), "input_tokens": f"{tokens} - 20", "output_tokens": "20",
            "total_tokens": tokens, "duration": f"0.5 + {die(0)} * 6", "message_count": "4", "own_message_count": "4",
            "tool_call_count": "2", "input_preview": "'What about case ' || n", "size": "7000",
            "content_preview": "'The answer that was found for case ' || n",
        }  # fmt: skip


def _insert(cursor: Any, model: Any, expressions: dict[str, str], rows: str) -> None:
    """Insert a row of a model for each of `rows`; columns without an expression get their default."""
    columns: dict[str, str] = {}
    for field in model._meta.concrete_fields:
        if field.column in expressions or not field.primary_key:
            columns[f'"{field.column}"'] = expressions.get(field.column) or _default(field)
    cursor.execute(
        f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM {rows}"
    )


def _default(field: Any) -> str:
    if field.null:
        return "NULL"
    if getattr(field, "auto_now", False):
        return "CURRENT_TIMESTAMP"
    value = field.get_default()
    if isinstance(value, dict | list):
        return f"'{json.dumps(value)}'"
    return f"'{value}'" if isinstance(value, str) else str(value)


def _drop_indexes(cursor: Any) -> list[str]:
    """Drop the catalog's indexes, and let no trigger follow; return what makes the indexes anew."""
    cursor.execute("SET session_replication_role = replica")
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename LIKE 'catalog_%' AND indexdef NOT LIKE '%UNIQUE%'"
    )
    found = cursor.fetchall()
    for name, _ in found:
        cursor.execute(f'DROP INDEX "{name}"')
    return [definition for _, definition in found]


def _source() -> "Source | None":
    from agentos.db.sources import all_sources

    return next((source for source in all_sources() if source.name == NAME), None)


def _follow(source: "Source") -> None:
    """Make the tables of the source, which counts as followed from then on."""
    from scale import create_tables

    from agentos.catalog.sync import refresh_source
    from agentos.db.connections import connection_for

    create_tables(source.url, "table")
    with connection_for(source).cursor() as cursor:
        # Without a log of its own beside it the file is the same whoever opens it: as quiet as a source can be.
        cursor.execute("PRAGMA journal_mode = DELETE")
    refresh_source(source)


def _fill_source(source: "Source") -> None:
    """Give the source the sessions of the catalog, without content: looks and passes then find all as it should be."""
    from agentos.catalog.models import CatalogSession, SourceState
    from agentos.db.pulse import pulse

    columns = ("session_id", "session_type", "created_at", "updated_at")
    rows = CatalogSession.objects.order_by("pk").values_list(*columns)
    marks = ", ".join("?" * len(columns))
    # On a connection of its own: those of a source let no statement take long.
    with closing(sqlite3.connect(source.path)) as connection, connection:
        connection.executemany(
            f"INSERT INTO agno_sessions ({', '.join(columns)}) VALUES ({marks})", rows.iterator(10_000)
        )
    SourceState.objects.filter(source=source.name).update(pulse=pulse(source))


def _mark() -> str:
    """Return the expression of the mark of a session that has nothing but an id and times."""
    from agentos.db.backends.sqlite.base import content_hash

    return f"updated || '|{content_hash(b'|||')}|None'"


def _finish(sessions: int) -> None:
    """Note the number of sessions, and the totals that lists show."""
    from agentos.catalog.models import SourceState
    from agentos.catalog.totals import refresh

    counts = {"session_count": sessions, "indexed_count": sessions}
    SourceState.objects.update_or_create(source=NAME, defaults=counts)
    refresh(NAME)


def _most(column: str) -> dict[str, Any]:
    from django.db.models import Count

    from agentos.catalog.models import CatalogSession

    rows = CatalogSession.objects.exclude(**{column: None}).values(column).annotate(many=Count("pk"))
    row = rows.order_by("-many").values_list(column, "many")[0]
    return {"id": row[0], "sessions": row[1]}
