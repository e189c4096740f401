"""The session list's controls: each is a link or a form field that changes one part of the URL."""

import zlib
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from django.http import QueryDict
from django.template.defaultfilters import date as date_text

from agentos.catalog.facets import Facets, FacetValue
from agentos.catalog.filters import NO_USER, ListFilters
from agentos.catalog.models import SourceState
from agentos.catalog.paging import DEFAULT_SORT
from agentos.catalog.queries import SessionQuerySet
from sessions_ui.templatetags.sessions import STATUS_WORDS, status_word

COLUMNS = (
    ("title", "Session", "title"),
    ("component", "Agent", "agent"),
    ("user", "User", "user"),
    ("runs", "Runs", "runs"),
    ("tools", "Tools / err", "toolcalls num"),
    ("tokens", "Tokens", "tokens num"),
    ("cost", "Cost", "cost num"),
    ("duration", "Duration", "duration num"),
    ("updated", "Updated", "updated num"),
)
SINCE_WORDS = {"1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}
# Texts read from their beginning, numbers from their largest.
_ASCENDING_FIRST = ("title", "component", "user")
_MANY = ("status", "type", "component", "user", "source")
_SHOWN_VALUES = 8
_COUNTED_CHIPS = 6
_NO_STATUS = "none"
# Orders of statuses and types that stay where they are when counts change.
_STATUS_ORDER = ("ERROR", "PAUSED", "RUNNING", "PENDING", "CANCELLED", "REGENERATED", "COMPLETED", _NO_STATUS)
_TYPE_ORDER = ("agent", "team", "workflow")


@dataclass(frozen=True)
class Chip:
    """A filter that is on, with the URL that takes it off. `without`: what would match then, None if not counted."""

    key: str
    value: str
    url: str
    rest: ListFilters
    without: int | None = None


@dataclass(frozen=True)
class Link:
    """A link with its words; `is_current` when it leads to where one is."""

    label: str
    url: str
    is_current: bool = False


@dataclass(frozen=True)
class Column:
    """A column's head: a link that sorts by it, the other way round if it is sorted by already."""

    label: str
    classes: str
    url: str
    aria_sort: str


@dataclass(frozen=True)
class Option:
    """A checkbox of a facet. `status` and `kind` say which mark stands before it."""

    id: str
    value: str
    label: str
    count: int
    chosen: bool
    status: str = ""
    kind: str = ""


@dataclass(frozen=True)
class FacetGroup:
    """A facet as a group of checkboxes, those beyond the first few folded. `find`: it has values it does not list."""

    name: str
    legend: str
    options: list[Option] = field(default_factory=list)
    folded: list[Option] = field(default_factory=list)
    find: bool = False


def list_url(filters: ListFilters, sort: str, after: str | None = None) -> str:
    """Return the query that shows the list in this state: always the same for the same state."""
    query = QueryDict(mutable=True)
    values = {"q": filters.text, "since": filters.since, "from": filters.after, "to": filters.before}
    for name, value in values.items():
        if value:
            query[name] = value.isoformat() if isinstance(value, date) else value
    for name in _MANY:
        if chosen := getattr(filters, name):
            query.setlist(name, list(chosen))
    if sort != DEFAULT_SORT:
        query["sort"] = sort
    if after:
        query["after"] = after
    return f"?{query.urlencode()}"


def chips(filters: ListFilters, sort: str) -> list[Chip]:
    """Return a chip for every filter."""
    found: list[Chip] = []

    def add(key: str, value: str, rest: ListFilters) -> None:
        found.append(Chip(key, value, list_url(rest, sort), rest))

    for name in _MANY:
        values = getattr(filters, name)
        for value in values:
            rest: dict[str, Any] = {name: tuple(other for other in values if other != value)}
            add(name, _shown(name, value), replace(filters, **rest))
    if filters.since:
        add("updated", SINCE_WORDS[filters.since].lower(), filters.without("since"))
    if filters.after:
        add("from", filters.after.isoformat(), filters.without("after"))
    if filters.before:
        add("to", filters.before.isoformat(), filters.without("before"))
    if filters.text:
        add("text", filters.text, filters.without("text"))
    return found


def counted(found: list[Chip], visible: SessionQuerySet) -> list[Chip]:
    """Return the first chips with what dropping each would give. One query a chip, so only when nothing matches."""
    return [replace(chip, without=visible.filtered(chip.rest).count()) for chip in found[:_COUNTED_CHIPS]] + found[
        _COUNTED_CHIPS:
    ]


def views(filters: ListFilters, sort: str) -> list[Link]:
    """Return the questions most often asked of a list."""
    found = [("All", ListFilters())]
    for label, value in (("Needs a person", "PAUSED"), ("Errors", "ERROR"), ("Running", "RUNNING")):
        found.append((label, ListFilters(status=(value,))))
    return [Link(label, list_url(wanted, sort), filters == wanted) for label, wanted in found]


def columns(filters: ListFilters, sort: str) -> list[Column]:
    """Return the heads of the table's columns."""
    now, descending = sort.removeprefix("-"), sort.startswith("-")
    found = []
    for name, label, classes in COLUMNS:
        down = not descending if name == now else name not in _ASCENDING_FIRST
        aria = ("descending" if descending else "ascending") if name == now else ""
        found.append(Column(label, classes, list_url(filters, f"-{name}" if down else name), aria))
    return found


def order_words(sort: str) -> str:
    """Return the order in words."""
    name, descending = sort.removeprefix("-"), sort.startswith("-")
    if name in ("updated", "created"):
        words = "newest first" if descending else "oldest first"
        return words if name == "updated" else f"{words} by creation"
    label = next((label for key, label, _ in COLUMNS if key == name), name).lower()
    return (
        f"by {label}, {'from the end' if descending else 'from A'}"
        if name in _ASCENDING_FIRST
        else (f"by {label}, {'most' if descending else 'least'} first")
    )


def orders(sort: str) -> list[tuple[str, str]]:
    """Return the orders to choose from, the present one among them, each with its words."""
    names = [name if name in _ASCENDING_FIRST else f"-{name}" for name, _, _ in reversed(COLUMNS)]
    return [(name, order_words(name).capitalize()) for name in (names if sort in names else [sort, *names])]


def range_words(filters: ListFilters) -> str:
    """Return the stretch of time that is listed, in words."""
    if filters.since:
        return SINCE_WORDS[filters.since]
    first, last = (date_text(day, "j M Y") if day else "" for day in (filters.after, filters.before))
    if first and last:
        return f"{first} to {last}"
    return f"From {first}" if first else f"Up to {last}" if last else "All time"


def facet_groups(facets: Facets, filters: ListFilters) -> list[FacetGroup]:
    """Return the facets that have something to choose, the source only when there are several."""
    statuses = _options("status", facets.status, filters)
    # A list cannot ask for sessions without a component: they have no id to ask by.
    components = [value for value in facets.component if value.value != "none"]
    groups = [
        _group("status", "Last status", sorted(statuses, key=lambda one: _place(_STATUS_ORDER, one.value))),
        _group(
            "type", "Type", sorted(_options("type", facets.type, filters), key=lambda o: _place(_TYPE_ORDER, o.value))
        ),
        _group("component", "Agent, team or workflow", _options("component", components, filters), facets),
        _group("user", "User", _options("user", facets.user, filters), facets),
        _group("source", "Source", _options("source", facets.source, filters)),
    ]
    return [group for group in groups if group.options and (group.name != "source" or len(group.options) > 1)]


def unindexed(states: list[SourceState]) -> int:
    """Return how many sessions of the sources the catalog has not met yet, as far as is known."""
    return sum(
        max(0, state.session_count - state.indexed_count)
        for state in states
        if not state.is_complete and state.session_count is not None
    )


def _options(name: str, values: list[FacetValue], filters: ListFilters) -> list[Option]:
    """Return a checkbox a value. What is chosen but has no sessions stays, or it could not be taken back."""
    chosen = getattr(filters, name)
    counted_values = {value.value for value in values}
    missing = [FacetValue(value, value, 0, "", True) for value in chosen if value not in counted_values]
    return [_option(name, value) for value in [*values, *missing]]


def _option(name: str, value: FacetValue) -> Option:
    label = _shown(name, value.value) if name == "status" or value.value == NO_USER else value.label
    return Option(
        # Focus comes back to the same checkbox after a swap by its id; the value may be any text.
        id=f"{name}-{zlib.crc32(value.value.encode(errors='replace')):x}",
        value=value.value,
        label=label.capitalize() if name == "type" else label,
        count=value.count,
        chosen=value.chosen,
        status=value.value if name == "status" and value.value in STATUS_WORDS else "",
        kind=value.value if name == "type" else value.kind,
    )


def _group(name: str, legend: str, options: list[Option], facets: Facets | None = None) -> FacetGroup:
    first = sorted(options, key=lambda option: not option.chosen) if len(options) > _SHOWN_VALUES else options
    find = facets is not None and name in facets.more
    return FacetGroup(name, legend, first[:_SHOWN_VALUES], first[_SHOWN_VALUES:], find)


def _place(order: tuple[str, ...], value: str) -> int:
    return order.index(value) if value in order else len(order)


def _shown(name: str, value: str) -> str:
    """Return what a filter's value is called."""
    if name == "status":
        return "No runs" if value == _NO_STATUS else status_word(value)
    return "no user" if name == "user" and value == NO_USER else value
