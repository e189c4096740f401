"""Ranges of numbers that few sessions are in, such as `size:>1MB`, looked up before a list is read.

SQLite walks the order of the list and looks at each session, up to where a page is full, which for a range of three in
a million is the end. Which sessions are in a range its index tells at once. PostgreSQL chooses well by itself: it knows
how the numbers are spread.
"""

from typing import Final

from django.db import connection
from django.db.models import Q

from agentos.catalog.text.index import IsAmong

# So many are looked up as fast as a walk finds a page of them; see term_filters.COMMON.
RARE: Final = 5_000


class RareNumbers:
    """What indexes say of ranges of numbers, asked once for all statements of one page."""

    def __init__(self) -> None:
        self._found: dict[Q, Q] = {}

    def filter(self, wanted: Q) -> Q:
        """Return the filter of CatalogSession for a range: its sessions where they are few, else the range itself."""
        if connection.vendor != "sqlite":
            return wanted
        if wanted not in self._found:
            self._found[wanted] = _looked_up(wanted)
        return self._found[wanted]


def _looked_up(wanted: Q) -> Q:
    from agentos.catalog.models import CatalogSession  # models import this package's querysets

    keys = list(CatalogSession.objects.filter(wanted).order_by().values_list("pk", flat=True)[: RARE + 1])
    return wanted if len(keys) > RARE else Q(IsAmong(frozenset(keys)))
