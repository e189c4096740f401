"""Questions to the index of words, as each database takes them. Words reach it as parameters of statements."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.db import connection
from django.db.models import BooleanField, F, Func, Value

from agentos.catalog.text.extract import KINDS, SORTS
from agentos.catalog.text.store import LABELS, MARK
from agentos.catalog.text.words import Wanted
from agentos.records import dumps, loads

# Rows that are fetched before a word counts as common. Up to there the rows' ids are asked for first, and whatever else
# a query says is asked of them alone. Above, sessions are walked in the order of the list and each is asked for the
# word: as it is common, the walk ends soon. The planner, left alone, takes the wrong one of the two and needs seconds.
COMMON: Final = 20_000

_HITS: Final = {
    # Materialised: with the limit inside, the planner would walk the table instead of asking the index.
    "postgresql": """WITH hits AS MATERIALIZED (
        SELECT id, session_id FROM catalog_catalogtext WHERE words @@ %s::tsquery
    ) SELECT id, session_id FROM hits LIMIT %s""",
    "sqlite": "SELECT rowid, session FROM catalog_words WHERE catalog_words MATCH %s LIMIT %s",
}
_RANKED: Final = {
    "postgresql": """SELECT id, session_id, ts_rank_cd(words, query, 1) * -1, {labels} FROM catalog_catalogtext,
        CAST(%s AS tsquery) AS query WHERE words @@ query AND {among} ORDER BY id DESC LIMIT %s""",
    # Unary plus: one walk over the word's rows, not one for each row asked about.
    "sqlite": """SELECT rowid, session, bm25(catalog_words, 0, 0, 1.0, 0.4, 0.2, 0.1) FROM catalog_words
        WHERE catalog_words MATCH %s AND {among} ORDER BY rowid DESC LIMIT %s""",
}
_WITHIN: Final = "SELECT rowid FROM catalog_words WHERE catalog_words MATCH %s AND {among}"
# The texts of one session are few beside the texts a common word is in, and many beside those of a rare one: here the
# planner knows both numbers.
_RUNS_WITHIN: Final = {
    "postgresql": """SELECT DISTINCT run.ordinal FROM catalog_catalogtext AS text
        LEFT JOIN catalog_catalogrun AS run ON run.id = text.run_id
        WHERE text.words @@ %s::tsquery AND text.session_id = %s ORDER BY run.ordinal""",
    "sqlite": """SELECT DISTINCT run.ordinal FROM catalog_words
        JOIN catalog_catalogtext AS text ON text.id = catalog_words.rowid
        LEFT JOIN catalog_catalogrun AS run ON run.id = text.run_id
        WHERE catalog_words MATCH %s AND text.session_id = %s ORDER BY run.ordinal""",
}
_AMONG: Final = {
    ("postgresql", "session"): "session_id = ANY(%s)",
    ("postgresql", "id"): "id = ANY(%s)",
    ("sqlite", "session"): """+rowid IN (
        SELECT id FROM catalog_catalogtext WHERE session_id IN (SELECT value FROM json_each(%s)))""",
    ("sqlite", "id"): "+rowid IN (SELECT value FROM json_each(%s))",
}


@dataclass(frozen=True)
class Asked:
    """A question to the index: rows with one of the texts, in kinds of text (None: in all)."""

    texts: tuple[Wanted, ...]
    kinds: frozenset[str] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing can match."""
        return not any(text.words for text in self.texts) or self.kinds == frozenset()


class Match(NamedTuple):
    """A row that matches: its id and its session's, its rank (smaller is better), and the labels it matches in."""

    row: int
    session: int
    rank: float
    labels: str


def hits(asked: Asked) -> dict[int, int] | None:
    """Return the session of each row that matches, by row id; None when there are more than COMMON."""
    if asked.is_empty:
        return {}
    if _is_surely_common(asked):
        return None
    with connection.cursor() as cursor:
        cursor.execute(_HITS[connection.vendor], [expression(asked), COMMON + 1])
        found: dict[int, int] = dict(cursor.fetchall())
    return found if len(found) <= COMMON else None


def ranked(asked: Asked, among: str, ids: Collection[int], limit: int) -> list[Match]:
    """Return at most `limit` rows that match, of those with these ids, or of these sessions' (`among`: id, session)."""
    if asked.is_empty or not ids:
        return []
    ranker = _ranked_sqlite if connection.vendor == "sqlite" else _ranked_postgresql
    return ranker(asked, among, sorted(ids), limit)


def runs_within(asked: Asked, session: int) -> list[int | None]:
    """Return the ordinals of the session's runs with a text that matches; None stands for texts of the session."""
    if asked.is_empty:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_RUNS_WITHIN[connection.vendor], [expression(asked), session])
        return [ordinal for (ordinal,) in cursor.fetchall()]


def expression(asked: Asked) -> str:
    """Return the question as the database writes it."""
    write = _write_sqlite if connection.vendor == "sqlite" else _write_postgresql
    texts = [text for text in asked.texts if text.words]
    if asked.kinds is None:
        return write(texts, LABELS, None)
    kinds = [KINDS[name] for name in asked.kinds]
    by_sort = [(sort, "".join(sorted(kind.label for kind in kinds if kind.sort == sort))) for sort in SORTS]
    parts = [write(texts, labels, sort) for sort, labels in by_sort if labels]
    return (" OR " if connection.vendor == "sqlite" else " | ").join(f"({part})" for part in parts)


def _write_postgresql(texts: Iterable[Wanted], labels: str, sort: str | None) -> str:
    where = "" if labels == LABELS else labels

    def phrase(text: Wanted) -> str:
        marks = [":" * bool(where) + where] * len(text.words)
        if text.prefix:
            marks[-1] = f":*{where}"
        return " <-> ".join(f"'{word}'{mark}" for word, mark in zip(text.words, marks, strict=True))

    any_text = " | ".join(f"({phrase(text)})" for text in texts)
    return any_text if sort is None else f"({any_text}) & '{MARK}{sort}'"


def _write_sqlite(texts: Iterable[Wanted], labels: str, sort: str | None) -> str:
    columns = " ".join(labels.lower())
    phrases = (f'"{" ".join(text.words)}"{" *" if text.prefix else ""}' for text in texts)
    any_text = " OR ".join(f"{{{columns}}} : {phrase}" for phrase in phrases)
    return any_text if sort is None else f'({any_text}) AND sort : "{MARK}{sort}"'


def _ranked_postgresql(asked: Asked, among: str, ids: list[int], limit: int) -> list[Match]:
    labels = ", ".join("words @@ %s::tsquery" for _ in LABELS)
    statement = _RANKED["postgresql"].format(labels=labels, among=_AMONG["postgresql", among])
    texts = [text for text in asked.texts if text.words]
    each = [_write_postgresql(texts, label, None) for label in LABELS]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*each, expression(asked), ids, limit])
        rows = cursor.fetchall()
    return [Match(pk, session, rank, _labels(matches)) for pk, session, rank, *matches in rows]


def _labels(matches: Iterable[bool]) -> str:
    return "".join(label for label, match in zip(LABELS, matches, strict=True) if match)


def _ranked_sqlite(asked: Asked, among: str, ids: list[int], limit: int) -> list[Match]:
    statement = _RANKED["sqlite"].format(among=_AMONG["sqlite", among])
    by_label = _WITHIN.format(among=_AMONG["sqlite", "id"])
    texts = [text for text in asked.texts if text.words]
    with connection.cursor() as cursor:
        cursor.execute(statement, [expression(asked), dumps(ids), limit])
        rows = cursor.fetchall()
        found = dumps([row[0] for row in rows])
        within: dict[str, set[int]] = {}
        for label in LABELS:
            cursor.execute(by_label, [_write_sqlite(texts, label, None), found])
            within[label] = {pk for (pk,) in cursor.fetchall()}
    return [Match(pk, session, rank, _labels(pk in within[label] for label in LABELS)) for pk, session, rank in rows]


def _is_surely_common(asked: Asked) -> bool:
    """Whether PostgreSQL, which keeps count of the commonest words, expects many times COMMON rows."""
    if connection.vendor == "sqlite":
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "EXPLAIN (FORMAT JSON) SELECT 1 FROM catalog_catalogtext WHERE words @@ %s::tsquery", [expression(asked)]
        )
        [plan] = cursor.fetchone()
    rows: int = (loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]["Plan Rows"]
    return rows > 2 * COMMON


class _OfSession(Func):
    """A question about a row of CatalogSession, with its id and one parameter, both where `template` has them."""

    output_field = BooleanField()
    postgresql: tuple[str, str]
    sqlite: tuple[str, str]

    def __init__(self, parameter: str) -> None:
        super().__init__(F("pk"), Value(parameter))

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> Any:
        """Ask PostgreSQL."""
        template, between = self.postgresql
        return self.as_sql(compiler, connection, template=template, arg_joiner=between)

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Any:
        """Ask SQLite."""
        template, between = self.sqlite
        return self.as_sql(compiler, connection, template=template, arg_joiner=between)


class IsAmong(_OfSession):
    """Whether the session is one of many, given by row id."""

    postgresql = "%(expressions)s::bigint[]))", " IN (SELECT unnest("
    sqlite = "%(expressions)s))", " IN (SELECT value FROM json_each("

    def __init__(self, ids: Iterable[int]) -> None:
        listed = ",".join(map(str, sorted(ids)))
        super().__init__(f"[{listed}]" if connection.vendor == "sqlite" else f"{{{listed}}}")


class Says(_OfSession):
    """Whether a text of the session matches an expression. The forms leave the planner no other way to find out."""

    postgresql = (
        "EXISTS (SELECT 1 FROM catalog_catalogtext AS said WHERE said.session_id = %(expressions)s::tsquery OFFSET 0)",
        " AND said.words @@ ",
    )
    sqlite = (
        "EXISTS (SELECT 1 FROM catalog_catalogtext AS said CROSS JOIN catalog_words"
        " WHERE said.session_id = %(expressions)s AND catalog_words.rowid = said.id)",
        " AND catalog_words MATCH ",
    )
