"""The mark a list keeps of how new it is, and what lies behind that mark."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Q

from agentos.catalog.models import CatalogSession
from agentos.catalog.queries import SessionQuerySet

# Seconds a source's clock may be ahead of ours. What claims to be of a later time would hide all that comes after it.
_AHEAD: Final = 60
_MARK: Final = re.compile(r"(\d{1,18}),(\d{1,18})")


@dataclass(frozen=True)
class Mark:
    """The newest session of a list: its last update (unix seconds) and its row."""

    updated_at: int
    pk: int

    def __str__(self) -> str:
        """As it stands in URLs."""
        return f"{self.updated_at},{self.pk}"


def mark_of(rows: Sequence[CatalogSession], visible: SessionQuerySet, *, newest_first: bool) -> Mark:
    """Return the mark of a page: its first row if it begins with the newest, else the newest the user may see."""
    until = int(time.time()) + _AHEAD
    if newest_first:
        row = next((row for row in rows if row.updated_at <= until), None)
        if row is not None:
            return Mark(row.updated_at, row.pk)
    newest = visible.filter(updated_at__lte=until).order_by("-updated_at", "-id").values_list("updated_at", "pk")
    return Mark(*(newest.first() or (0, 0)))


def read_mark(text: str) -> Mark | None:
    """Return the mark of a URL, None for anything that is none."""
    found = _MARK.fullmatch(text)
    return Mark(int(found[1]), int(found[2])) if found and text.isascii() else None


def behind(rows: SessionQuerySet, mark: Mark, now: int) -> SessionQuerySet:
    """Return the rows updated after the mark, newest first, along the index of updates."""
    newer = Q(updated_at__gt=mark.updated_at) | Q(updated_at=mark.updated_at, pk__gt=mark.pk)
    between = rows.filter(newer, updated_at__gte=mark.updated_at, updated_at__lte=now + _AHEAD)
    return between.order_by("-updated_at", "-id")
