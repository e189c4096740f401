"""Counts beside a list: by source, type, status, component and user, and over time."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db.models import BigIntegerField, Count, F, Max, Min, Q, Value
from django.db.models.functions import Cast, Floor
from django.utils import timezone

from agentos.catalog.query.fields import TYPES
from agentos.catalog.query.listing import NO_USER, NO_VALUE, ListQuery
from agentos.catalog.query.tree import Exact, Missing, Term

if TYPE_CHECKING:
    from agentos.catalog.queries import SessionQuerySet

TOP = 20
# Lengths a bar may have, in seconds: from a minute to 90 days.
_STEPS = (60, 300, 900, 3600, 7200, 21_600, 43_200, 86_400, 604_800, 2_592_000, 7_776_000)
BARS = 72
_CLOCKS_DIFFER_BY = 3600
# Facets that have few values, with their columns.
_FEW = {"source": "source", "type": "session_type", "status": "last_status"}
_COMBINATIONS = 2_000


@dataclass(frozen=True)
class FacetValue:
    """A value with the number of sessions that have it, among those the other filters leave. `term` asks for them.

    A chosen value's term is the one the query has: an agent may stand there by its name.
    """

    term: Term
    value: str
    label: str
    count: int
    kind: str = ""
    chosen: bool = False


@dataclass(frozen=True)
class Facets:
    """The most frequent values of each facet; `more` tells which facets have others besides."""

    source: list[FacetValue] = field(default_factory=list)
    type: list[FacetValue] = field(default_factory=list)
    status: list[FacetValue] = field(default_factory=list)
    component: list[FacetValue] = field(default_factory=list)
    user: list[FacetValue] = field(default_factory=list)
    more: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Bar:
    """One bar: from `start` (unix seconds) on there are `count` sessions, `errors` of them with a failed run."""

    start: int
    count: int
    errors: int


@dataclass(frozen=True)
class Histogram:
    """Sessions by the time they were last updated. `step`: seconds a bar; `total` counts all sessions of the list."""

    total: int = 0
    errors: int = 0
    step: int = 0
    bars: list[Bar] = field(default_factory=list)


def facets(rows: "SessionQuerySet", query: ListQuery) -> Facets:
    """Count each facet's values with every filter but its own. Three queries: one for the facets of few values."""
    more: set[str] = set()

    def counted(name: str, column: str, *labels: str) -> list[FacetValue]:
        found = rows.filtered(query.without(name)).order_by().values(column, *labels)
        found = found.annotate(n=Count("id")).order_by("-n", column)[: TOP + 1]
        chosen = query.chosen(name)
        values = [
            _value(name, chosen, *(str(row[part] or "") for part in (column, *labels)), row["n"]) for row in found
        ]
        if len(values) > TOP:
            more.add(name)
        return values[:TOP]

    few = _counted_together(rows, query)
    more |= {name for name, values in few.items() if len(values) > TOP}
    return Facets(
        source=few["source"][:TOP],
        type=few["type"][:TOP],
        status=few["status"][:TOP],
        component=counted("component", "component_key", "component_name", "session_type"),
        user=counted("user", "user_key"),
        more=frozenset(more),
    )


def _counted_together(rows: "SessionQuerySet", query: ListQuery) -> dict[str, list[FacetValue]]:
    """Count sources, types and statuses from the combinations there are, which are few, in one walk over the rows.

    Statuses are foreign text: of more than _COMBINATIONS, the rarest are not counted.
    """
    found = rows.filtered(query.without(*_FEW)).order_by().values_list(*_FEW.values()).annotate(n=Count("id"))
    counts: dict[str, Counter[str]] = {name: Counter() for name in _FEW}
    wanted = {name: {_named(term) for term in query.chosen(name)} for name in _FEW}
    for *values, n in found.order_by("-n", *_FEW.values())[:_COMBINATIONS]:
        named = dict(zip(_FEW, (str(value or "") or "none" for value in values), strict=True))
        fits = {name for name, value in named.items() if not wanted[name] or value in wanted[name]}
        for name, value in named.items():
            if fits >= _FEW.keys() - {name}:
                counts[name][value] += n
    return {
        name: [
            _value(name, query.chosen(name), value, n)
            for value, n in sorted(counted.items(), key=lambda entry: (-entry[1], entry[0]))
        ]
        for name, counted in counts.items()
    }


def _value(name: str, chosen: tuple[Term, ...], value: str, *rest: str | int) -> FacetValue:
    *labels, count = rest
    kind = value if name == "type" else str(labels[1]) if len(labels) > 1 else ""
    field_name = kind if name == "component" and kind in TYPES else name
    term = Term(field_name, Exact(value) if value and (value != NO_VALUE or name not in _FEW) else Missing())
    label = str(labels[0] if labels else "") or value
    same = {term, Term(name, term.test)} | ({Term(field_name, Exact(label))} if name == "component" else set())
    asked = next((one for one in chosen if one in same), None)
    value = value or (NO_USER if name == "user" else NO_VALUE)
    return FacetValue(asked or term, value, label or value, int(count), kind, asked is not None)


def _named(term: Term) -> str:
    return term.test.text if isinstance(term.test, Exact) else NO_VALUE


def histogram(rows: "SessionQuerySet") -> Histogram:
    """Count sessions over time in at most BARS bars of a round length. Two queries.

    What claims to be of the future has no bar: one such row would push all others out of the picture.
    """
    known = Q(updated_at__gt=0, updated_at__lte=int(timezone.now().timestamp()) + _CLOCKS_DIFFER_BY)
    seen = rows.order_by().aggregate(
        total=Count("id"),
        errors=Count("id", filter=Q(error_count__gt=0)),
        first=Min("updated_at", filter=known),
        last=Max("updated_at", filter=known),
    )
    if not seen["total"] or seen["first"] is None:
        return Histogram(seen["total"], seen["errors"])
    step = next((step for step in _STEPS if (seen["last"] - seen["first"]) // step < BARS), _STEPS[-1])
    begin = max(seen["first"] // step, seen["last"] // step - BARS + 1)
    bucket = Cast(Floor(F("updated_at") / Value(float(step))), BigIntegerField())
    counted = (
        rows.filter(known, updated_at__gte=begin * step)
        .order_by()
        .annotate(bucket=bucket)
        .values("bucket")
        .annotate(n=Count("id"), bad=Count("id", filter=Q(error_count__gt=0)))
    )
    by_bucket = {row["bucket"]: (row["n"], row["bad"]) for row in counted}
    bars = [Bar(at * step, *by_bucket.get(at, (0, 0))) for at in range(begin, seen["last"] // step + 1)]
    return Histogram(seen["total"], seen["errors"], step, bars)
