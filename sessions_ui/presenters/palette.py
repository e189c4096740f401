"""Where one may jump to: pages, saved views, sessions, users and components. Bounded reads of the catalog's indexes."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import or_
from typing import Final

from django.contrib.auth.models import User
from django.db.models import Q
from django.http import QueryDict
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, reverse

from agentos.access.rules import can_see_settings
from agentos.catalog.keys import escape, index_key
from agentos.catalog.models import CatalogSession
from agentos.catalog.queries import SessionQuerySet
from agentos.db.sources import SourceError, all_sources
from agentos.saved_views.models import SavedView
from sessions_ui.presenters.saved_views import list_address, list_of

MAX_CHARACTERS: Final = 200
# Words are looked for in the titles of so many sessions, those updated last; ids along their index.
RECENT: Final = 2_000
_BEGINNINGS: Final = 200
_MOST_SESSIONS: Final = 8
_MOST_OTHERS: Final = 4
_PAGES: Final = (
    ("Sessions", "sessions", "list"),
    ("Overview", "overview", "model"),
    ("Search", "search", "search"),
    ("Compare", "compare", "list"),
    ("Users", "users", "user"),
    ("Agents, teams and workflows", "agents", "agent"),
    ("Tools", "tools", "tool"),
    ("Models", "models", "model"),
    ("Data health", "health_list", "help"),
    ("Views", "views", "filter"),
    ("Prices", "prices", "list"),
    ("Import a session", "import", "file"),
    ("Settings", "settings", "settings"),
)


@dataclass(frozen=True)
class Place:
    """Somewhere to go: what it is, what it is called, and its address."""

    kind: str
    label: str
    url: str
    icon: str


@dataclass(frozen=True)
class _Row:
    """What is read of a session."""

    source: str
    session_id: str
    title: str
    session_type: str
    user_id: str | None
    component_id: str | None
    component_name: str | None


def places(user: User, visible: SessionQuerySet, text: str) -> list[Place]:
    """Return where `text` could lead the user, by kind; without a text, pages, views and the latest sessions.

    `visible`: the sessions the user may see. At most four statements, none of which reads more than 2,000 rows.
    """
    text = " ".join(text[:MAX_CHARACTERS].split())
    words = text.casefold().split()
    recent = _read(visible.order_by("-updated_at", "-id")[: RECENT if words else _MOST_OTHERS])
    found = [*_pages(user, words), *_views(user, words), *_sessions(visible, recent, text, words)]
    if words:
        found += [*_users(recent, words), *_components(recent, words), _everywhere(text)]
    return found


def _read(rows: SessionQuerySet) -> list[_Row]:
    return [_Row(*values) for values in rows.values_list(*_Row.__dataclass_fields__)]


def _pages(user: User, words: list[str]) -> Iterator[Place]:
    for label, name, icon in _PAGES:
        if _has(label, words) and (name != "settings" or can_see_settings(user)):
            try:
                yield Place("page", label, reverse(name), icon)
            except NoReverseMatch:
                continue


def _views(user: User, words: list[str]) -> Iterator[Place]:
    views = SavedView.objects.visible_to(user).own_first(user.pk)
    found = (Place("saved view", view.name, list_address(view), "filter") for view in views if _has(view.name, words))
    return islice(found, _MOST_OTHERS)


def found_sessions(visible: SessionQuerySet, text: str) -> list[CatalogSession]:
    """Return the sessions that words of a title or the beginning of an id could mean; three statements."""
    text = " ".join(text[:MAX_CHARACTERS].split())
    found = _matching(visible, _read(visible.order_by("-updated_at", "-id")[:RECENT]), text, text.casefold().split())
    among = [Q(source=row.source, session_key=index_key(row.session_id)) for row in found]
    rows = visible.filter(reduce(or_, among)) if among else visible.none()
    places = {(row.source, row.session_id): at for at, row in enumerate(found)}
    return sorted(rows, key=lambda row: places.get((row.source, row.session_id), len(places)))


def _matching(visible: SessionQuerySet, recent: list[_Row], text: str, words: list[str]) -> list[_Row]:
    by_id = _by_id(visible, text) if len(text) > 1 else []
    rows = [*by_id, *(row for row in recent if _has(row.title, words))]
    return list(islice(dict.fromkeys(rows), _MOST_SESSIONS))


def _sessions(visible: SessionQuerySet, recent: list[_Row], text: str, words: list[str]) -> Iterator[Place]:
    for row in _matching(visible, recent, text, words):
        quoted = CatalogSession(session_id=row.session_id).quoted_id
        label = row.title or "Untitled session"
        yield Place("session", label, resolve_url("session", row.source, quoted), row.session_type)


def _by_id(visible: SessionQuerySet, text: str) -> list[_Row]:
    """Return sessions whose id begins with the text: from where it would stand in each source's index of ids."""
    begun = escape(text)
    try:
        sources = all_sources()
    except SourceError:
        return []
    places = [
        CatalogSession.objects.filter(source=source.name, session_key__gte=begun)
        .order_by("session_key")
        .values("pk")[:_BEGINNINGS]
        for source in sources
    ]
    if not places:
        return []
    rows = visible.filter(reduce(or_, (Q(pk__in=place) for place in places))).order_by("session_key")
    # How a database orders letters is its own affair, so what begins so is looked at once more.
    return [row for row in _read(rows) if row.session_id.startswith(text)][:_MOST_SESSIONS]


def _users(recent: Iterable[_Row], words: list[str]) -> Iterator[Place]:
    counted = Counter(row.user_id for row in recent if row.user_id and _has(row.user_id, words))
    for user_id, _ in counted.most_common(_MOST_OTHERS):
        yield Place("user", user_id, list_of("user", user_id), "user")


def _components(recent: Iterable[_Row], words: list[str]) -> Iterator[Place]:
    named = (
        (row.session_type, row.component_id, row.component_name or row.component_id)
        for row in recent
        if row.component_id and _has(f"{row.component_name or ''} {row.component_id}", words)
    )
    for (kind, component_id, label), _ in Counter(named).most_common(_MOST_OTHERS):
        yield Place(kind, label, list_of("component", component_id), kind)


def _everywhere(text: str) -> Place:
    try:
        address = reverse("search")
    except NoReverseMatch:
        address = reverse("sessions")
    url = QueryDict(mutable=True)
    url["q"] = text
    return Place("search", f"Search everything for “{text}”", f"{address}?{url.urlencode()}", "search")


def _has(label: str, words: list[str]) -> bool:
    folded = label.casefold()
    return all(word in folded for word in words)
