"""Which sources somebody may know of: those they were granted, and those that hold a session they see."""

import time
from collections.abc import Collection
from typing import Final

from agentos.access.rights import AnyUser, Right, has_right
from agentos.access.rules import Scope, scope_of
from agentos.catalog.models import CatalogSession
from agentos.catalog.timebox import timebox

# Sessions that are looked at first, those updated last: most people's sources are among them.
RECENT: Final = 2_000
# How long it may take to look for a session in each of the other sources, and for how long the answer is kept.
SECONDS: Final = 0.2
KEPT_SECONDS: Final = 10.0
_MOST_KEPT: Final = 500
_kept: Final[dict[tuple[Scope, bool, frozenset[str]], tuple[float, frozenset[str]]]] = {}


def seen_sources(user: AnyUser, names: Collection[str]) -> frozenset[str]:
    """Return those of the sources `names` that the user may be told of.

    No statement for who sees everything or was granted sources. Else one along the index of users or components, every
    ten seconds for each scope; for who sees very many sessions, another for each source that is not among the latest.
    A source in which none of their sessions is found in time is left out.
    """
    scope = scope_of(user)
    if scope.everything:
        return frozenset(names)
    if scope.nothing or scope.sources:
        return frozenset(name for name in names if scope.names_source(name))
    key = (scope, has_right(user, Right.MODERATE), frozenset(names))
    kept = _kept.get(key)
    if kept is not None and 0 <= time.monotonic() - kept[0] < KEPT_SECONDS:
        return kept[1]
    found = _looked_for(user, key[2])
    if len(_kept) >= _MOST_KEPT:
        _kept.clear()
    _kept[key] = (time.monotonic(), found)
    return found


def _looked_for(user: AnyUser, names: frozenset[str]) -> frozenset[str]:
    visible = CatalogSession.objects.visible_to(user)
    recent = visible.order_by("-updated_at", "-id").values_list("source", flat=True)[: RECENT + 1]
    among = list(recent)
    found = set(among) & names
    if len(among) <= RECENT or found == names:
        return frozenset(found)
    with timebox(SECONDS):
        for name in sorted(names - found):
            if visible.filter(source=name).order_by().exists():
                found.add(name)
    return frozenset(found)
