"""Counts of sessions made in one statement: by the values of facets, over time, and in all.

Only scalars of the catalog are read, at most `limit` sessions a question: those updated last.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection

from agentos.catalog.timebox import timebox

if TYPE_CHECKING:
    from agentos.catalog.queries import SessionQuerySet

# Facets that are columns: the column, and those that say what to call its value.
COLUMNS: Final = {
    "source": ("source",),
    "type": ("session_type",),
    "status": ("last_status",),
    "component": ("component_key", "component_name", "session_type"),
    "user": ("user_key",),
}
# Facets whose values a session has several of: the terms that begin with their name.
TERMS: Final = ("model", "tool", "tag")
# Lengths a bar may have, in seconds: from a minute to 90 days; and how many bars there are at most.
STEPS: Final = (60, 300, 900, 3600, 7200, 21_600, 43_200, 86_400, 604_800, 2_592_000, 7_776_000)
BARS: Final = 72
# Terms are counted over fewer sessions: each has several, in a table of their own.
TERM_SESSIONS: Final = 1_000
_SELECTED: Final = (
    "id", "updated_at", "source", "session_type", "last_status", "component_key", "component_name", "user_key",
    "error_count",
)  # fmt: skip


@dataclass(frozen=True)
class Value:
    """A value of a facet with the number of sessions that have it; `label` and `kind` only of a component."""

    value: str
    count: int
    label: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Question:
    """What to count over `rows`: `sessions` (how many, and how many with errors), `bars`, and facets by name.

    Bars have the first of the lengths `steps` by which there are at most `places` of them, and times up to `until`
    (unix seconds): what claims to be of the future would push all others aside.
    """

    rows: "SessionQuerySet"
    facets: Sequence[str] = ()
    sessions: bool = False
    bars: bool = False
    until: int = 0
    steps: tuple[int, ...] = STEPS
    places: int = BARS


@dataclass
class Answer:
    """What was counted. `values`: the most frequent of each facet, at most `top` + 1 of them.

    `bars`: place (unix seconds by `step`) to sessions and sessions with errors.
    """

    sessions: int = 0
    errors: int = 0
    step: int = 0
    bars: dict[int, tuple[int, int]] = field(default_factory=dict)
    values: dict[str, list[Value]] = field(default_factory=dict)


def count(questions: Iterable[Question], *, limit: int | None, top: int, seconds: float) -> Answer | None:
    """Answer all questions with one statement; None when that takes longer than `seconds`.

    Each is counted over at most `limit` sessions, those updated last (None: over all). `top`: values a facet, and one.
    """
    tables: list[str] = []
    parts: list[str] = []
    values: list[Any] = []
    for number, question in enumerate(questions):
        found = question.rows.order_by("-updated_at", "-id") if limit else question.rows.order_by()
        try:
            sql, given = found.values_list(*_SELECTED)[:limit].query.sql_with_params()
        except EmptyResultSet:
            continue
        tables.append(f"m{number} AS {'' if limit else 'NOT '}MATERIALIZED ({sql})")
        values += given
        parts += _parts(question, f"m{number}", tables, limit, top)
    answer = Answer()
    if parts:
        with timebox(seconds) as box, connection.cursor() as cursor:
            cursor.execute(f"WITH {', '.join(tables)} {' UNION ALL '.join(parts)}", values)
            _read(cursor.fetchall(), answer)
        if box.over:
            return None
    return answer


def _parts(question: Question, table: str, tables: list[str], limit: int | None, top: int) -> list[str]:
    found = []
    if question.sessions:
        found.append(f"SELECT '', '', '', '', count(*), {_ERRORS} FROM {table}")
    if question.bars:
        known = f"updated_at > 0 AND updated_at <= {question.until:d}"
        tables.append(f"{table}t AS MATERIALIZED (SELECT {_step(question)} AS step FROM {table} WHERE {known})")
        found.append(
            "SELECT 'bar', CAST((updated_at / step) * step AS text), CAST(step AS text), '', count(*), "
            f"{_ERRORS} FROM {table}, {table}t WHERE {known} GROUP BY updated_at / step, step"
        )
    for name in question.facets:
        if name in COLUMNS:
            found.append(_by_columns(name, table, top))
    terms = [name for name in question.facets if name in TERMS]
    if terms:
        few = f"{table}s"
        newest = f"SELECT id FROM {table}" + (
            f" ORDER BY updated_at DESC, id DESC LIMIT {TERM_SESSIONS}" if limit else ""
        )
        tables.append(f"{few} AS ({newest})")
        found += [_by_term(name, few, top) for name in terms]
    return found


_ERRORS: Final = "count(CASE WHEN error_count > 0 THEN 1 END)"


def _step(question: Question) -> str:
    span = "max(updated_at) - min(updated_at)"
    whens = [f"WHEN ({span}) / {step:d} < {question.places - 1:d} THEN {step:d}" for step in question.steps[:-1]]
    return f"CASE {' '.join(whens)} ELSE {question.steps[-1]:d} END"


def _by_columns(name: str, table: str, top: int) -> str:
    value, *labels = (f"coalesce({column}, '')" for column in COLUMNS[name])
    label, kind = labels or ("''", "''")
    return _top(f"SELECT '{name}', {value}, {label}, {kind}, count(*) AS n, 0 FROM {table} GROUP BY 2, 3, 4", top)


def _by_term(name: str, table: str, top: int) -> str:
    return _top(
        f"SELECT '{name}', substr(term, {len(name) + 2}), '', '', count(*) AS n, 0 FROM catalog_catalogterm AS term"
        f" JOIN {table} ON term.session_id = {table}.id WHERE term.term LIKE '{name}:%%' GROUP BY 2",
        top,
    )


def _top(select: str, top: int) -> str:
    return f"SELECT * FROM ({select} ORDER BY n DESC, 2 LIMIT {top + 1}) AS t"


def _read(rows: Iterable[tuple[str, str, str, str, int, int]], answer: Answer) -> None:
    for what, value, label, kind, number, errors in rows:
        if not what:
            answer.sessions, answer.errors = number, errors
        elif what == "bar":
            answer.step = int(label)
            answer.bars[int(value)] = (number, errors)
        else:
            answer.values.setdefault(what, []).append(Value(value, number, label, kind))
