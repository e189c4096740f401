"""Puts what was derived of a session into the catalog, whole or not at all."""

import logging
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from agentos.catalog.deriving import Derivation, seconds
from agentos.catalog.keys import index_key
from agentos.catalog.models import CatalogRun, CatalogSession, CatalogTerm
from agentos.catalog.text import store as text
from agentos.catalog.text.extract import parts_of_session
from agentos.catalog.text.store import Texts
from agentos.db.reader import Reader, Stamp
from agentos.db.sources import SourceUnavailable

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
        return _derive(reader, stamp, row)
    except (SourceUnavailable, OperationalError, InterfaceError):  # the source, or our own database, is not there
        raise
    except Exception:  # whatever a stored session makes our code do, it must not keep the others out of the catalog
        _logger.exception("Session %r of %s cannot be derived", stamp.session_id, reader.source.name)
        return note_problem(reader, stamp, "This session cannot be read; the log of the server says why.")


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
    """Delete the rows and their runs, some at a time; return how many there were."""
    removed = 0
    while keys := list(rows.order_by().values_list("pk", flat=True)[:BATCH]):
        CatalogSession.objects.filter(pk__in=keys).delete()
        removed += len(keys)
    return removed


def _derive(reader: Reader, stamp: Stamp, row: CatalogSession | None) -> CatalogSession | None:
    session = reader.session(stamp.session_id)
    if session is None:
        return row
    known = list(CatalogRun.objects.filter(session=row)) if row is not None else []
    derivation = Derivation(reader, session, known)
    runs = derivation.runs()
    values = derivation.session(stamp, runs)
    with transaction.atomic():
        key = index_key(stamp.session_id)
        stored, created = CatalogSession.objects.select_for_update().get_or_create(
            source=reader.source.name, session_key=key, defaults=values
        )
        if not created:
            if row is None or stored.mark != row.mark:
                return stored  # another process was faster
            _update(stored, values)
        _store_runs(stored, runs, known)
        _store_terms(stored, derivation.terms(runs, values))
        text.rewrite(Texts(stored.pk, None, stored.updated_at, parts_of_session(session, stored.title)))
    return stored


def _update(row: CatalogSession, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save()


def _store_runs(session: CatalogSession, runs: list[CatalogRun], known: list[CatalogRun]) -> None:
    kept = {run.pk for run in runs if run.pk}
    gone = [run.pk for run in known if run.pk not in kept]
    for start in range(0, len(gone), BATCH):
        CatalogRun.objects.filter(pk__in=gone[start : start + BATCH]).delete()
    places = dict(_places(session, kept))
    moved = [run for run in runs if run.pk and places.get(run.pk) != tuple(getattr(run, name) for name in _PLACE)]
    CatalogRun.objects.bulk_update(moved, _PLACE, batch_size=100)
    new = [run for run in runs if not run.pk]
    for run in new:
        run.session = session
    CatalogRun.objects.bulk_create(new, batch_size=BATCH)
    text.write(Texts(session.pk, run.pk, run.created_at or session.updated_at, run.unstored_texts) for run in new)


def _store_terms(session: CatalogSession, terms: set[str]) -> None:
    stored = set(session.terms.values_list("term", flat=True))
    if gone := stored - terms:
        session.terms.filter(term__in=gone).delete()
    CatalogTerm.objects.bulk_create(CatalogTerm(session=session, term=term) for term in sorted(terms - stored))


def _places(session: CatalogSession, kept: set[int]) -> list[tuple[int, tuple[int, ...]]]:
    """Return where the kept rows stand in the database: the objects were put in new places already."""
    if not kept:
        return []
    return [(pk, tuple(place)) for pk, *place in CatalogRun.objects.filter(session=session).values_list("pk", *_PLACE)]
