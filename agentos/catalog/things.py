"""Lists of users, components, tools and models: sums over the sessions behind each.

For somebody who sees all sessions and narrows nothing they are read from the sums that are kept (`rollups.py`); for
everybody else they are made from the sessions that match, so nothing of others is in any of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.utils import timezone

from agentos.catalog.figures import DAY, SUMMED, Tally, figures, folded, names_of
from agentos.catalog.keys import unescape
from agentos.catalog.query.fields import TYPES
from agentos.catalog.query.tree import Exact, Missing, Node, Prefix, Term, all_of
from agentos.catalog.rollup_models import LABEL_CHARACTERS, CatalogDay, CatalogThing
from agentos.catalog.thing_pages import Counted, Kept, Slice, read
from agentos.catalog.timebox import timebox

if TYPE_CHECKING:
    from agentos.catalog.queries import SessionQuerySet

LISTED: Final = ("user", "component", "tool", "model")
SPARK_DAYS: Final = 30
# Sums are made at once of so many sessions, those updated last, and for so many seconds at most.
MOST_SESSIONS: Final = 20_000
SECONDS: Final = 2.0
DEFAULT_SORT: Final = "-sessions"
# What counts as failed depends on what is listed.
FAILED: Final = {
    "user": "failed_sessions", "component": "failed_sessions", "tool": "failed_calls", "model": "failed_runs",
}  # fmt: skip
_SUMS: Final = {
    "name": "folded", "sessions": "sessions", "runs": "runs", "tokens": "tokens", "cost": "cost", "seen": "last_seen",
}  # fmt: skip
# Of a name that is longer than its label so much is asked for: no index keeps less of its beginning.
_BEGINNING: Final = 100


@dataclass(frozen=True)
class ThingPage:
    """Things in order. `days`: by the key of each, its sessions on the last days (UTC), today last.

    `total`: how many there are. `sessions`: how many sessions the sums were made of,
    None if of all there are; `capped`: more match, these were updated last. `in_time`: it did not take too long.
    `next` and `previous` are cursors, None at the ends; `problem` is a sentence about a bad cursor.
    """

    rows: list[CatalogThing] = field(default_factory=list)
    days: dict[str, list[int]] = field(default_factory=dict)
    total: int = 0
    sessions: int | None = None
    capped: bool = False
    in_time: bool = True
    next: str | None = None
    previous: str | None = None
    problem: str = ""


def sorts(kind: str) -> dict[str, str]:
    """Return the orders of a list as the URL names them, with what each is by. Nobody knows what a tool call costs."""
    if kind == "tool":
        return {"name": "folded", "sessions": "sessions", "calls": "calls", "errors": FAILED[kind], "seen": "last_seen"}
    return {**_SUMS, "errors": FAILED[kind]}


def clean_sort(kind: str, sort: str) -> str:
    """Return `sort` if it names an order of the list (with "-" for descending), else the default one."""
    return sort if sort.removeprefix("-") in sorts(kind) else DEFAULT_SORT


def kept(kind: str, sort: str = DEFAULT_SORT, cursor: str | None = None, find: str = "", limit: int = 50) -> ThingPage:
    """Return a page of all things of a kind whose name begins with `find`, from the sums that are kept."""
    found = CatalogThing.objects.filter(kind=kind)
    if begun := _begun(find):
        found = found.filter(folded__startswith=begun)
    part = read(Kept(found), sorts(kind)[sort.removeprefix("-")], sort.startswith("-"), cursor, limit)
    days = CatalogDay.objects.filter(kind=kind, key__in=[row.key for row in part.rows], day__gte=_first_day())
    return _page(part, part.rows, days.values_list("key", "day", "sessions"))


def counted(
    kind: str,
    sessions: "SessionQuerySet",
    sort: str = DEFAULT_SORT,
    cursor: str | None = None,
    find: str = "",
    limit: int = 50,
) -> ThingPage:
    """Return the same of the things in these sessions, at most MOST_SESSIONS of them, made now."""
    with timebox(SECONDS) as box:
        of = figures(kind, sessions, MOST_SESSIONS)
    if box.over:
        return ThingPage(sessions=0, in_time=False)
    begun = _begun(find)
    found = [row for row in of.in_all() if not begun or row.folded.startswith(begun)]
    part = read(Counted(found), sorts(kind)[sort.removeprefix("-")], sort.startswith("-"), cursor, limit)
    days = ((row.key, day, sessions) for row in part.rows for day, sessions in row.days)
    rows = [_thing(row) for row in part.rows]
    return _page(part, rows, days, sessions=of.sessions, capped=of.sessions == MOST_SESSIONS)


def _thing(of: Tally) -> CatalogThing:
    sums = {name: getattr(of, name) for name in SUMMED}
    return CatalogThing(kind=of.kind, key=of.key, label=of.label, folded=of.folded, **sums)


def behind(thing: CatalogThing) -> Node | None:
    """Return the query that asks for the sessions behind a thing."""
    names = names_of(thing.key)
    if thing.kind in ("tool", "model"):
        whole = len(thing.label) < LABEL_CHARACTERS
        return Term(thing.kind, Exact(thing.label) if whole else Prefix(thing.label[:_BEGINNING]))
    test = Missing() if names[-1] is None else Exact(names[-1])
    if thing.kind == "user":
        return Term("user", test)
    if names[0] in TYPES and isinstance(test, Exact):
        return Term(names[0], test)
    return all_of([Term("type", Exact(names[0]) if names[0] else Missing()), Term("component", test)])


def type_of(thing: CatalogThing) -> str:
    """Return what a component is: agent, team, workflow, or another text; "" for anything but a component."""
    return names_of(thing.key)[0] or "" if thing.kind == "component" else ""


def id_of(thing: CatalogThing) -> str | None:
    """Return the id or name that makes the thing what it is, if need be as it is cut for an index; None without one."""
    name = names_of(thing.key)[-1]
    return None if name is None else unescape(name)


def _begun(find: str) -> str:
    return folded(find.replace("\0", ""))


def _first_day() -> int:
    return int(timezone.now().timestamp()) // DAY - SPARK_DAYS + 1


def _page(part: Slice[Any], rows: list[CatalogThing], days: Iterable[tuple[str, int, int]], **of: Any) -> ThingPage:
    begin = _first_day()
    sparks = {row.key: [0] * SPARK_DAYS for row in rows}
    for key, day, sessions in days:
        if 0 <= day - begin < SPARK_DAYS:
            sparks[key][day - begin] += sessions
    return ThingPage(rows, sparks, part.total, next=part.next, previous=part.previous, problem=part.problem, **of)
