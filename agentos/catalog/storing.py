"""Puts what was derived of a session into the catalog, whole or not at all."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from agentos.catalog import deriving, marks, pricing
from agentos.catalog.deriving import Derivation, seconds
from agentos.catalog.keys import index_key
from agentos.catalog.models import CatalogRun, CatalogSession, CatalogTerm, CatalogText
from agentos.catalog.storing_rows import insert
from agentos.catalog.text import store as text
from agentos.catalog.text.extract import Part, parts_of_session
from agentos.catalog.text.store import Texts
from agentos.db.reader import Reader, Stamp
from agentos.db.sources import SourceUnavailable
from agentos.prices.pricing import PriceTable
from agentos.prices.table import settled

# A session that changed, with what the catalog has of it.
Changed = tuple[Stamp, CatalogSession | None]
Together = Callable[[Sequence[Changed]], dict[str, CatalogSession]]
# Rows deleted or written by one statement.
BATCH = 500
# Structural columns of a run that stays where it is in the source but may move in the forest.
_PLACE = ("ordinal", "root_ordinal", "depth", "position")
_logger = logging.getLogger(__name__)


def refresh(reader: Reader, stamp: Stamp, row: CatalogSession | None) -> CatalogSession | None:
    """Derive the session anew and store it, unless another process stored it meanwhile; None if it is gone.

    A session that cannot be derived keeps what was known of it, and its `problem` says so until it changes.

    Raises:
        SourceUnavailable: the source does not give the session.
    """
    try:
        return refresh_together(reader, [(stamp, row)]).get(stamp.session_id, row)
    except (SourceUnavailable, OperationalError, InterfaceError):  # the source, or our own database, is not there
        raise
    except Exception:  # whatever a stored session makes our code do, it must not keep the others out of the catalog
        _logger.exception("Session %r of %s cannot be derived", stamp.session_id, reader.source.name)
        return note_problem(reader, stamp, "This session cannot be read; the log of the server says why.")


def refresh_together(reader: Reader, changed: Sequence[Changed]) -> dict[str, CatalogSession]:
    """Refresh sessions; return their rows by session id, those left out that are gone from the source or from here.

    Raises:
        SourceUnavailable: the source does not give one of them; some may be stored by then.
    """
    found: dict[str, CatalogSession] = {}
    for group in deriving.groups(deriving.begin(reader, changed)):
        deriving.read(reader, group)
        deriving.settle(reader, group)
        derived = [_Derived.of(one) for one in group]
        with transaction.atomic():
            found |= _store(reader.source.name, derived)
    return found


class Ahead:
    """Refreshes changed sessions some at a time, ahead of whoever asks for them one by one in the same order.

    What goes wrong with some of them is nobody's problem yet: those are then refreshed alone, by `refresh`.
    `together` refreshes some; unless it is given, `refresh_together`.
    """

    def __init__(self, reader: Reader, changed: list[Changed], at_once: int, together: Together | None = None) -> None:
        self._reader = reader
        self._together = together or partial(refresh_together, reader)
        self._waiting = changed[::-1]
        self._at_once = at_once
        self._ready: dict[str, CatalogSession] = {}
        self._tried: set[str] = set()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is ready that was not asked for yet."""
        return not self._tried

    def take(self, stamp: Stamp, row: CatalogSession | None) -> CatalogSession | None:
        """Return what `refresh` does."""
        if stamp.session_id not in self._tried:
            some = [self._waiting.pop() for _ in range(min(self._at_once, len(self._waiting)))]
            self._tried = {one.session_id for one, _ in some}
            self._ready = self._refreshed(some)
        self._tried.discard(stamp.session_id)
        stored = self._ready.pop(stamp.session_id, None)
        return stored if stored is not None else refresh(self._reader, stamp, row)

    def _refreshed(self, some: list[Changed]) -> dict[str, CatalogSession]:
        try:
            return self._together(some) if len(some) > 1 else {}
        except Exception:  # `refresh` says what it is, of each session by itself
            _logger.debug("Sessions of %s are refreshed one by one", self._reader.source.name, exc_info=True)
            return {}


def note_problem(reader: Reader, stamp: Stamp, problem: str, *, again: bool = False) -> CatalogSession:
    """Store the sentence on the session's row. With `again` the next pass tries once more, else only after a change."""
    found = {"problem": problem, "mark": "" if again else stamp.mark}
    known = {
        "session_id": stamp.session_id,
        "created_at": seconds(stamp.created_at),
        "updated_at": seconds(stamp.updated_at) or seconds(stamp.created_at),
    }
    row, _ = CatalogSession.objects.update_or_create(
        source=reader.source.name,
        session_key=index_key(stamp.session_id),
        defaults=found,
        create_defaults=known | found,
    )
    return row


def remove(rows: QuerySet[CatalogSession]) -> int:
    """Delete the rows and what hangs on them, some at a time; return how many there were.

    By a statement a table: Django would first read all runs, to find what hangs on those.
    """
    removed = 0
    while keys := list(rows.order_by().values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            for model in (CatalogText, CatalogTerm, CatalogRun):
                hanging = model._default_manager.filter(session__in=keys)
                hanging._raw_delete(hanging.db)
            own = CatalogSession.objects.filter(pk__in=keys)
            own._raw_delete(own.db)
        removed += len(keys)
    return removed


@dataclass
class _Derived:
    """What was derived of a session. `stored`: its row in the catalog."""

    derivation: Derivation
    runs: list[CatalogRun]
    values: dict[str, Any]
    terms: set[str]
    stored: CatalogSession = field(default_factory=CatalogSession)

    @classmethod
    def of(cls, derivation: Derivation) -> "_Derived":
        runs = derivation.runs()
        values = derivation.values(runs)
        return cls(derivation, runs, values, derivation.terms(runs, values))

    @property
    def is_new(self) -> bool:
        return self.derivation.row is None

    @property
    def own_texts(self) -> list[Part]:
        return parts_of_session(self.derivation.session, self.stored.title)


def _store(source: str, derived: list[_Derived]) -> dict[str, CatalogSession]:
    """Store all of these sessions, but for those that another process stored or removed meanwhile."""
    keys = {index_key(one.derivation.stamp.session_id): one for one in derived}
    rows = CatalogSession.objects.select_for_update().filter(source=source, session_key__in=keys)
    present = {row.session_key: row for row in rows.order_by("pk")}
    accepted: list[_Derived] = []
    for key, one in keys.items():
        was, row = one.derivation.row, present.get(key)
        if row is None and was is None:
            one.stored = present[key] = CatalogSession(source=source, session_key=key)
            accepted.append(one)
        elif row is not None and was is not None and (row.mark, row.masked_by) == (was.mark, was.masked_by):
            one.stored = row
            accepted.append(one)
    _price(accepted)
    _mark(source, accepted)
    insert([one.stored for one in accepted if one.is_new])
    for one in accepted:
        if not one.is_new:
            one.stored.save()
    new = _store_runs(accepted)
    _store_terms(accepted)
    _store_texts(accepted, new)
    return {row.session_id: row for row in present.values()}


def _mark(source: str, accepted: list[_Derived]) -> None:
    """Give the sessions what people put over them. A row that is there has it, but for what was written meanwhile."""
    found = marks.of_sessions(source, [one.stored.session_key for one in accepted])
    for one in accepted:
        mark = found.get(one.stored.session_key, marks.NONE)
        one.stored.marks, one.stored.aside = mark.stored(), mark.aside
        one.terms |= mark.terms()


def _price(derived: list[_Derived]) -> None:
    """Give runs their costs by a price table that is not changed before they are stored, and sessions their values."""
    table = settled() if derived else PriceTable()
    for one in derived:
        pricing.price(one.runs, table)
        good = [(run.cost, run.told_cost) for run in one.runs if run.kind != "bad"]
        for name, value in (one.values | pricing.costs_of(good)).items():
            setattr(one.stored, name, value)


def _store_runs(derived: list[_Derived]) -> list[CatalogRun]:
    """Store runs in their places; return those that are new, with their keys."""
    kept = [run for one in derived for run in one.runs if run.pk]
    keys = {run.pk for run in kept}
    gone = [run.pk for one in derived for run in one.derivation.known if run.pk not in keys]
    for start in range(0, len(gone), BATCH):
        CatalogRun.objects.filter(pk__in=gone[start : start + BATCH]).delete()
    places = _places(one.stored.pk for one in derived if any(run.pk for run in one.runs))
    moved = [run for run in kept if places.get(run.pk) != tuple(getattr(run, name) for name in _PLACE)]
    CatalogRun.objects.bulk_update(moved, _PLACE, batch_size=100)
    for one in derived:
        for run in one.runs:
            run.session_id = one.stored.pk
    new = [run for one in derived for run in one.runs if not run.pk]
    insert(new)
    return new


def _places(sessions: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """Return where the kept rows stand in the database: the objects were put in new places already."""
    among = list(sessions)
    if not among:
        return {}
    rows = CatalogRun.objects.filter(session__in=among).values_list("pk", *_PLACE)
    return {pk: tuple(place) for pk, *place in rows}


def _store_texts(derived: list[_Derived], new: Iterable[CatalogRun]) -> None:
    """Index what is said in new runs, and what sessions say of themselves."""
    updated = {one.stored.pk: one.stored.updated_at for one in derived}
    owned = {one.stored.pk: Texts(one.stored.pk, None, one.stored.updated_at, one.own_texts) for one in derived}
    runs = (Texts(run.session_id, run.pk, run.created_at or updated[run.session_id], run.unstored_texts) for run in new)
    text.write(chain(runs, (owned[one.stored.pk] for one in derived if one.is_new)))
    for one in derived:
        if not one.is_new:
            text.rewrite(owned[one.stored.pk])


def _store_terms(derived: list[_Derived]) -> None:
    stored: dict[int, set[str]] = {one.stored.pk: set() for one in derived}
    known = CatalogTerm.objects.filter(session__in=[one.stored.pk for one in derived if not one.is_new])
    for session, term in known.values_list("session_id", "term"):
        stored[session].add(term)
    for one in derived:
        if gone := stored[one.stored.pk] - one.terms:
            one.stored.terms.filter(term__in=gone).delete()
        if stored[one.stored.pk]:
            one.stored.terms.exclude(updated_at=one.stored.updated_at).update(updated_at=one.stored.updated_at)
    insert(
        [
            CatalogTerm(session_id=one.stored.pk, term=term, updated_at=one.stored.updated_at)
            for one in derived
            for term in sorted(one.terms - stored[one.stored.pk])
        ]
    )
