"""What becomes of turns whose runner has died: their run may be stored all the same, and only the source knows."""

import logging
from collections.abc import Collection
from typing import Final
from uuid import UUID

from agentos.catalog.sync import refresh_session
from agentos.db.connections import give_back
from agentos.db.sources import Source, SourceError, get_source
from agentos.db.sql import SqlDb
from agentos.records import Run
from agentos.turns.log import INTERRUPTED, finish, finish_stale, is_stale
from agentos.turns.models import Turn
from agentos.turns.states import OF_RUN, Status
from agentos.turns.watch import guard

logger = logging.getLogger(__name__)

UNKNOWN: Final = (
    "The program was stopped while this was being answered. Whether the answer was stored is not known, as the source "
    "cannot be read: {why} What had arrived is kept here."
)


def settle_orphans(alive: Collection[UUID]) -> int:
    """Bring all turns whose runner has died to their end; return how many there were. Their events stay.

    `alive`: turns that are known to be at work, though nothing was heard of them, as after the sleep of a laptop.

    One whose run is stored has ended as its run has: the runner died before it could say so. All others are
    interrupted.
    """
    return sum(_settle(turn) for turn in Turn.objects.filter(is_stale()).exclude(pk__in=alive))


def settle_retried(turn: Turn) -> bool:
    """Look whether a turn that says it was not answered was, before it is sent again; return whether it was.

    Raises:
        SourceUnavailable: the source cannot be read, so nobody knows.
    """
    run = None if turn.run_id else _stored(turn)
    if run is None:
        return False
    finish(turn.pk, OF_RUN[str(run.status)], run_id=run.run_id or "", before=Status(turn.status))
    turn.refresh_from_db()
    return True


def follow(source: Source, session_id: str) -> None:
    """Bring the catalog up to date; a fault there is mended by its next sweep and does not undo what is stored."""
    try:
        refresh_session(source, session_id)
    except Exception:
        logger.exception("The catalog could not follow the session %r", session_id)


def _settle(turn: Turn) -> bool:
    try:
        run = _stored(turn)
    except SourceError as error:
        return finish_stale(turn.pk, Status.INTERRUPTED, problem=UNKNOWN.format(why=error))
    if run is None:
        return finish_stale(turn.pk, Status.INTERRUPTED, problem=INTERRUPTED)
    problem = run.content_text if run.status == "ERROR" else ""
    return finish_stale(turn.pk, OF_RUN[str(run.status)], run_id=run.run_id or "", problem=problem)


def _stored(turn: Turn) -> Run | None:
    """Return the run that this turn stored, None if it did not; the catalog then knows of it, too.

    Raises:
        SourceUnavailable: the source cannot be read.
    """
    try:
        source = get_source(turn.source)
    except KeyError:  # it is not configured any more
        return None
    try:
        run = SqlDb(source, create_schema=False).get_run(turn.aimed_at)
    finally:
        give_back(source)
    # A paused run that was to be gone on with may be as paused as before.
    was_there = turn.aimed_at != str(turn.pk)
    ends = OF_RUN.keys() - ({"PAUSED"} if was_there else set())
    if not isinstance(run, Run) or run.session_id != turn.session_id or run.status not in ends:
        return None
    guard(source, turn, turn.aimed_at, {})
    follow(source, turn.session_id)
    return run
