"""Counts of sessions made in one statement: by the values of facets, over time, and in all.

Only scalars of the catalog are read, of at most so many sessions a question: those updated last.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.core.exceptions import EmptyResultSet
from django.db import connection

from agentos.catalog.models import COUNTED
from agentos.catalog.timebox import timebox

if TYPE_CHECKING:
    from agentos.catalog.queries import SessionQuerySet

# Facets that are columns.
COLUMNS: Final = {
    "source": "source",
    "type": "session_type",
    "status": "last_status",
    "component": "component_key",
    "user": "user_key",
}
# Facets whose values a session has several of: the terms that begin with their name.
TERMS: Final = ("model", "tool", "tag")
# Lengths a bar may have, in seconds: from a minute to 90 days; and how many bars there are at most.
STEPS: Final = (60, 300, 900, 3600, 7200, 21_600, 43_200, 86_400, 604_800, 2_592_000, 7_776_000)
BARS: Final = 72
# Terms are counted over fewer sessions: each has several, in a table of their own.
TERM_SESSIONS: Final = 500
# All of them stand in the indexes that common lists are read by.
_SELECTED: Final = ("id", "updated_at", *COUNTED)
_ERRORS: Final = "count(CASE WHEN error_count > 0 THEN 1 END)"


@dataclass(frozen=True)
class Value:
    """A value of a facet with the number of sessions that have it; `label` and `kind` only of a component."""

    value: str
    count: int
    label: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Question:
    """What to count over `rows` besides how many there are: the facets of these names, and `bars` over time.

    Bars have the first of the lengths `steps` by which there are at most `places` of them, and times up to `until`
    (unix seconds): what claims to be of the future would push all others aside.
    """

    rows: "SessionQuerySet"
    facets: Sequence[str] = ()
    bars: bool = False
    until: int = 0
    steps: tuple[int, ...] = STEPS
    places: int = BARS


@dataclass
class Answer:
    """What was counted. `values`: the most frequent of each facet, and one more if there are more than asked for.

    `bars`: place (unix seconds, a multiple of `step`) to sessions and sessions with errors.
    """

    sessions: int = 0
    errors: int = 0
    step: int = 0
    bars: dict[int, tuple[int, int]] = field(default_factory=dict)
    values: dict[str, list[Value]] = field(default_factory=dict)


def count(questions: Sequence[Question], *, limit: int | None, top: int, seconds: float) -> list[Answer] | None:
    """Answer all questions with one statement; None when that takes longer than `seconds`.

    Each is counted over at most `limit` sessions, those updated last (None: over all). `top`: values a facet.
    """
    tables: list[str] = []
    parts: list[str] = []
    values: list[Any] = []
    for number, question in enumerate(questions):
        rows, time, key = question.rows.by_update()
        found = rows.order_by(f"-{time}", f"-{key}") if limit else question.rows.order_by()
        try:
            sql, given = found.values_list(*_SELECTED)[:limit].query.sql_with_params()
        except EmptyResultSet:
            continue
        tables.append(f"m{number} AS {'' if limit else 'NOT '}MATERIALIZED ({sql})")
        values += given
        parts += [
            f"SELECT {number}, p{number}.* FROM ({part}) AS p{number}"
            for part in _parts(question, f"m{number}", tables, limit, top)
        ]
    answers = [Answer() for _ in questions]
    if parts:
        with timebox(seconds) as box, connection.cursor() as cursor:
            cursor.execute(f"WITH {', '.join(tables)} {' UNION ALL '.join(parts)}", values)
            _read(cursor.fetchall(), answers)
        if box.over:
            return None
    return answers


def _parts(question: Question, table: str, tables: list[str], limit: int | None, top: int) -> list[str]:
    """Return selects of facet, value, label, kind, sessions and errors; add to `tables` what they need."""
    found = [f"SELECT '' AS facet, '' AS value, '' AS label, '' AS kind, count(*) AS n, {_ERRORS} AS bad FROM {table}"]
    if question.bars:
        known = f"updated_at > 0 AND updated_at <= {question.until:d}"
        tables.append(f"{table}t AS MATERIALIZED (SELECT {_step(question)} AS step FROM {table} WHERE {known})")
        found.append(
            "SELECT 'bar', CAST((updated_at / step) * step AS text), CAST(step AS text), '', count(*), "
            f"{_ERRORS} FROM {table}, {table}t WHERE {known} GROUP BY updated_at / step, step"
        )
    found += [_by_column(name, table, top) for name in question.facets if name in COLUMNS]
    terms = [name for name in question.facets if name in TERMS]
    if terms:
        tables.append(_terms(terms, table, f"{table}s", limit))
        found += [_by_term(name, f"{table}s", top) for name in terms]
    return found


def _step(question: Question) -> str:
    # An aggregate in any case, or there would be a row for every session.
    span = "max(updated_at) - min(updated_at)"
    whens = [f"WHEN ({span}) / {step:d} < {question.places - 1:d} THEN {step:d}" for step in question.steps[:-1]]
    return f"CASE WHEN count(*) = 0 THEN 1 {' '.join(whens)} ELSE {question.steps[-1]:d} END"


def _by_column(name: str, table: str, top: int) -> str:
    column, typed = COLUMNS[name], name == "component"
    kind, group = ("session_type", f"{column}, session_type") if typed else ("''", column)
    # The name of a component is that of one of the sessions counted: all of them are the viewer's to see.
    label = "(SELECT component_name FROM catalog_catalogsession AS s WHERE s.id = t.any_id)" if typed else "''"
    counted = (
        f"SELECT coalesce({column}, '') AS value, {kind} AS kind, max(id) AS any_id, count(*) AS n"
        f" FROM {table} GROUP BY {group} ORDER BY n DESC, value LIMIT {top + 1}"
    )
    return f"SELECT '{name}', value, coalesce({label}, ''), kind, n, 0 FROM ({counted}) AS t"


def _terms(names: Sequence[str], table: str, counted: str, limit: int | None) -> str:
    few = f"(SELECT id FROM {table} ORDER BY updated_at DESC, id DESC LIMIT {TERM_SESSIONS})" if limit else table
    wanted = " OR ".join(f"term.term LIKE '{name}:%%'" for name in names)
    return (
        f"{counted} AS MATERIALIZED (SELECT term.term AS term, count(*) AS n FROM {few} AS few"
        f" JOIN catalog_catalogterm AS term ON term.session_id = few.id WHERE {wanted} GROUP BY term.term)"
    )


def _by_term(name: str, table: str, top: int) -> str:
    value = f"substr(term, {len(name) + 2})"
    best = f"SELECT {value} AS value, n FROM {table} WHERE term LIKE '{name}:%%' ORDER BY n DESC, 1 LIMIT {top + 1}"
    return f"SELECT '{name}', value, '', '', n, 0 FROM ({best}) AS t"


def _read(rows: Iterable[tuple[int, str, str, str, str, int, int]], answers: list[Answer]) -> None:
    for at, what, value, label, kind, number, errors in rows:
        answer = answers[at]
        if not what:
            answer.sessions, answer.errors = number, errors
        elif what == "bar":
            answer.step = int(label)
            answer.bars[int(value)] = (number, errors)
        else:
            answer.values.setdefault(what, []).append(Value(value, number, label, kind))
