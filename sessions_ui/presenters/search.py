"""The search page: its state as the URL says it, and its hits as they are shown and linked."""

from dataclasses import dataclass, replace
from typing import Any, Final, Self
from urllib.parse import urlencode

from django.contrib.humanize.templatetags.humanize import intcomma
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from agentos.catalog.models import CatalogSession
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.tree import Exact, Term, all_of
from agentos.catalog.text.search import PLACES, Found, Group, Hit
from sessions_ui.presenters.list_state import ListState
from sessions_ui.presenters.search_context import Around, Chosen, chosen_of, message_url
from sessions_ui.presenters.search_context import as_data as around_data
from sessions_ui.presenters.session_list import Link

# What a hit is called, with its icon.
_CALLED: Final = {
    "user": ("User message", "user"),
    "answer": ("Answer", "agent"),
    "tool_call": ("Tool arguments", "tool"),
    "tool_result": ("Tool result", "tool"),
    "reasoning": ("Reasoning", "model"),
    "summary": ("Summary", "list"),
    "state": ("Session state", "source"),
    "metadata": ("Metadata", "file"),
    "name": ("Name or id", "link"),
    "run_name": ("Name or id", "link"),
}
_MOST_PAGES: Final = 1_000


@dataclass(frozen=True)
class SearchState(ListState):
    """What is searched for and how it is shown. `places`: kinds of text, none for all."""

    places: tuple[str, ...] = ()
    newest: bool = False
    each: bool = False

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """Read the request; what it says that is not known is left out."""
        asked = request.GET
        places = tuple(name for name in PLACES if name in asked.getlist("in"))
        return cls(
            ListQuery.from_url(asked),
            places=places,
            newest=asked.get("sort") == "newest",
            each=asked.get("by") == "hit",
        )

    def url(self, after: str | None = None) -> str:
        """Return the URL's query of this state, and of one of its pages: always the same for the same state."""
        url = QueryDict(mutable=True)
        url.setlist("q", [text for text in (self.query.text, *(one.text for one in self.query.broken)) if text])
        url.setlist("in", list(self.places))
        for name, value in (("by", "hit" * self.each), ("sort", "newest" * self.newest), ("page", after)):
            if value:
                url[name] = value
        return f"?{url.urlencode()}"


@dataclass(frozen=True)
class Place:
    """A checkbox of what is looked into."""

    name: str
    label: str
    icon: str
    count: str
    chosen: bool


@dataclass(frozen=True)
class ShownHit:
    """A hit with what it is called. `url` shows it in its surroundings, `message_url` is the page it stands on."""

    hit: Hit
    label: str
    icon: str
    url: str
    message_url: str
    is_chosen: bool


@dataclass(frozen=True)
class ShownGroup:
    """A session with its hits; `more_url` leads to all of them."""

    session: CatalogSession
    hits: list[ShownHit]
    total: str
    more: int
    more_url: str


def page_number(text: str) -> int:
    """Return the page the URL names, 1 for what is none."""
    return min(int(text), _MOST_PAGES) if text.isascii() and text.isdigit() and text.strip("0") else 1


def places(found: Found, state: SearchState) -> list[Place]:
    """Return the kinds of text with the hits in each."""
    more = "" if found.complete else "+"
    return [
        Place(name, kind.words, _CALLED[name][1], f"{found.by_kind[name]:,}{more}", name in state.places)
        for name, kind in PLACES.items()
    ]


def by(state: SearchState) -> list[Link]:
    """Return the ways of putting hits together."""
    ways = (("By session", False), ("Every hit", True))
    return [Link(label, replace(state, each=each).url(), state.each is each) for label, each in ways]


def order(state: SearchState) -> list[Link]:
    """Return the orders of hits."""
    orders = (("Best match", False), ("Newest", True))
    return [Link(label, replace(state, newest=newest).url(), state.newest is newest) for label, newest in orders]


def shown(found: Found, state: SearchState, page: int, chosen: Chosen | None) -> list[ShownGroup]:
    """Return the groups of a page as they are shown; one of the hits may be `chosen`."""
    address = state.url(str(page) if page > 1 else None)
    return [
        ShownGroup(
            group.session,
            [_shown_hit(group.session, hit, address, chosen) for hit in group.hits],
            _counted(group.total, "hit", found.complete),
            group.more,
            reverse("search") + _hits_of(group, state) if group.more > 0 else "",
        )
        for group in found.groups
    ]


def summary(found: Found) -> str:
    """Return how much was found, in words."""
    return f"{_counted(found.hits, 'hit', found.complete)} in {_counted(found.sessions, 'session', found.complete)}"


def _counted(number: int, what: str, complete: bool) -> str:
    return f"{'' if complete else 'at least '}{intcomma(number)} {what}{'' if number == 1 else 's'}"


def _hits_of(group: Group, state: SearchState) -> str:
    session = Term("id", Exact(group.session.session_key)), Term("source", Exact(group.session.source))
    return replace(state, query=ListQuery.of(all_of([*state.query.parts, *session])), each=True).url()


def _shown_hit(session: CatalogSession, hit: Hit, address: str, chosen: Chosen | None) -> ShownHit:
    label, icon = _CALLED[hit.kind.name]
    this = _chosen(session, hit)
    url = f"{address}&{urlencode({'hit': str(this)})}#context"
    return ShownHit(hit, label, icon, url, message_url(session, hit.run, this), this == chosen)


def _chosen(session: CatalogSession, hit: Hit) -> Chosen:
    return chosen_of(session, hit.kind.name, hit.run, hit.place)


def called(chosen: Chosen) -> tuple[str, str]:
    """Return what a hit is called, and its icon."""
    return _CALLED[chosen.kind]


def as_data(found: Found, context: Around | None) -> dict[str, Any]:
    """Return the page for programs, with the surroundings of the hit that is chosen."""
    return {
        "hits": found.hits,
        "sessions_found": found.sessions,
        "is_complete": found.complete,
        "pages": found.pages,
        "found_in": {name: found.by_kind[name] for name in PLACES},
        "sessions": [_group_data(group) for group in found.groups],
        "context": around_data(context),
    }


def _group_data(group: Group) -> dict[str, Any]:
    session = group.session
    return {
        "source": session.source,
        "session_id": session.session_id,
        "title": session.title,
        "updated_at": session.updated_at,
        "total": group.total,
        "hits": [
            {
                "found_in": "name" if hit.kind.name == "run_name" else hit.kind.name,
                "run_id": hit.run.run_id if hit.run is not None else None,
                "message": hit.place,
                "created_at": hit.created_at,
                "snippet": [{"text": piece.text, "is_hit": piece.is_hit} for piece in hit.snippet.pieces],
                "url": message_url(session, hit.run, _chosen(session, hit)),
                "hit": str(_chosen(session, hit)),
            }
            for hit in group.hits
        ],
    }
