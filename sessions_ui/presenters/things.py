"""Lists of users, components, tools and models: their state as the URL says it, and their rows as they are shown."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Self

from django.http import HttpRequest, QueryDict
from django.shortcuts import resolve_url

from agentos.catalog import things
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.tree import all_of
from agentos.catalog.rollup_models import CatalogThing
from agentos.catalog.things import ThingPage
from sessions_ui.presenters.charts import Spark, spark
from sessions_ui.presenters.columns import ASCENDING_FIRST, Head, Kind, head
from sessions_ui.presenters.list_state import ListState
from sessions_ui.presenters.session_list import Link

_LONGEST_FIND: Final = 200
_NBSP: Final = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Listed:
    """A kind of thing: the name of its page's URL, what one and many are called, the icon, and what has no name."""

    page: str
    title: str
    one: str
    many: str
    icon: str
    missing: str


KINDS: Final = {
    "user": Listed("users", "Users", "user", "users", "user", "no user"),
    "component": Listed(
        "agents", "Agents, teams and workflows", "agent, team or workflow", "agents, teams and workflows", "", "no id"
    ),
    "tool": Listed("tools", "Tools", "tool", "tools", "tool", "no name"),
    "model": Listed("models", "Models", "model", "models", "model", "no name"),
}
_NAMES: Final = {"user": "User", "component": "Name", "tool": "Tool", "model": "Model"}
_FAILED: Final = {
    "failed_sessions": ("Failed sessions", "sessions"),
    "failed_calls": ("Failed calls", "calls"),
    "failed_runs": ("Failed runs", "runs"),
}
# What orders are called that are not by a count: ascending and descending.
_ORDERS: Final = {
    "name": ("by name, from A", "by name, from the end"),
    "cost": ("least expensive first", "most expensive first"),
    "seen": ("longest not seen first", "last seen first"),
}
# The numbers of a thing, as data.
_NUMBERS: Final = ("sessions", "failed_sessions", "runs", "failed_runs", "calls", "failed_calls")


@dataclass(frozen=True)
class ThingState(ListState):
    """What is listed and how. `find`: the beginning of the names that are shown, "" for all."""

    kind: str = "user"
    find: str = ""

    @classmethod
    def of(cls, request: HttpRequest, kind: str = "user") -> Self:
        """Read the request; what it says that is not known is left out."""
        asked = request.GET
        sort = things.clean_sort(kind, asked.get("sort", ""))
        find = asked.get("find", "").replace("\0", "").strip()[:_LONGEST_FIND]
        return cls(ListQuery.from_url(asked), sort, kind=kind, find=find)

    def url(self, after: str | None = None) -> str:
        """Return the URL's query of this state, and of one of its pages: always the same for the same state."""
        url = QueryDict(mutable=True)
        url.setlist("q", [text for text in (self.query.text, *(one.text for one in self.query.broken)) if text])
        sort = "" if self.sort == things.DEFAULT_SORT else self.sort
        for name, value in (("find", self.find), ("sort", sort), ("after", after)):
            if value:
                url[name] = value
        return f"?{url.urlencode()}"


@dataclass(frozen=True)
class ShownThing:
    """A thing as a row. `name` is stored text; `words` stand in its place where there is none; `remark` is its id.

    `url` leads to the sessions behind it, "" where no query can ask for them. `amount`: runs, or calls. `share`: of
    what failed, "1.2 %". `priced`: what has a cost each.
    """

    thing: CatalogThing
    name: str
    words: str
    remark: str
    type: str
    url: str
    amount: int
    failed: int
    share: str
    priced: str
    spark: Spark


def rows(page: ThingPage, state: ThingState) -> list[ShownThing]:
    """Return the rows of a page."""
    return [_row(thing, page.days[thing.key], state) for thing in page.rows]


def _row(thing: CatalogThing, days: list[int], state: ThingState) -> ShownThing:
    name, identifier = name_of(thing), things.id_of(thing)
    column = things.FAILED[thing.kind]
    failed, among = getattr(thing, column), getattr(thing, _FAILED[column][1])
    query = behind(thing, state.query)
    return ShownThing(
        thing,
        name,
        "" if name.strip() else KINDS[thing.kind].missing if identifier is None else "a blank name",
        identifier if thing.kind == "component" and identifier is not None and identifier != name else "",
        things.type_of(thing),
        "" if query is None else f"{resolve_url('sessions')}{ListState(query).url()}",
        thing.calls if thing.kind == "tool" else thing.runs,
        failed,
        f"{failed / among * 100:.1f}{_NBSP}%" if failed and among else "",
        "run" if thing.kind == "model" else "session",
        spark(days, datetime.now(UTC).date()),
    )


def name_of(thing: CatalogThing) -> str:
    """Return what a thing is called; "" where nothing names it."""
    return "" if things.id_of(thing) is None else thing.label


def behind(thing: CatalogThing, query: ListQuery) -> ListQuery | None:
    """Return the query for those sessions behind a thing that match `query`; None where it would be too long."""
    whole = ListQuery.of(all_of([part for part in (*query.parts, things.behind(thing)) if part is not None]))
    return whole if whole.fits else None


def heads(state: ThingState) -> list[Head]:
    """Return the heads of the columns."""
    return [head(kind, state) for kind in _columns(state.kind)]


def _columns(kind: str) -> list[Kind]:
    found = [Kind(_NAMES[kind], "name", "name"), Kind("Sessions", "many num", "sessions")]
    found.append(Kind("Calls", "runs num", "calls") if kind == "tool" else Kind("Runs", "runs num", "runs"))
    found.append(Kind(_FAILED[things.FAILED[kind]][0], "failed num", "errors"))
    if kind != "tool":
        found += [Kind("Tokens", "tokens num", "tokens"), Kind("Cost", "cost num", "cost")]
    return [*found, Kind(f"Last {things.SPARK_DAYS} days", "spark"), Kind("Last seen", "seen num", "seen")]


def order_words(state: ThingState) -> str:
    """Return the order in words."""
    name, descending = state.sort.removeprefix("-"), state.sort.startswith("-")
    if name in _ORDERS:
        return _ORDERS[name][descending]
    label = next(kind.label.lower() for kind in _columns(state.kind) if kind.sort == name)
    return f"{'most' if descending else 'fewest'} {label} first"


def orders(state: ThingState) -> list[tuple[str, str]]:
    """Return the orders to choose from, the present one among them, each with its words."""
    names = [name if name in ASCENDING_FIRST else f"-{name}" for name in things.sorts(state.kind)]
    found = names if state.sort in names else [state.sort, *names]
    return [(name, order_words(replace(state, sort=name)).capitalize()) for name in found]


def tabs(state: ThingState) -> list[Link]:
    """Return links to the four lists, of the same sessions."""
    asked = ListState(state.query).url()
    return [
        Link(listed.title, f"{resolve_url(listed.page)}{asked if asked != '?' else ''}", kind == state.kind)
        for kind, listed in KINDS.items()
    ]


def unnamed_url(state: ThingState) -> str:
    """Return the URL of the list without the beginning of a name that is looked for; "" if none is."""
    return replace(state, find="").url() if state.find else ""


def total_words(page: ThingPage, kind: str) -> str:
    """Return how many things the list has, in words."""
    return f"{page.total:,} {KINDS[kind].one if page.total == 1 else KINDS[kind].many}"


def scope_words(page: ThingPage, state: ThingState) -> str:
    """Return what the sums are made of, in words."""
    if page.sessions is None:
        return "in all sessions"
    asked = state.query.node is not None
    if page.capped:
        return f"in the {page.sessions:,} sessions updated last{', of those that match' if asked else ''}"
    if page.sessions == 1:
        return f"in the one session that {'matches' if asked else 'you may see'}"
    return f"in the {page.sessions:,} sessions that {'match' if asked else 'you may see'}"


def as_data(page: ThingPage, state: ThingState) -> dict[str, Any]:
    """Return the page as data. `days` are sessions by the day of their last update, today (UTC) last."""
    return {
        KINDS[state.kind].page: [_thing_as_data(thing, page.days[thing.key], state) for thing in page.rows],
        "total": page.total,
        "counted_sessions": page.sessions,
        "capped": page.capped,
        "in_time": page.in_time,
        "next": page.next,
    }


def _thing_as_data(thing: CatalogThing, days: list[int], state: ThingState) -> dict[str, Any]:
    query = behind(thing, state.query)
    identifier = things.id_of(thing)
    return {
        "name": None if identifier is None else thing.label,
        **({"id": identifier, "type": things.type_of(thing)} if thing.kind == "component" else {}),
        **{name: getattr(thing, name) for name in _NUMBERS},
        "tokens": thing.tokens,
        "cost": thing.cost,
        "cost_unknown": thing.cost_unknown,
        "last_seen": thing.last_seen,
        "days": days,
        "query": None if query is None else query.text,
    }
