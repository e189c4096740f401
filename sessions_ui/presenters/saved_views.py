"""Saved views as links and as data, and what of a list's URL they keep."""

from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.models import User
from django.http import QueryDict
from django.shortcuts import resolve_url

from agentos.catalog.keys import index_key
from agentos.catalog.paging import DEFAULT_SORT, clean_sort
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.tree import Exact, Term
from agentos.saved_views.models import SavedView
from agentos.saved_views.service import Listing, listings_of
from sessions_ui.presenters.columns import DEFAULT_COLUMNS, clean_columns

_LONGEST_VALUE: Final = 200


@dataclass(frozen=True)
class ViewLink:
    """A saved view in a row of links; `owner` is "" for one's own."""

    name: str
    url: str
    owner: str = ""
    is_current: bool = False


def listing_of(said: QueryDict, query: ListQuery | None = None) -> Listing:
    """Return what a view of the list with these parameters would keep. Its query is "" when none of it can be read.

    `query`: what they ask for, if it was read already.
    """
    sort, columns = clean_sort(said.get("sort", "")), clean_columns(said.getlist("columns"))
    return Listing(
        query=(query or ListQuery.from_url(said)).text,
        sort="" if sort == DEFAULT_SORT else sort,
        columns="" if columns == DEFAULT_COLUMNS else ",".join(columns),
        density=said.get("density", ""),
    )


def parameters(listing: Listing | SavedView) -> list[tuple[str, str]]:
    """Return the list's parameters for a view, without the usual ones."""
    named = (("q", listing.query), ("sort", listing.sort), ("columns", listing.columns), ("density", listing.density))
    return [(name, value) for name, value in named if value]


def list_address(listing: Listing | SavedView) -> str:
    """Return the address of the list as the view has it."""
    url = QueryDict(mutable=True)
    for name, value in parameters(listing):
        url[name] = value
    return resolve_url("sessions") + (f"?{url.urlencode()}" if url else "")


def list_of(name: str, value: str) -> str:
    """Return the address of the list of all sessions whose field has this value."""
    # An id that is too long for a query is asked for by its key, as the list's own links do.
    term = Term(name, Exact(value if len(value) <= _LONGEST_VALUE else index_key(value)))
    return list_address(Listing(query=ListQuery.of(term).text))


def view_links(user: User, shown: Listing) -> list[ViewLink]:
    """Return the views the user may open, their own first; `shown` is the list they stand beside. One statement."""
    return [
        ViewLink(name, list_address(listing), "" if owner == user.pk else username, listing == shown)
        for name, owner, username, listing in listings_of(user)
    ]


def as_data(view: SavedView, user: User) -> dict[str, Any]:
    """Return a view as JSON."""
    return {
        "id": view.pk,
        "name": view.name,
        "query": view.query,
        "sort": view.sort or DEFAULT_SORT,
        "columns": view.columns,
        "density": view.density,
        "shared": view.shared,
        "own": view.owner_id == user.pk,
        "owner": view.owner.username,
        "url": list_address(view),
        "updated_at": view.updated_at.isoformat(),
    }
