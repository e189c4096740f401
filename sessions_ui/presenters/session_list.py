"""The session list's controls: each is a link or a form field that changes one part of the URL."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from django.http import QueryDict
from django.utils.timezone import localtime

from agentos.catalog.facets import Facets, FacetValue, Histogram
from agentos.catalog.filters import NO_USER, ListFilters
from sessions_ui.templatetags.sessions import status_word

HEIGHT, BAR, STEP = 52, 10, 12
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
# Texts read from their beginning, numbers from their largest.
_ASCENDING_FIRST = ("title", "component", "user")


@dataclass(frozen=True)
class Chip:
    """A filter that is on, with the URL that takes it off."""

    key: str
    value: str
    url: str


@dataclass(frozen=True)
class Column:
    """A column's head: a link that sorts by it, the other way round if it is sorted by already."""

    label: str
    classes: str
    url: str
    aria_sort: str


@dataclass(frozen=True)
class FacetGroup:
    """A facet as a group of checkboxes."""

    name: str
    legend: str
    values: list[FacetValue]
    has_more: bool


def changed(query: QueryDict, **values: Any) -> str:
    """Return the URL of the list with these parts changed (None: left out), back on its first page."""
    copy = query.copy()
    for name in ("after", "format", *(name for name, value in values.items() if value is None)):
        copy.pop(name, None)
    for name, value in values.items():
        if isinstance(value, list):
            copy.setlist(name, value)
        elif value is not None:
            copy[name] = value
    return f"?{copy.urlencode()}"


def kept(query: QueryDict) -> list[tuple[str, str]]:
    """Return what the search box's form must carry along: every filter that it has no field for."""
    names = ("source", "type", "component", "user", "status", "from", "to", "sort")
    return [(name, value) for name in names for value in query.getlist(name)]


def chips(query: QueryDict, filters: ListFilters) -> list[Chip]:
    """Return a chip for every filter."""
    found = []
    for name in ("source", "type", "component", "user", "status"):
        values = getattr(filters, name)
        for value in values:
            rest = [other for other in values if other != value]
            found.append(Chip(name, _shown(name, value), changed(query, **{name: rest or None})))
    if filters.text:
        found.append(Chip("text", filters.text, changed(query, q=None)))
    for name, key, value in (
        ("since", "since", filters.since),
        ("from", "from", filters.after),
        ("to", "to", filters.before),
    ):
        if value:
            found.append(Chip(key, str(value), changed(query, **{name: None})))
    return found


def columns(query: QueryDict, sort: str) -> list[Column]:
    """Return the heads of the table's columns."""
    now, descending = sort.removeprefix("-"), sort.startswith("-")
    found = []
    for name, label, classes in COLUMNS:
        down = not descending if name == now else name not in _ASCENDING_FIRST
        aria = ("descending" if descending else "ascending") if name == now else ""
        found.append(Column(label, classes, changed(query, sort=f"-{name}" if down else name), aria))
    return found


def facet_groups(facets: Facets) -> list[FacetGroup]:
    """Return the facets that have something to choose, the source only when there are several."""
    groups = [
        FacetGroup("status", "Last status", [_worded(value) for value in facets.status], "status" in facets.more),
        FacetGroup("type", "Type", [replace(value, label=value.label.capitalize()) for value in facets.type], False),
        FacetGroup("component", "Agent, team or workflow", facets.component, "component" in facets.more),
        FacetGroup("user", "User", facets.user, "user" in facets.more),
        FacetGroup("source", "Source", facets.source, False),
    ]
    return [group for group in groups if group.values and (group.name != "source" or len(group.values) > 1)]


def _worded(value: FacetValue) -> FacetValue:
    label = "No runs" if value.value == "none" else status_word(value.value)
    return FacetValue(value.value, label, value.count, "", value.chosen)


def _shown(name: str, value: str) -> str:
    if name == "status":
        return "no runs" if value == "none" else status_word(value)
    return "no user" if value == NO_USER else value


def drawn(histogram: Histogram) -> dict[str, Any]:
    """Return the histogram with the geometry of its bars, its axis and a sentence that says what it shows."""
    peak = max((bar.count for bar in histogram.bars), default=0) or 1
    bars = [
        {
            "x": at * STEP,
            "y": HEIGHT - round(bar.count / peak * HEIGHT, 1),
            "height": round(bar.count / peak * HEIGHT, 1),
            "bad": round(bar.errors / peak * HEIGHT, 1),
            "bad_y": HEIGHT - round(bar.errors / peak * HEIGHT, 1),
            "start": bar.start,
            "count": bar.count,
            "errors": bar.errors,
        }
        for at, bar in enumerate(histogram.bars)
    ]
    marks = histogram.bars[:: max(1, len(histogram.bars) // 6)] if histogram.bars else []
    return {
        "total": histogram.total,
        "errors": histogram.errors,
        "bars": bars,
        "width": len(bars) * STEP,
        "height": HEIGHT,
        "bar": BAR,
        "peak": peak,
        "marks": [_axis(bar.start, histogram.step) for bar in marks],
        "step": _span(histogram.step),
    }


def _axis(start: int, step: int) -> str:
    moment = localtime(datetime.fromtimestamp(start, UTC))
    return f"{moment:%H:%M}" if step < 3600 else f"{moment:%a %-d %b}" if step <= 86_400 else f"{moment:%-d %b %Y}"


def _span(step: int) -> str:
    for unit, seconds in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if step >= seconds:
            count = step // seconds
            return f"{count} {unit}s" if count > 1 else f"1 {unit}"
    return ""
