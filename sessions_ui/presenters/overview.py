"""The overview: its state as the URL says it, and what stands beside the lanes."""

import time
from calendar import timegm
from dataclasses import dataclass
from datetime import UTC, date
from typing import Any, Final, Self

from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest, QueryDict
from django.shortcuts import resolve_url

from agentos.catalog.facets import Counts
from agentos.catalog.overview import SPANS, Clocked, Condition, Span
from agentos.catalog.paging import DEFAULT_SORT
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.tree import Exact, Term, all_of
from sessions_ui.presenters import health
from sessions_ui.presenters.list_state import ListState
from sessions_ui.presenters.session_list import Link
from sessions_ui.templatetags.sessions import local_moment

DEFAULT_SPAN: Final = "7d"
SPAN_WORDS: Final = {"24h": "24 h", "7d": "7 d", "30d": "30 d", "90d": "90 d", "1y": "1 year"}
_LAST: Final = {"24h": "24 hours", "7d": "7 days", "30d": "30 days", "90d": "90 days", "1y": "year"}
_STEPS: Final = {"24h": "1 h", "7d": "2 h", "30d": "12 h", "90d": "1 day", "1y": "7 days"}
# What is under way, as the facet of the last status names it.
_NOW: Final = (("Running", "RUNNING"), ("Waiting for a person", "PAUSED"), ("Pending", "PENDING"))


@dataclass(frozen=True)
class OverviewState(ListState):
    """What is summed up. `until`: the last day of the clock, None for now."""

    span: Span = SPANS[DEFAULT_SPAN]
    until: date | None = None

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """Read the request; what it says that is not known is left out."""
        asked = request.GET
        return cls(
            ListQuery.from_url(asked),
            span=SPANS.get(asked.get("span", ""), SPANS[DEFAULT_SPAN]),
            until=_day(asked.get("until", "")),
        )

    @property
    def list_query(self) -> str:
        """The URL's query that says which sessions these are, to pages that have no clock."""
        return ListState(self.query).url()

    @property
    def end(self) -> int:
        """The moment up to which is summed up, in unix seconds: now, or the last second of a day (UTC)."""
        return int(time.time()) if self.until is None else timegm(self.until.timetuple()) + 86_399

    def url(self, after: str | None = None, *, span: str | None = None, until: str | None = None) -> str:
        """Return the URL's query of this state, with another span or end if they are given ("" is now)."""
        url = QueryDict(mutable=True)
        url.setlist("q", [text for text in (self.query.text, *(one.text for one in self.query.broken)) if text])
        span = span or self.span.name
        until = (self.until.isoformat() if self.until else "") if until is None else until
        for name, value in (("span", "" if span == DEFAULT_SPAN else span), ("until", until)):
            if value:
                url[name] = value
        return f"?{url.urlencode()}"


def spans(state: OverviewState) -> list[Link]:
    """Return the links that change the span."""
    return [Link(words, state.url(span=name), name == state.span.name) for name, words in SPAN_WORDS.items()]


def title(state: OverviewState) -> str:
    """Return which time is shown, in words."""
    if state.until is None:
        return f"Last {_LAST[state.span.name]}"
    return f"The {_LAST[state.span.name]} up to {state.until:%-d %b %Y}"


def step_words(state: OverviewState) -> str:
    """Return how long a step is."""
    return _STEPS[state.span.name].replace(" ", "\N{NO-BREAK SPACE}")


@dataclass(frozen=True)
class Earlier:
    """Where something is to be seen when nothing is shown: the day of the last run, and the link to it."""

    day: date
    url: str


def earlier(clock: Clocked, state: OverviewState) -> Earlier | None:
    """Return where the last run before this time is, if there is none in it."""
    last = None if clock.whole.runs else local_moment(clock.last)
    if last is None:
        return None
    day = last.astimezone(UTC).date()
    return Earlier(day, state.url(until=day.isoformat()))


@dataclass(frozen=True)
class Fact:
    """A line beside the lanes: how many sessions there are of a kind, and where they are listed."""

    label: str
    count: str
    url: str
    status: str = ""
    title: str = ""


def now(counted: Counts, state: OverviewState) -> list[Fact]:
    """Return how many sessions are under way."""
    values = {one.value: one.count for one in counted.values["status"]}
    partial = "+" if counted.partial.get("status") else ""
    return [
        Fact(label, f"{values.get(status, 0):,}{partial}", _list(state, Term("status", Exact(status))), status)
        for label, status in _NOW
    ]


def odd(found: Condition, state: OverviewState) -> list[Fact]:
    """Return what is odd about how many sessions, the most frequent first."""
    marks = health.listed(found, state.query)
    return [Fact(mark.label, f"{mark.count:,}", mark.url, title=mark.sentence) for mark in marks if mark.count]


def listed(state: OverviewState, sort: str = DEFAULT_SORT) -> str:
    """Return the address of the sessions that are summed up."""
    return f"{resolve_url('sessions')}{ListState(state.query, sort).url()}"


def listed_words(counted: Counts) -> str:
    """Return what the link to the list says."""
    if not counted.in_time:
        return "Show the sessions"
    more = "+" if counted.over else ""
    return f"Show the {intcomma(counted.sessions)}{more} session{'' if counted.sessions == 1 else 's'}"


def clock_as_data(clock: Clocked) -> dict[str, Any]:
    """Return the steps as data; durations in seconds."""
    return {
        "start": clock.start,
        "end": clock.end,
        "step": clock.span.step * 3600,
        "capped": clock.capped,
        "in_time": clock.in_time,
        "steps": [
            {
                "start": one.start, "runs": one.runs, "failed": one.failed, "p50": one.took(0.5), "p95": one.took(0.95),
                "input_tokens": one.input_tokens, "cached_tokens": one.cached_tokens,
                "output_tokens": one.output_tokens, "tokens": one.tokens, "cost": one.cost,
                "cost_unknown": one.cost_unknown,
            }
            for one in clock.steps
        ],
    }  # fmt: skip


def _list(state: OverviewState, term: Term) -> str:
    query = ListQuery.of(all_of([*state.query.parts, term]))
    return f"{resolve_url('sessions')}{ListState(query).url()}"


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1971 <= day.year <= 9000 else None
