"""Finds words in one session, wherever they stand in it: which runs say them, and the places in one of these runs.

Only the index is asked which runs there are; of the one run that is looked at, the texts are read.
"""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agentos.catalog.text.index import Asked, runs_within
from agentos.catalog.text.snippets import Snippet, pattern, says, snippet
from agentos.catalog.text.words import wanted

if TYPE_CHECKING:
    from agentos.catalog.models import CatalogRun, CatalogSession

LAST: Final = "last"


@dataclass(frozen=True)
class Spot:
    """A text of a run that says the words. `place`: the message's number in its run, None for no message."""

    kind: str
    place: int | None
    snippet: Snippet


@dataclass(frozen=True)
class Found:
    """Where words are found in a session.

    `runs`: the ordinals of all runs that say them, in order. `own`: kinds of text of the session itself that do.
    `run` is the one looked at, with the `number`th (from 1) of its `total` places. `previous` and `next` name the
    places beside it as `hit` takes them, None where there is none.
    """

    looked_for: re.Pattern[str] | None
    runs: list[int] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    run: "CatalogRun | None" = None
    spot: Spot | None = None
    number: int = 0
    total: int = 0
    previous: str | None = None
    next: str | None = None


def find_within(session: "CatalogSession", text: str, hit: str = "") -> Found:
    """Find `text`, words side by side of which the last may be the beginning of one.

    `hit`: the place to look at, "<run's ordinal>.<number>" or "<run's ordinal>.last"; the first one for anything else.
    """
    words = wanted(text, prefix=True)
    looked_for = pattern([(text, True)])
    if not words.words or looked_for is None:
        return Found(None)
    ordinals = runs_within(Asked((words,)), session.pk)
    runs = [ordinal for ordinal in ordinals if ordinal is not None]
    own = _own(session, looked_for) if None in ordinals else []
    if not runs:
        return Found(looked_for, own=own)
    ordinal, _, number = hit.partition(".")
    at = runs.index(int(ordinal)) if ordinal.isdecimal() and ordinal.isascii() and int(ordinal) in runs else 0
    return _looked_at(session, looked_for, runs, own, at, number)


def _looked_at(
    session: "CatalogSession", looked_for: re.Pattern[str], runs: list[int], own: list[str], at: int, number: str
) -> Found:
    from agentos.catalog.models import CatalogRun

    run = CatalogRun.objects.filter(session=session, ordinal=runs[at]).first()
    spots = _spots(run, looked_for) if run is not None else []
    chosen = len(spots) if number == LAST else int(number) if number.isascii() and number.isdecimal() else 1
    chosen = max(1, min(chosen, len(spots)))
    before = f"{runs[at - 1]}.{LAST}" if at else None
    behind = f"{runs[at + 1]}.1" if at + 1 < len(runs) else None
    return Found(
        looked_for,
        runs,
        own,
        run=run,
        spot=_cut(spots[chosen - 1], looked_for) if spots else None,
        number=chosen,
        total=len(spots),
        previous=f"{runs[at]}.{chosen - 1}" if chosen > 1 else before,
        next=f"{runs[at]}.{chosen + 1}" if chosen < len(spots) else behind,
    )


def _spots(run: "CatalogRun", looked_for: re.Pattern[str]) -> list[tuple[str, int | None, str]]:
    """Return kind, place and text of each text of the run that says the words, in the order of its messages."""
    from agentos.catalog.models import CatalogText

    texts = CatalogText.objects.filter(run=run).only("parts", "body").order_by("pk")
    found = [
        (kind, place, text.body[start : start + length])
        for text in texts
        for kind, place, start, length in text.parts
        if says(text.body[start : start + length], looked_for)
    ]
    return sorted(found, key=lambda spot: (spot[1] is None, spot[1] or 0))


def _cut(spot: tuple[str, int | None, str], looked_for: re.Pattern[str]) -> Spot:
    kind, place, text = spot
    return Spot(kind, place, snippet(text, looked_for))


def _own(session: "CatalogSession", looked_for: re.Pattern[str]) -> list[str]:
    from agentos.catalog.models import CatalogText

    texts = CatalogText.objects.filter(session=session, run=None).only("parts", "body")
    kinds = (
        kind
        for text in texts
        for kind, _, start, length in text.parts
        if says(text.body[start : start + length], looked_for)
    )
    return list(dict.fromkeys(kinds))
