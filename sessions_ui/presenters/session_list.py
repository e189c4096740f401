"""The session list's controls: each is a link or a form field that changes one part of the URL."""

import zlib
from dataclasses import dataclass, field, replace

from django.http import QueryDict
from django.template.defaultfilters import date as date_text

from agentos.catalog.facets import Facets, FacetValue
from agentos.catalog.models import SourceState
from agentos.catalog.paging import DEFAULT_SORT
from agentos.catalog.queries import SessionQuerySet
from agentos.catalog.query.fields import FIELDS, STATUSES, TYPES, Takes
from agentos.catalog.query.listing import FACETS, NO_USER, NO_VALUE, ListQuery
from agentos.catalog.query.printer import printed, value_of
from agentos.catalog.query.tree import Exact, Missing, Node, Not, Term, Words, leaves
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
_SHOWN_VALUES = 8
_COUNTED_CHIPS = 6
# An order of statuses that stays where it is when counts change.
_STATUS_ORDER = (*STATUSES, NO_VALUE)


@dataclass(frozen=True)
class Chip:
    """A part of the query, with the URL that takes it off. `without`: what would match then, None if not counted.

    `negated`: the part leaves out what it names. `is_typed`: it stands in the box as text.
    """

    key: str
    value: str
    url: str
    rest: ListQuery
    negated: bool = False
    is_typed: bool = False
    without: int | None = None


@dataclass(frozen=True)
class Box:
    """What the query box holds: the text to edit, and the parts that stand before it as chips, as one text.

    `problem` is a sentence about `wrong`, the part of the text between `before` and `behind`.
    """

    typed: str
    kept: str
    problem: str = ""
    before: str = ""
    wrong: str = ""
    behind: str = ""


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
    name: str
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


def list_url(query: ListQuery, sort: str, after: str | None = None) -> str:
    """Return the URL's query that shows the list in this state: always the same for the same state."""
    url = QueryDict(mutable=True)
    url.setlist("q", [text for text in (query.text, *(broken.text for broken in query.broken)) if text])
    if sort != DEFAULT_SORT:
        url["sort"] = sort
    if after:
        url["after"] = after
    return f"?{url.urlencode()}"


def box(query: ListQuery) -> Box:
    """Return what stands in the query box: free words as text; of a broken query all of the broken text."""
    if not query.broken:
        return Box(query.words, query.rest)
    typed, error = " ".join(broken.text for broken in query.broken), query.broken[0].error
    end = error.start + error.length
    return Box(typed, query.text, error.sentence, typed[: error.start], typed[error.start : end], typed[end:])


def chips(query: ListQuery, sort: str) -> list[Chip]:
    """Return a chip for every part of the query; one for each value that is chosen in a facet."""
    found: list[Chip] = []
    for part in query.parts:
        terms: tuple[Node, ...] = next((query.chosen(name) for name in FACETS if query.part(name) == part), (part,))
        for term in terms:
            rest = query.less(part, term if len(terms) > 1 else None)
            found.append(_chip(term, list_url(rest, sort), rest))
    return found


def _chip(node: Node, url: str, rest: ListQuery) -> Chip:
    match node:
        case Term():
            return Chip(node.field, value_of(node), url, rest)
        case Not(Term() as term):
            return Chip(term.field, value_of(term), url, rest, negated=True)
        case Words():
            return Chip("text", printed(node), url, rest, is_typed=True)
        case Not(part):
            return Chip("", printed(part), url, rest, negated=True)
    return Chip("", printed(node), url, rest)


def counted(found: list[Chip], visible: SessionQuerySet) -> list[Chip]:
    """Return the first chips with what dropping each would give. One query a chip, so only when nothing matches."""
    return [replace(chip, without=visible.filtered(chip.rest).count()) for chip in found[:_COUNTED_CHIPS]] + found[
        _COUNTED_CHIPS:
    ]


def views(query: ListQuery, sort: str) -> list[Link]:
    """Return the questions most often asked of a list."""
    found = [("All", ListQuery())]
    for label, value in (("Needs a person", "PAUSED"), ("Errors", "ERROR"), ("Running", "RUNNING")):
        found.append((label, ListQuery.of(Term("status", Exact(value)))))
    return [Link(label, list_url(wanted, sort), query == wanted) for label, wanted in found]


def columns(query: ListQuery, sort: str) -> list[Column]:
    """Return the heads of the table's columns."""
    now, descending = sort.removeprefix("-"), sort.startswith("-")
    found = []
    for name, label, classes in COLUMNS:
        down = not descending if name == now else name not in _ASCENDING_FIRST
        aria = ("descending" if descending else "ascending") if name == now else ""
        found.append(Column(label, classes, list_url(query, f"-{name}" if down else name), aria))
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


def range_words(query: ListQuery) -> str:
    """Return the stretch of time that is listed, in words."""
    times = [leaf for leaf in leaves(query.node) if isinstance(leaf, Term) and FIELDS[leaf.field].takes is Takes.TIME]
    if len(times) > 1:
        return "As the query says"
    if query.since:
        return SINCE_WORDS[query.since]
    first, last = (date_text(day, "j M Y") if day else "" for day in query.days)
    if first and last:
        return f"{first} to {last}"
    return f"From {first}" if first else f"Up to {last}" if last else "As the query says" if times else "All time"


def facet_groups(facets: Facets, query: ListQuery) -> list[FacetGroup]:
    """Return the facets that have something to choose, the source only when there are several."""
    statuses = _options("status", facets.status, query)
    # Sessions without any are seldom looked for; the query can ask for them.
    components = [value for value in facets.component if value.chosen or not isinstance(value.term.test, Missing)]
    groups = [
        _group("status", "Last status", sorted(statuses, key=lambda one: _place(_STATUS_ORDER, one.value))),
        _group("type", "Type", sorted(_options("type", facets.type, query), key=lambda o: _place(TYPES, o.value))),
        _group("component", "Agent, team or workflow", _options("component", components, query), facets),
        _group("user", "User", _options("user", facets.user, query), facets),
        _group("source", "Source", _options("source", facets.source, query)),
    ]
    return [group for group in groups if group.options and (group.name != "source" or len(group.options) > 1)]


def unindexed(states: list[SourceState]) -> int:
    """Return how many sessions of the sources the catalog has not met yet, as far as is known."""
    return sum(
        max(0, state.session_count - state.indexed_count)
        for state in states
        if not state.is_complete and state.session_count is not None
    )


def _options(name: str, values: list[FacetValue], query: ListQuery) -> list[Option]:
    """Return a checkbox a value. What is chosen but has no sessions stays, or it could not be taken back."""
    listed = {value.term for value in values}
    missing = [_unlisted(term) for term in query.chosen(name) if term not in listed]
    return [_option(name, value) for value in [*values, *missing]]


def _unlisted(term: Term) -> FacetValue:
    value = term.test.text if isinstance(term.test, Exact) else NO_USER if term.field == "user" else NO_VALUE
    return FacetValue(term, value, value, 0, "", True)


def _option(name: str, value: FacetValue) -> Option:
    label = _shown(name, value.value) if name == "status" or isinstance(value.term.test, Missing) else value.label
    return Option(
        # Focus comes back to the same checkbox after a swap by its id; the value may be any text.
        id=f"{name}-{zlib.crc32(value.value.encode(errors='replace')):x}",
        name=value.term.field,
        value=value.term.test.text if isinstance(value.term.test, Exact) else value.value,
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
        return "No runs" if value == NO_VALUE else status_word(value)
    return "no user" if name == "user" and value == NO_USER else value
