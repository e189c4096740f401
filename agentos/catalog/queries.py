"""Questions to the catalog's sessions, as chainable QuerySet methods."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from agentos.access.roles import AnyUser
from agentos.access.rules import scope_of
from agentos.catalog.filters import NO_USER, ListFilters
from agentos.catalog.keys import index_key
from agentos.catalog.paging import DEFAULT_SORT, Page, page_of

if TYPE_CHECKING:
    from agentos.catalog.models import CatalogSession

# Not needed by any list.
HEAVY = ("tool_calls_by_name", "topics", "mark", "session_name")


class SessionQuerySet(models.QuerySet["CatalogSession"]):
    """Sessions of all sources."""

    def of_source(self, source: str) -> Self:
        """Sessions of one source."""
        return self.filter(source=source)

    def one(self, source: str, session_id: str) -> "CatalogSession | None":
        """Return the session with this id, None if the catalog has none."""
        return self.of_source(source).filter(session_key=index_key(session_id)).first()

    def visible_to(self, user: AnyUser) -> Self:
        """Sessions that the user may see: all of them, those of the Agno user they are bound to, or none."""
        scope = scope_of(user)
        if scope.everything:
            return self
        return self.none() if scope.agno_user_id is None else self.filter(user_key=index_key(scope.agno_user_id))

    def filtered(self, filters: ListFilters) -> Self:
        """Sessions that match all filters."""
        found = self
        if filters.text:
            found = found.filter(_text(filters.text))
        if filters.source:
            found = found.filter(source__in=filters.source)
        if filters.type:
            found = found.filter(session_type__in=filters.type)
        if filters.component:
            found = found.filter(component_key__in=_keys(filters.component))
        if filters.user:
            found = found.filter(_users(filters.user))
        if filters.status:
            found = found.filter(last_status__in=["" if value == "none" else value for value in filters.status])
        if filters.earliest is not None:
            found = found.filter(updated_at__gte=filters.earliest)
        if filters.latest is not None:
            found = found.filter(updated_at__lt=filters.latest)
        return found

    def page(self, sort: str = DEFAULT_SORT, cursor: str | None = None, limit: int = 50) -> "Page":
        """Return `limit` rows in the order `sort` from `cursor` on; the cost does not grow with the depth."""
        return page_of(self.defer(*HEAVY), sort, cursor, limit)


def _text(text: str) -> Q:
    words = Q(title__icontains=text) | Q(preview__icontains=text)
    return words | Q(session_id__icontains=text) | Q(user_id__icontains=text)


def _users(users: tuple[str, ...]) -> Q:
    named = Q(user_key__in=_keys(tuple(user for user in users if user != NO_USER)))
    return named | Q(user_key=None) if NO_USER in users else named


def _keys(ids: tuple[str, ...]) -> set[str]:
    """Return the keys of ids. Facets name an id by its key where that is shorter, so each may be a key already."""
    return {*ids, *map(index_key, ids)}
