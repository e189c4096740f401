"""The facets beside the list as groups of checkboxes."""

import zlib
from dataclasses import dataclass, field

from django.utils.safestring import SafeString

from agentos.catalog.facets import NAMES, Counts, FacetValue
from agentos.catalog.query.fields import STATUSES, TYPES
from agentos.catalog.query.listing import NO_USER, NO_VALUE, ListQuery
from agentos.catalog.query.printer import printed
from agentos.catalog.query.tree import Exact, Missing, Term
from sessions_ui.rendering.list_rows import short_text
from sessions_ui.templatetags.sessions import STATUS_WORDS, status_word

_SHOWN_VALUES = 8
# An order of statuses that stays where it is when counts change.
_STATUS_ORDER = (*STATUSES, NO_VALUE)
_LEGENDS = {
    "status": "Last status",
    "type": "Type",
    "component": "Agent, team or workflow",
    "user": "User",
    "model": "Model",
    "tool": "Tool",
    "tag": "Tag",
    "source": "Source",
}


@dataclass(frozen=True)
class Option:
    """A checkbox of a facet. `status` and `kind` say which mark stands before it; `term` asks for it in the query."""

    id: str
    name: str
    value: str
    shown: SafeString
    number: str
    chosen: bool
    term: str
    status: str = ""
    kind: str = ""


@dataclass(frozen=True)
class FacetGroup:
    """A facet as a group of checkboxes, those beyond the first few folded. `find`: there is a box to find one.

    `over`: over how many sessions, those updated last, it was counted; 0 for all.
    """

    name: str
    legend: str
    options: list[Option] = field(default_factory=list)
    folded: list[Option] = field(default_factory=list)
    find: bool = False
    over: int = 0


def facet_groups(counted: Counts, query: ListQuery) -> list[FacetGroup]:
    """Return the facets that have something to choose, the source only when there are several."""
    groups = [_group(name, counted, query) for name in _LEGENDS if name in NAMES]
    return [group for group in groups if group.options and (group.name != "source" or len(group.options) > 1)]


def _group(name: str, counted: Counts, query: ListQuery) -> FacetGroup:
    options = _options(name, counted.values[name], query)
    many = len(options) > _SHOWN_VALUES
    first = sorted(options, key=lambda option: not option.chosen) if many else options
    return FacetGroup(
        name,
        _LEGENDS[name],
        first[:_SHOWN_VALUES],
        first[_SHOWN_VALUES:],
        find=many or name in counted.more,
        over=counted.partial.get(name, 0),
    )


def _options(name: str, values: list[FacetValue], query: ListQuery) -> list[Option]:
    """Return a checkbox a value. What is chosen but has no sessions stays, or it could not be taken back."""
    if name == "component":
        # Sessions without any are seldom looked for; the query can ask for them.
        values = [value for value in values if value.chosen or not isinstance(value.term.test, Missing)]
    listed = {value.term for value in values}
    missing = [_unlisted(term) for term in query.chosen(name) if term not in listed]
    options = [_option(name, value) for value in [*values, *missing]]
    order = {"status": _STATUS_ORDER, "type": TYPES}.get(name)
    return sorted(options, key=lambda option: _place(order, option.value)) if order else options


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
        shown=short_text(label.capitalize() if name == "type" else label, 80),
        number=f"{value.count:,}",
        chosen=value.chosen,
        term=printed(value.term),
        status=value.value if name == "status" and value.value in STATUS_WORDS else "",
        kind=value.value if name == "type" else value.kind,
    )


def _place(order: tuple[str, ...], value: str) -> int:
    return order.index(value) if value in order else len(order)


def _shown(name: str, value: str) -> str:
    """Return what a filter's value is called."""
    if name == "status":
        return "No runs" if value == NO_VALUE else status_word(value)
    return "no user" if name == "user" and value == NO_USER else value
