"""Searching: the places where a query's words stand, grouped by session.

What is ranked, counted and shown is bounded: the hits in the sessions updated last among those that match. Only for the
places on the page is any text read.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from django.db.models import Count, OuterRef, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce

from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.tree import Words
from agentos.catalog.text.extract import KINDS, Kind
from agentos.catalog.text.index import Match, ranked
from agentos.catalog.text.matching import Lookups, positive, wanted_words
from agentos.catalog.text.snippets import Snippet, pattern, snippet

if TYPE_CHECKING:
    from agentos.catalog.models import CatalogRun, CatalogSession
    from agentos.catalog.queries import SessionQuerySet

# Of the sessions that match, so many updated last are looked into, and so many rows of their texts.
SESSIONS: Final = 300
ROWS: Final = 1_000
PER_PAGE: Final = 20
HITS_PER_PAGE: Final = 50
PER_SESSION: Final = 3
# What a kind is called in URLs; names and ids of sessions and of runs are one to a reader.
PLACES: Final = {name: kind for name, kind in KINDS.items() if name != "run_name"}
_BY_SORT: Final = {(kind.sort, kind.label): kind for kind in KINDS.values()}


class Spot(NamedTuple):
    """Where words stand: a kind of text of a run, or of the session itself. `row` is the text's; less is better."""

    session: int
    run: int | None
    kind: Kind
    row: int
    rank: float
    created_at: int


@dataclass(frozen=True)
class Hit:
    """A place with what stands there. `place` is the message's number in its run, `number` that of the run's tree."""

    kind: Kind
    snippet: Snippet
    place: int | None
    run: "CatalogRun | None"
    number: int | None
    created_at: int
    cut: bool


@dataclass(frozen=True)
class Group:
    """A session with its first hits; `total` counts all of them."""

    session: "CatalogSession"
    hits: list[Hit]
    total: int

    @property
    def more(self) -> int:
        """How many are not shown."""
        return self.total - len(self.hits)


@dataclass(frozen=True)
class Found:
    """A page of hits. `hits` and `sessions` count what was looked into; there are more unless `complete`.

    `by_kind`: the hits in each kind of text, whatever kinds were chosen. `unsaid`: words no session has, when nothing
    was found. `wordless`: nothing in the query can be looked for.
    """

    groups: list[Group] = field(default_factory=list)
    hits: int = 0
    sessions: int = 0
    pages: int = 1
    complete: bool = True
    by_kind: Counter[str] = field(default_factory=Counter)
    unsaid: list[Words] = field(default_factory=list)
    wordless: bool = False


def kinds_of(places: Iterable[str]) -> frozenset[str] | None:
    """Return the kinds of text that PLACES name; None, for all, if they name none."""
    chosen = {name for name in places if name in PLACES}
    return frozenset(chosen | ({"run_name"} if "name" in chosen else set())) or None


def search(
    rows: "SessionQuerySet", query: ListQuery, *, newest: bool = False, each: bool = False, page: int = 1
) -> Found:
    """Return a page of the hits of a query's words among `rows`, the sessions that the person may see.

    Only their kinds of text are looked into (`in_kinds`). `newest`: in order of time, not of rank. `each`: hits one by
    one, each in a group of its own, rather than by session.
    """
    words = [one for one in positive(query.node) if wanted_words(one).words]
    if not words:
        return Found(wordless=not query.broken)
    spots, sessions, complete = _spots(rows, query, words)
    everywhere = spots if rows.lookups.kinds is None else _spots(rows.in_kinds(None), query, words)[0]
    order = {pk: at for at, pk in enumerate(sessions)}
    groups = _ordered(spots, order, newest=newest, each=each)
    size = HITS_PER_PAGE if each else PER_PAGE
    shown = groups[(page - 1) * size : page * size]
    return Found(
        groups=_groups(shown, words),
        hits=len(spots),
        sessions=len({spot.session for spot in spots}),
        pages=-(-len(groups) // size) or 1,
        complete=complete,
        by_kind=Counter(_place_of(spot.kind) for spot in everywhere),
        unsaid=[] if spots else _unsaid(rows, words),
    )


def _spots(rows: "SessionQuerySet", query: ListQuery, words: list[Words]) -> tuple[list[Spot], list[int], bool]:
    """Return the places of the words in the sessions that match, those sessions, and whether these are all."""
    newest = rows.filtered(query).order_by("-updated_at", "-id").values_list("pk", flat=True)
    sessions = list(newest[: SESSIONS + 1])
    among, ids = _where(rows.lookups, words, set(sessions[:SESSIONS]))
    found = ranked(rows.lookups.asked(*words), among, ids, ROWS + 1)
    spots = _placed(found[:ROWS], rows.lookups.kinds)
    return spots, sessions[:SESSIONS], len(sessions) <= SESSIONS and len(found) <= ROWS


def _where(lookups: Lookups, words: list[Words], sessions: set[int]) -> tuple[str, set[int]]:
    """Return what is asked for hits: the rows that are known already, else all rows of the sessions."""
    known: set[int] = set()
    for one in words:
        rows = lookups.rows(lookups.asked(one))
        if rows is None:
            return "session", sessions
        known |= {row for row, session in rows.items() if session in sessions}
    return "id", known


def _placed(found: list[Match], kinds: frozenset[str] | None) -> list[Spot]:
    from agentos.catalog.models import CatalogText

    texts = CatalogText.objects.filter(pk__in=[hit.row for hit in found]).annotate(first=KT("parts__0__0"))
    rows: dict[int, tuple[int | None, int, str]] = {
        pk: (run, created_at, str(first))
        for pk, run, created_at, first in texts.values_list("pk", "run_id", "created_at", "first")
    }
    best: dict[tuple[int, int | None, str], Spot] = {}
    for hit in found:
        run, created_at, named = rows.get(hit.row, (None, 0, ""))
        for label in hit.labels if named in KINDS else "":
            kind = _BY_SORT[KINDS[named].sort, label]
            spot = Spot(hit.session, run, kind, hit.row, hit.rank, created_at)
            key = hit.session, run, kind.name
            if (kinds is None or kind.name in kinds) and (key not in best or spot.rank < best[key].rank):
                best[key] = spot
    return list(best.values())


def _ordered(spots: list[Spot], order: dict[int, int], *, newest: bool, each: bool) -> list[list[Spot]]:
    """Return the places in groups, the best or newest first in each and among them."""
    if newest:
        spots = sorted(spots, key=lambda spot: (-spot.created_at, order.get(spot.session, 0), spot.rank))
    else:
        spots = sorted(spots, key=lambda spot: (spot.rank, order.get(spot.session, 0), -spot.created_at))
    if each:
        return [[spot] for spot in spots]
    groups: dict[int, list[Spot]] = {}
    for spot in spots:
        groups.setdefault(spot.session, []).append(spot)
    found = list(groups.values())
    return sorted(found, key=lambda group: order.get(group[0].session, 0)) if newest else found


def _groups(shown: list[list[Spot]], words: list[Words]) -> list[Group]:
    from agentos.catalog.models import CatalogSession

    wanted = [spot for group in shown for spot in group[:PER_SESSION]]
    hits = _hits(wanted, words)
    sessions = CatalogSession.objects.defer("tool_calls_by_name", "topics", "tags", "health", "session_name")
    rows = sessions.in_bulk({spot.session for spot in wanted})
    return [
        Group(rows[group[0].session], [hits[spot] for spot in group[:PER_SESSION] if spot in hits], len(group))
        for group in shown
        if group[0].session in rows
    ]


def _hits(spots: list[Spot], words: list[Words]) -> dict[Spot, Hit]:
    """Read the texts at these places, the only ones that are read."""
    from agentos.catalog.models import CatalogText

    looked_for = pattern((one.text, one.prefix) for one in words)
    texts = CatalogText.objects.only("parts", "body", "cut").in_bulk({spot.row for spot in spots})
    runs = _runs({spot.run for spot in spots if spot.run is not None})
    found: dict[Spot, Hit] = {}
    for spot in spots:
        text = texts.get(spot.row)
        if text is None:
            continue
        shown: tuple[Snippet, int | None] | None = None
        for kind, place, start, length in text.parts:
            if kind == spot.kind.name and (shown is None or not shown[0].has_hit):
                shown = snippet(text.body[start : start + length], looked_for), place
        if shown:
            run, number = runs.get(spot.run or 0, (None, None))
            found[spot] = Hit(spot.kind, *shown, run, number, spot.created_at, text.cut)
    return found


def _runs(ids: set[int]) -> "dict[int, tuple[CatalogRun, int]]":
    """Return the runs with the number of the top-level run each belongs to, from 1."""
    from agentos.catalog.models import CatalogRun

    roots = CatalogRun.objects.filter(session=OuterRef("session"), depth=0, ordinal__lte=OuterRef("root_ordinal"))
    counted = roots.order_by().values("session").annotate(n=Count("pk")).values("n")
    fields = ("run_id", "ordinal", "root_ordinal", "kind", "component_name", "component_id", "created_at")
    runs = CatalogRun.objects.only(*fields).annotate(number=Coalesce(Subquery(counted), 0)).filter(pk__in=ids)
    return {run.pk: (run, run.number) for run in runs}


def _place_of(kind: Kind) -> str:
    return "name" if kind.name == "run_name" else kind.name


def _unsaid(rows: "SessionQuerySet", words: list[Words]) -> list[Words]:
    return [one for one in words if not rows.filtered(ListQuery.of(one)).exists()]
