"""Questions to the catalog's sessions, as chainable QuerySet methods."""

from collections import defaultdict
from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, Final, Self

from django.db import models
from django.db.models import F, FilteredRelation, Q

from agentos.access.rights import AnyUser, Right, has_right
from agentos.access.rules import Scope, scope_of
from agentos.catalog.keys import index_key
from agentos.catalog.lean import LeanRows
from agentos.catalog.marks import ARCHIVED, DELETED, HIDDEN, LISTED
from agentos.catalog.paging import DEFAULT_SORT, Page, column_of, page_of
from agentos.catalog.query.compiler import Asker, Known, compiled, leading_term
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.tree import Exact, Node, Not, Term, Words, all_of, leaves
from agentos.catalog.terms import term_of
from agentos.catalog.text.matching import Lookups

if TYPE_CHECKING:
    from agentos.catalog.models import CatalogSession

_HELD: Final = Term("is", Exact("held"))
# Not needed by any list.
HEAVY = ("tool_calls_by_name", "tool_failures", "topics", "mark", "session_name")


class SessionQuerySet(models.QuerySet["CatalogSession"]):
    """Sessions of all sources."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lookups = Lookups()
        self._known = Known()
        self._leading = ""

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]  # Django's own hook, unknown to its stubs
        clone._lookups, clone._known, clone._leading = self._lookups, self._known, self._leading
        return clone

    @property
    def lookups(self) -> Lookups:
        """What the index of words said, shared by all that is made of one queryset: a page asks it once."""
        return self._lookups

    @property
    def asker(self) -> Asker:
        """For whom these sessions are."""
        return self._known.asker

    def in_kinds(self, kinds: frozenset[str] | None) -> Self:
        """The same sessions, of which words are then looked for in these kinds of text; None: in all."""
        found = self.all()
        found._lookups = Lookups(kinds)
        return found

    def of_source(self, source: str) -> Self:
        """Sessions of one source."""
        return self.filter(source=source)

    def one(self, source: str, session_id: str) -> "CatalogSession | None":
        """Return the session with this id, None if the catalog has none."""
        return self.of_source(source).filter(session_key=index_key(session_id)).first()

    def forks_of(self, row: "CatalogSession") -> Self:
        """Sessions that were forked from one: Agno's copies of it, in its source."""
        return self.of_source(row.source).filter(terms__term=term_of("fork_of", row.session_key))

    def visible_to(self, user: AnyUser) -> Self:
        """Sessions that the user may see: all of them, those of their scope, or none.

        Hidden and deleted ones only moderators see.
        """
        scope, moderates = scope_of(user), has_right(user, Right.MODERATE)
        found = self.all() if moderates else self.filter(aside__lt=HIDDEN)
        found._known = Known(Asker(user.pk or 0, scope.everything, moderates))
        if scope.everything:
            return found
        return found.none() if scope.nothing else found.filter(_within(scope))

    def listed(self) -> Self:
        """Those that are neither archived nor hidden nor deleted."""
        return self.filter(aside=LISTED)

    def filtered(self, query: ListQuery) -> Self:
        """Sessions that match the query; none while a part of it is broken.

        Archived, hidden and deleted ones are left out unless the query speaks of them, whichever way. What words say is
        looked for in sessions on hold for moderators alone: a search would read to others what they may not open.
        """
        if query.broken:
            return self.none()
        if query.node is None:
            return self.listed()
        node = query.node
        if not self._known.asker.moderates and any(isinstance(leaf, Words) for leaf in leaves(node)):
            node = all_of([node, Not(_HELD)]) or node  # together, so that the index of terms is asked once
        found = self.filter(compiled(node, self._lookups.filter, self._known), aside__in=_asked_for(query.node))
        # Whoever sees only their own sessions has few beside those of a common term.
        found._leading = "" if self.query.where else leading_term(query.node, self._known)
        return found

    def by_update(self) -> tuple[Self, str, str]:
        """Return these sessions with the names of the time and of the id by which the order of updates sorts them.

        If a common term leads, they are those of its rows, which an index has in this order: else all sessions would
        be walked up to the first that has the term, and it may be that only old ones have.
        """
        if not self._leading:
            return self, "updated_at", "id"
        terms = FilteredRelation("terms", condition=Q(terms__term=self._leading))
        rows = self.alias(led=terms).filter(led__term=self._leading)
        return rows.alias(led_at=F("led__updated_at"), led_id=F("led__session_id")), "led_at", "led_id"

    def page(
        self, sort: str = DEFAULT_SORT, cursor: str | None = None, limit: int = 50, *, only: Iterable[str] = ()
    ) -> "Page":
        """Return `limit` rows in the order `sort` from `cursor` on; the cost does not grow with the depth.

        `only`: what of them is read, for whoever shows no more than that; what lists need, unless given.
        """
        rows = self.only(*only, column_of(sort)) if only else self.defer(*HEAVY)
        rows._iterable_class = LeanRows
        return page_of(rows, sort, cursor, limit)


def _within(scope: Scope) -> Q:
    """Return the condition of a scope that limits; its keys lead the indexes that lists are read along."""
    found = Q()
    if scope.agno_user_id is not None:
        found &= Q(user_key=index_key(scope.agno_user_id))
    if scope.users:
        found &= Q(user_key__in=sorted(index_key(user) for user in scope.users))
    if scope.sources:
        found &= Q(source__in=sorted(scope.sources))
    if scope.components:
        keys: dict[str, list[str]] = defaultdict(list)
        for kind, component in sorted(scope.components):
            keys[kind].append(index_key(component))
        found &= reduce(or_, (Q(session_type=kind, component_key__in=among) for kind, among in keys.items()))
    return found


def _asked_for(node: Node) -> list[int]:
    """Return where sessions stand that a query is about: the listed ones, and archived … ones if it names them."""
    tests = {leaf.test for leaf in leaves(node) if isinstance(leaf, Term) and leaf.field == "is"}
    shelves = {Exact("archived"): ARCHIVED, Exact("hidden"): HIDDEN, Exact("deleted"): DELETED}
    return [LISTED, *(place for test, place in shelves.items() if test in tests)]
