"""Counts beside a list: how many there are, by the values of each facet, and over time.

What is asked of all sessions is read from totals that were made beforehand; everything else is counted over a bounded
number of sessions, and said to be so.
"""

import time
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from agentos.catalog.counting import COLUMNS, TERM_SESSIONS, TERMS, Answer, Question, Value, count
from agentos.catalog.histogram import Histogram, in_bars
from agentos.catalog.query.compiler import Asker
from agentos.catalog.query.fields import FIELDS, TYPES
from agentos.catalog.query.listing import NO_USER, NO_VALUE, ListQuery
from agentos.catalog.query.tree import Exact, Missing, Term
from agentos.catalog.totals import HOUR, Totals, until

if TYPE_CHECKING:
    from agentos.catalog.queries import SessionQuerySet

TOP = 20
# Of a narrowed list, so many of the sessions updated last are counted, for so many seconds at most.
CAP = 1_000
SECONDS = 0.4
# Counts of a list that has more than that are kept for so long: they serve its further pages, orders and looks.
KEPT_SECONDS = 10.0
_MOST_KEPT: Final = 200
_kept: "dict[tuple[Asker, ListQuery, Totals | None], tuple[float, Counts]]" = {}
# Those that the query can ask for.
NAMES = tuple(name for name in (*COLUMNS, *TERMS) if name in FIELDS)
# Spans of time whose histogram the hours of the totals give, in seconds.
_BY_HOURS: Final = {"24h": 86_400, "7d": 604_800, "30d": 2_592_000}


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
class Counts:
    """What was counted of a list: at least so many `sessions` and `errors`, where `over` and `errors_over` are not 0.

    `values`: the most frequent values of each facet; `more`: facets that have others besides; `partial`: facets counted
    only over that many sessions, those updated last; `bars_over`: likewise the histogram; 0 for all. `made_at`: when
    the oldest of them was counted (unix seconds), 0 for now. `in_time`: it did not take too long to count.
    """

    sessions: int = 0
    errors: int = 0
    over: int = 0
    errors_over: int = 0
    values: dict[str, list[FacetValue]] = field(default_factory=lambda: {name: [] for name in NAMES})
    more: frozenset[str] = frozenset()
    partial: dict[str, int] = field(default_factory=dict)
    histogram: Histogram = field(default_factory=Histogram)
    bars_over: int = 0
    made_at: float = 0.0
    in_time: bool = True

    # The very object: what was drawn of it is looked up by it.
    __hash__ = object.__hash__


def counts(rows: "SessionQuerySet", query: ListQuery, totals: Totals | None = None) -> Counts:
    """Count what matches, by each facet with every filter but its own, and over time without the range of days.

    `totals` are those of all sessions; only for who may see all of them, and `rows` are all of them then. One statement
    at most; none when nothing narrows the list and there are totals.
    """
    if totals is not None and query == ListQuery():
        return _of_everything(totals)
    # Whoever sees some sessions alone has few of them, and what they see may change with the next request.
    key = (rows.asker, query, totals) if rows.asker.is_staff else None
    kept = _kept.get(key) if key else None
    if kept and 0 <= time.time() - kept[0] < KEPT_SECONDS:
        return kept[1]
    found = _counted(rows, query, totals)
    if key and found.in_time and (found.over or found.errors_over):
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        found = replace(found, made_at=found.made_at or time.time())
        _kept[key] = (time.time(), found)
    return found


@lru_cache(4)
def _of_everything(totals: Totals) -> Counts:
    from agentos.catalog.models import CatalogSession

    return _counted(CatalogSession.objects.none(), ListQuery(), totals)


def _counted(rows: "SessionQuerySet", query: ListQuery, totals: Totals | None) -> Counts:
    plan = _Plan(query, totals)
    answers = plan.answers(rows)
    if answers is None:
        return Counts(in_time=False)
    values = {name: plan.values(name, answers) for name in NAMES}
    shown = {name: [_shown(name, query.chosen(name), one) for one in values[name][:TOP]] for name in NAMES}
    found = Counts(
        values=shown,
        more=frozenset(name for name in NAMES if len(values[name]) > TOP),
        partial={name: over for name in NAMES if (over := plan.over(name, answers))},
        histogram=plan.histogram(answers),
        bars_over=plan.over_at(plan.bars, answers),
        made_at=totals.made_at if totals and plan.uses_totals else 0.0,
    )
    return plan.counted(found, answers)


@dataclass
class _Plan:
    """Which query each number beside a list is counted for; None stands for all sessions, which the totals know."""

    query: ListQuery
    totals: Totals | None
    asked: list[ListQuery] = field(init=False, default_factory=list)
    whole: int | None = field(init=False)
    bars: int | None = field(init=False)
    facets: dict[str, int | None] = field(init=False)

    def __post_init__(self) -> None:
        self.whole = self._at(self.query)
        self.bars = None if self.hours else self._at(self.query.without("days"))
        self.facets = {name: self._at(self.query.without(name)) for name in NAMES}

    @property
    def hours(self) -> int:
        """For how many seconds the histogram is that of all sessions, 0 if it is not."""
        only = self.totals is not None and not self.query.without("days", "since").parts
        return _BY_HOURS.get(self.query.since, 0) if only else 0

    @property
    def uses_totals(self) -> bool:
        """Whether any number is read from totals."""
        return None in (self.whole, self.bars, *self.facets.values())

    def _at(self, query: ListQuery) -> int | None:
        if self.totals is not None and not query.parts and not query.broken:
            return None
        if query not in self.asked:
            self.asked.append(query)
        return self.asked.index(query)

    def answers(self, rows: "SessionQuerySet") -> list[Answer] | None:
        """Ask all questions at once; None when that took too long."""
        questions = [
            Question(
                rows.filtered(query),
                facets=[name for name in NAMES if self.facets[name] == at],
                bars=at == self.bars,
                until=until(),
            )
            for at, query in enumerate(self.asked)
        ]
        return count(questions, limit=CAP + 1, top=TOP, seconds=SECONDS) if questions else []

    def values(self, name: str, answers: list[Answer]) -> list[Value]:
        """Return what was counted of a facet, the most frequent first."""
        at = self.facets[name]
        if at is not None:
            return answers[at].values.get(name, [])
        return self.totals.values.get(name, []) if self.totals else []

    def over_at(self, at: int | None, answers: list[Answer]) -> int:
        """Return over how many sessions a question was counted, 0 if over all that match."""
        return CAP if at is not None and answers[at].sessions > CAP else 0

    def over(self, name: str, answers: list[Answer]) -> int:
        """Return over how many sessions a facet was counted, 0 if over all that match."""
        at = self.facets[name]
        if name in TERMS and at is not None and answers[at].sessions > TERM_SESSIONS:
            return TERM_SESSIONS
        return self.over_at(at, answers)

    def histogram(self, answers: list[Answer]) -> Histogram:
        """Return the histogram from where it was counted."""
        if self.bars is not None:
            return in_bars(answers[self.bars].bars, answers[self.bars].step)
        if self.totals is None:
            return Histogram()
        first = (time.time() - self.hours) // HOUR * HOUR
        hours = {place: numbers for place, numbers in self.totals.hours.items() if place >= first}
        return in_bars(hours, HOUR) if self.hours else in_bars(self.totals.bars, self.totals.step)

    def counted(self, found: Counts, answers: list[Answer]) -> Counts:
        """Return `found` with the number of sessions. That of one value of a facet stands among those of all."""
        if self.whole is None:
            all_of_them = self.totals or Totals()
            return replace(found, sessions=all_of_them.sessions, errors=all_of_them.errors)
        answer = answers[self.whole]
        if answer.sessions <= CAP:
            return replace(found, sessions=answer.sessions, errors=answer.errors)
        if len(self.query.parts) == 1:
            names = [name for name in NAMES if self.facets[name] is None and self.query.part(name)]
            chosen = [one.count for name in names for one in found.values[name] if one.chosen]
            if len(chosen) == 1 == sum(len(self.query.chosen(name)) for name in names):
                return replace(found, sessions=chosen[0], errors=answer.errors, errors_over=CAP)
        return replace(found, sessions=CAP, errors=answer.errors, over=CAP, errors_over=CAP)


def _shown(name: str, chosen: tuple[Term, ...], counted: Value) -> FacetValue:
    value, label = counted.value, counted.label or counted.value
    field_name = counted.kind if name == "component" and counted.kind in TYPES else name
    kind = value if name == "type" else counted.kind
    is_none = not value or (value == NO_VALUE and name in ("source", "type", "status"))
    term = Term(field_name, Missing() if is_none else Exact(value))
    same = {term, Term(name, term.test)} | ({Term(field_name, Exact(label))} if name == "component" else set())
    asked = next((one for one in chosen if one in same), None)
    value = value or (NO_USER if name == "user" else NO_VALUE)
    return FacetValue(asked or term, value, label or value, counted.count, kind, asked is not None)
