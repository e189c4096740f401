"""From a query's tree to filters of the catalog. Values become parameters of statements, never their text."""

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial, reduce
from operator import and_, or_
from typing import Any, Final

from django.db.models import BooleanField, Exists, F, FloatField, Func, OuterRef, Q, Value
from django.utils import timezone

from agentos.catalog.keys import index_key
from agentos.catalog.query.fields import FIELDS, TYPES, Takes
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
)

_NUMBERS: Final = {
    "tokens": "total_tokens", "runs": "top_level_run_count", "tools": "tool_call_count", "errors": "error_count",
    "tool_errors": "tool_error_count", "cost": "cost", "duration": "duration", "size": "stored_bytes",
}  # fmt: skip
_LOOKUPS: Final = {"=": "exact", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_UNITS: Final = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DAY: Final = 86_400
# A day behind these means that day and later, and the time before it.
_MEANT: Final[dict[str, Operator]] = {"after": ">=", "before": "<"}


def compiled(node: Node, words: Callable[[Words], Q]) -> Q:
    """Return the filter of CatalogSession for `node`; `words` gives that of free words, which asks the text index.

    What is unknown matches no test, so its negation does.
    """
    match node:
        case Words():
            return words(node)
        case Term():
            return _term(node)
        case Not(part):
            return ~compiled(part, words)
        case And(parts):
            return reduce(and_, (compiled(part, words) for part in parts))
        case Or(parts):
            return reduce(or_, (compiled(part, words) for part in parts))


class _Any(Func):
    """Whether one of the texts in a column equals a text, or (`prefix`) begins with it whatever the case.

    `template` and `arg_joiner` put the column and the text, a parameter, into the database's form of the question.
    """

    output_field = BooleanField()
    template = "EXISTS (SELECT 1 FROM %(expressions)s)"
    prefixed = "EXISTS (SELECT 1 FROM %(expressions)s ESCAPE '!')"
    sqlite = postgresql = ""

    def __init__(self, column: str, text: str, prefix: bool) -> None:
        super().__init__(F(column), Value(f"{_like(text)}%" if prefix else text))
        self._prefix = prefix

    def _asked(self, compiler: Any, connection: Any, walk: str, like: str) -> Any:
        each, _, item = walk.partition("{}")
        column, text = self.source_expressions
        asked = self.copy()
        asked.set_source_expressions([Func(column, template=f"{each}(%(expressions)s)", function=None), text])
        template = self.prefixed if self._prefix else self.template
        joiner = f"{item} {like if self._prefix else '='} "
        return Func.as_sql(asked, compiler, connection, template=template, arg_joiner=joiner)

    def as_sqlite(self, compiler: Any, connection: Any, **_: Any) -> Any:
        """Ask SQLite."""
        return self._asked(compiler, connection, self.sqlite, "LIKE")

    def as_postgresql(self, compiler: Any, connection: Any, **_: Any) -> Any:
        """Ask PostgreSQL."""
        return self._asked(compiler, connection, self.postgresql, "ILIKE")


class _AnyKey(_Any):
    """Of the keys of an object."""

    sqlite = "json_each{} AS item WHERE item.key"
    postgresql = "jsonb_object_keys{} AS item WHERE item"


class _AnyItem(_Any):
    """Of the items of a list."""

    sqlite = "json_each{} AS item WHERE item.atom"
    postgresql = "jsonb_array_elements_text{} AS item WHERE item"


def _like(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")


def _term(term: Term) -> Q:
    field, test = FIELDS[term.field], term.test
    if field.takes is Takes.NUMBER:
        return _number(_NUMBERS[field.name], test)
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


def _component(test: Test, kind: str = "") -> Q:
    found = _identified("component", test)
    if not isinstance(test, Missing):
        found |= _nullable("component_name", test)
    return found & Q(session_type=kind) if kind else found


def _model(test: Test) -> Q:
    from agentos.catalog.models import CatalogRun

    found = _nullable("model", test)
    if isinstance(test, Missing):
        return found
    return found | Q(Exists(CatalogRun.objects.filter(found, session=OuterRef("pk"))))


def _has(test: Test) -> Q:
    from agentos.catalog.models import CatalogRun

    if test == Exact("paused"):
        return Q(Exists(CatalogRun.objects.filter(session=OuterRef("pk"), status="PAUSED")))
    return Q(has_summary=True) if test == Exact("summary") else Q(error_count__gt=0)


def _any_of(among: type[_Any], column: str, test: Test) -> Q:
    match test:
        case Exact(text) | Prefix(text):
            return Q(among(column, text, isinstance(test, Prefix)))
    return Q(pk__in=())


_TEXTS: Final[dict[str, Callable[[Test], Q]]] = {
    "user": lambda test: _identified("user", test),
    "component": _component,
    **{kind: partial(_component, kind=kind) for kind in TYPES},
    "type": lambda test: _stored("session_type", test),
    "source": lambda test: _stored("source", test),
    "status": lambda test: _stored("last_status", test),
    "model": _model,
    "tool": lambda test: _any_of(_AnyKey, "tool_calls_by_name", test),
    "has": _has,
    "topic": lambda test: _any_of(_AnyItem, "topics", test),
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
        return known & Q(**{f"{column}__{_LOOKUPS[operator]}": float(bound)})
    if operator == "=" and bound % 1:
        return Q(pk__in=())
    # A column of whole numbers is compared with a whole number: > 1.5 is > 1, and < 1.5 is < 2.
    whole = math.floor(bound) if operator in (">", "<=") else math.ceil(bound)
    return known & Q(**{f"{column}__{_LOOKUPS[operator]}": whole})


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
