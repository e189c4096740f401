"""Filters of sessions by their terms: `tool:`, `has:`, `state.key:` and what else has several values a session.

A database that may choose walks the order of the list and asks each session for a term that three of a million have,
or gathers and sorts half of them for one that all have. So it may not choose: the index is asked for a term's sessions
first, up to COMMON of them. Where that is all, whatever else a query says is asked of them alone; else sessions are
walked in the order of the list and each is asked, which ends soon, as many have it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any, Final

from django.db import connection
from django.db.models import BooleanField, F, Func, Q

from agentos.catalog.query.tree import Exact, Prefix, Test
from agentos.catalog.terms import beginnings, term_of
from agentos.catalog.text.index import IsAmong

# Measured with 200,000 sessions on both databases: so many are looked up as fast as a walk finds a page of them.
COMMON: Final = 5_000
# Behind every character that a term may hold.
_LAST: Final = "\U0010ffff"


@dataclass(frozen=True)
class Wanted:
    """Terms that are asked for: `texts` as they are, or all terms that begin with one of them; of no text, none."""

    texts: tuple[str, ...]
    begun: bool = False

    @classmethod
    def of(cls, field: str, test: Test) -> "Wanted":
        """Return the terms that a test of a field asks for."""
        match test:
            case Exact(text):
                return cls((term_of(field, text),))
            case Prefix(text):
                return cls(beginnings(field, text), True)
        raise TypeError(f"{field}: has no such test.")

    def conditions(self, vendor: str) -> list[tuple[str, list[str]]]:
        """Return a condition on the column `term` with its parameters for each text; an index answers each of them."""
        if not self.begun:
            return [("term = %s", [text]) for text in self.texts]
        if vendor == "sqlite":
            return [("term >= %s AND term < %s", [text, text + _LAST]) for text in self.texts]
        return [("term LIKE %s", [f"{_plain(text)}%"]) for text in self.texts]


class Terms:
    """What the index of terms says, asked once for all statements of one page."""

    def __init__(self) -> None:
        self._found: dict[Wanted, frozenset[int] | None] = {}

    def ask(self, asked: Iterable[Wanted]) -> None:
        """Look up what is not known yet, all in one statement."""
        self._found.setdefault(Wanted(()), frozenset())
        new = [wanted for wanted in dict.fromkeys(asked) if wanted not in self._found]
        if new:
            self._found |= zip(new, _sessions(new), strict=True)

    def is_common(self, wanted: Wanted) -> bool:
        """Whether more sessions have a term than are looked up by their ids. It was asked for before."""
        return self._found[wanted] is None

    def filter(self, *either: Wanted) -> Q:
        """Return the filter of CatalogSession for sessions with one of these terms: one list of all the rare ones."""
        self.ask(either)
        found = [self._found[wanted] for wanted in either]
        common = [Q(HasTerm(wanted)) for wanted in either if self._found[wanted] is None]
        rare = [ids for ids in found if ids is not None]
        return reduce(or_, [*common, Q(IsAmong(frozenset().union(*rare)))] if rare else common)


class HasTerm(Func):
    """Whether the session has such a term. The form leaves the planner no other way to find out."""

    output_field = BooleanField()

    def __init__(self, wanted: Wanted) -> None:
        super().__init__(F("pk"))
        self._wanted = wanted

    def as_sql(self, compiler: Any, connection: Any, *_: Any, **__: Any) -> Any:
        """Write the question for either database."""
        pk, params = compiler.compile(self.source_expressions[0])
        conditions = self._wanted.conditions(connection.vendor)
        either = " OR ".join(f"({condition})" for condition, _ in conditions)
        fence = "" if connection.vendor == "sqlite" else " OFFSET 0"
        # Our own column and placeholders; what is looked for are parameters.
        asked = f"SELECT 1 FROM catalog_catalogterm AS asked WHERE asked.session_id = {pk} AND ({either}){fence}"  # noqa: S608  # names of ours; the values are parameters
        return f"EXISTS ({asked})", [*params, *(value for _, values in conditions for value in values)]


def _sessions(asked: Sequence[Wanted]) -> list[frozenset[int] | None]:
    """Return the sessions of each, None for more than COMMON rows of terms."""
    parts: list[str] = []
    values: list[Any] = []
    for number, wanted in enumerate(asked):
        conditions = wanted.conditions(connection.vendor)
        rows = " UNION ALL ".join(
            f"SELECT session_id FROM catalog_catalogterm WHERE {condition}"  # noqa: S608  # our names and placeholders
            for condition, _ in conditions
        )
        # Our own numbers round the statements above.
        parts.append(f"SELECT {number:d}, session_id FROM (SELECT * FROM ({rows}) AS t LIMIT {COMMON + 1:d}) AS u")  # noqa: S608  # names of ours; the values are parameters
        values += [value for _, given in conditions for value in given]
    found: list[list[int]] = [[] for _ in asked]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        for number, session in cursor.fetchall():
            found[number].append(session)
    return [frozenset(ids) if len(ids) <= COMMON else None for ids in found]


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
