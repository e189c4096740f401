"""From a query's tree to filters of the catalog. Values become parameters of statements, never their text."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import reduce
from operator import and_, or_
from typing import Final

from django.db.models import FloatField, Q
from django.utils import timezone

from agentos.catalog.keys import index_key
from agentos.catalog.marks import star_of
from agentos.catalog.query.component_names import ComponentNames
from agentos.catalog.query.fields import FIELDS, KEYED, TYPES, Takes
from agentos.catalog.query.rare_numbers import RareNumbers
from agentos.catalog.query.term_filters import Terms, Wanted
from agentos.catalog.query.tree import (
    Ago,
    And,
    Between,
    Compare,
    Day,
    DaysBack,
    Exact,
    Missing,
    Moment,
    Node,
    Not,
    Operator,
    Or,
    Prefix,
    Term,
    Test,
    Words,
    conjuncts,
    leaves,
)
from agentos.catalog.terms import term_of

_NUMBERS: Final = {
    "tokens": "total_tokens", "runs": "top_level_run_count", "tools": "tool_call_count", "errors": "error_count",
    "tool_errors": "tool_error_count", "cost": "cost", "duration": "duration", "size": "stored_bytes",
}  # fmt: skip
# Fields whose values are terms: a session has several.
_OF_TERMS: Final = frozenset({"tool", "model", "topic", "tag", "has", "is", "health", "fork_of", *KEYED})
_COMPONENTS: Final = frozenset({"component", *TYPES})
# Fields that have indexes of their own in the order of lists.
_LEADING: Final = _COMPONENTS | {"user", "status", "id"}
_COMPARISONS: Final = {"=": "exact", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_UNITS: Final = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DAY: Final = 86_400
# A day behind these means that day and later, and the time before it.
_MEANT: Final[dict[str, Operator]] = {"after": ">=", "before": "<"}


_STARRED: Final = Term("is", Exact("starred"))
# What those who see only their own sessions are not told of them.
_FOR_STAFF: Final = (Term("has", Exact("flag")), Term("has", Exact("note")))


@dataclass(frozen=True)
class Asker:
    """Who asks: their key; whether they see more than their own sessions (`is_staff`), and what is on hold or hidden.

    The program itself asks as somebody who sees everything and starred nothing.
    """

    key: int = 0
    is_staff: bool = True
    moderates: bool = True


class Known:
    """What indexes said of the parts of queries, each asked once for all statements of one page. `asker`: for whom."""

    def __init__(self, asker: Asker = Asker()) -> None:  # it is frozen
        self.asker = asker
        self.terms = Terms()
        self.names = ComponentNames()
        self.numbers = RareNumbers()

    def ask(self, node: Node) -> None:
        """Look up what a query needs to know and is not known yet."""
        tests = [leaf for leaf in leaves(node) if isinstance(leaf, Term)]
        self.terms.ask(self.wanted(leaf) for leaf in tests if _has_terms(leaf))
        self.names.ask(leaf.test.text for leaf in tests if leaf.field in _COMPONENTS and isinstance(leaf.test, Exact))

    def wanted(self, term: Term) -> Wanted:
        """Return the terms that a part of a query asks for."""
        if term == _STARRED:
            return Wanted((star_of(self.asker.key),))
        if term in _FOR_STAFF and not self.asker.is_staff:
            return Wanted(())
        if term.field == "fork_of" and isinstance(term.test, Exact):  # asked for by the id or, if that is long, its key
            keys = dict.fromkeys((term.test.text, index_key(term.test.text)))
            return Wanted(tuple(term_of(term.field, key) for key in keys))
        return Wanted.of(term.field, term.test)


def leading_term(node: Node, known: Known) -> str:
    """Return the common term along whose sessions a list is read best, "" for none: `known` was asked for the query.

    There is none if an index leads to fewer sessions: those of one user, component or status.
    """
    parts = [part for part in conjuncts(node) if isinstance(part, Term) and isinstance(part.test, Exact)]
    if any(part.field in _LEADING for part in parts):
        return ""
    wanted = [known.wanted(part) for part in parts if _has_terms(part)]
    return next((one.texts[0] for one in wanted if known.terms.is_common(one)), "")


def compiled(node: Node, words: Callable[[Words], Q], known: Known | None = None) -> Q:
    """Return the filter of CatalogSession for `node`; `words` gives that of free words, which asks the text index.

    `known` remembers what other indexes said. What is unknown matches no test, so its negation does.
    """
    known = known or Known()
    known.ask(node)
    return _compiled(node, words, known)


def _compiled(node: Node, words: Callable[[Words], Q], known: Known) -> Q:
    match node:
        case Words():
            return words(node)
        case Term():
            return known.terms.filter(known.wanted(node)) if _has_terms(node) else _term(node, known)
        case Not(part):
            return ~_compiled(part, words, known)
        case And(parts):
            return reduce(and_, (_compiled(part, words, known) for part in parts))
        case Or(parts):
            of_terms = [part for part in parts if isinstance(part, Term) and _has_terms(part)]
            others = [_compiled(part, words, known) for part in parts if part not in of_terms]
            wanted = [known.wanted(part) for part in of_terms]
            return reduce(or_, [known.terms.filter(*wanted), *others] if wanted else others)


def _has_terms(term: Term) -> bool:
    """Whether sessions have terms for what is asked; a missing value has none."""
    return term.field.partition(".")[0] in _OF_TERMS and not isinstance(term.test, Missing)


def _term(term: Term, known: Known) -> Q:
    field, test = FIELDS[term.field], term.test
    if field.name in _COMPONENTS:
        found = _component(test, known.names)
        return found & Q(session_type=field.name) if field.name in TYPES else found
    if field.takes is Takes.NUMBER:
        return known.numbers.filter(_number(_NUMBERS[field.name], test))
    if field.takes is Takes.TIME:
        return _time(field.name, test)
    return _TEXTS[field.name](test)


def _stored(column: str, test: Test) -> Q:
    """A test of a column that is "" without a value."""
    match test:
        case Prefix(text):
            return ~Q(**{column: ""}) & Q(**{f"{column}__istartswith": text})
        case Exact(text):
            return Q(**{column: text})
        case _:
            return Q(**{column: ""})


def _nullable(column: str, test: Test) -> Q:
    match test:
        case Prefix(text):
            return Q(**{f"{column}__isnull": False}) & Q(**{f"{column}__istartswith": text})
        case Exact(text):
            return Q(**{column: text})
        case _:
            return Q(**{f"{column}__isnull": True})


def _identified(name: str, test: Test) -> Q:
    """A test of an id. A facet names an id by its key where that is shorter, so a text may be a key already."""
    if isinstance(test, Exact):
        return Q(**{f"{name}_key__in": {test.text, index_key(test.text)}})
    return _nullable(f"{name}_id", test)


def _component(test: Test, names: ComponentNames) -> Q:
    match test:
        case Exact(text):
            return names.filter(text)
        case Prefix():
            return _nullable("component_id", test) | _nullable("component_name", test)
    return _nullable("component_id", test)


_TEXTS: Final[dict[str, Callable[[Test], Q]]] = {
    "user": lambda test: _identified("user", test),
    "type": lambda test: _stored("session_type", test),
    "source": lambda test: _stored("source", test),
    "status": lambda test: _stored("last_status", test),
    "model": lambda test: _nullable("model", test),
    "id": lambda test: _identified("session", test),
}


def _number(column: str, test: Test) -> Q:
    match test:
        case Compare(operator, Decimal() as bound):
            return _compared(column, operator, bound)
        case Between(Decimal() as low, Decimal() as high):
            return _compared(column, ">=", low) & _compared(column, "<=", high)
        case _:
            return Q(**{f"{column}__isnull": True})


def _compared(column: str, operator: str, bound: Decimal) -> Q:
    from agentos.catalog.models import CatalogSession

    known = Q(**{f"{column}__isnull": False})
    if isinstance(CatalogSession._meta.get_field(column), FloatField):
        return known & Q(**{f"{column}__{_COMPARISONS[operator]}": float(bound)})
    if operator == "=" and bound % 1:
        return Q(pk__in=())
    # A column of whole numbers is compared with a whole number: > 1.5 is > 1, and < 1.5 is < 2.
    whole = math.floor(bound) if operator in (">", "<=") else math.ceil(bound)
    return known & Q(**{f"{column}__{_COMPARISONS[operator]}": whole})


def _time(field: str, test: Test) -> Q:
    match test:
        case Between(low, high):
            return _updated(_span(low)[0], _span(high)[1])
        case Compare(operator, bound):
            first, end = _span(bound)
            operator = _MEANT.get(field, operator)
            from_end, until_end = operator == ">", operator in ("=", "<=")
            earliest = None if operator in ("<", "<=") else end if from_end else first
            return _updated(earliest, end if until_end else first if operator == "<" else None)
    return Q(pk__in=())


def _updated(first: int | None, end: int | None) -> Q:
    """Sessions updated from `first` until before `end`, in unix seconds. 0 stands for no known time."""
    found = ~Q(updated_at=0)
    if first is not None:
        found &= Q(updated_at__gte=first)
    return found if end is None else found & Q(updated_at__lt=end)


def _span(bound: Decimal | Moment) -> tuple[int, int | None]:
    """Return where a day or a stretch of time begins, and where it ends if it does."""
    now = timezone.now()
    match bound:
        case Ago(count, unit):
            return int(now.timestamp()) - count * _UNITS[unit], None
        case DaysBack(days):
            day = (now - timedelta(days=days)).date()
        case Day(day):
            pass
        case _:
            raise TypeError("A number is no time.")
    first = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
    return first, first + _DAY
