"""Looking for runs of ours that another program has written over, and putting them back.

A run is lost when it is not in its session any more, or there in an earlier state, and somebody else has stored
something meanwhile. A run that is gone although nobody stored anything was removed on purpose, and stays away.

Who looks: the turn itself once it has stored, before the next turn of its session, and `watch.py` all the time.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from agentos.audit import service as audit
from agentos.catalog.sync import refresh_session
from agentos.db.connections import give_back
from agentos.db.reader import Reader, RunStub, Stamp
from agentos.db.sources import Source, SourceError, SourceUnavailable, get_source
from agentos.db.writer import Lost, SessionNotFound, Writer
from agentos.db.writer_put_back import may_be_reverted
from agentos.records import Run
from agentos.turns import acts
from agentos.turns.models import KeptRun, KeptSession, session_key

__all__ = ["ACTOR", "Overwritten", "look_at", "look_due", "overwritten_in"]

logger = logging.getLogger(__name__)

# Who puts runs back, for the audit log.
ACTOR: Final = "AgentOS Sessions"
# Seconds since the session last changed, and how often it is looked at until then; less often after that.
_PACES: Final = ((60, 2), (600, 15), (3600, 60))
_SELDOM: Final = timedelta(minutes=10)
# After something was put back the other program may be at it again; after a fault of the source it may be back.
_AT_ONCE: Final = timedelta(seconds=1)
_AFTER_FAULT: Final = timedelta(minutes=1)
# How long another process leaves a session alone that somebody looks at.
_CLAIMED: Final = timedelta(seconds=30)
# Sessions of one round, and runs before a lost one that are looked for to find its place.
_ROUND: Final = 50
_BEFORE: Final = 50


@dataclass(frozen=True)
class Overwritten:
    """A run of ours that another program had written over. `problem`: why it is not back, "" when it is."""

    run_id: str
    at: datetime | None
    times: int
    problem: str


def overwritten_in(source_name: str, session_id: str) -> list[Overwritten]:
    """Return what was put back in a session, and what could not be, oldest first; one statement."""
    runs = KeptRun.objects.filter(session__session_key=session_key(source_name, session_id))
    met = runs.filter(Q(times_put_back__gt=0) | ~Q(problem="")).order_by("pk")
    return [Overwritten(*one) for one in met.values_list("run_id", "put_back_at", "times_put_back", "problem")]


def look_at(source_name: str, session_id: str) -> int:
    """Look whether runs of this session are lost, now; return how many were put back. At most one statement if not."""
    session = KeptSession.objects.filter(session_key=session_key(source_name, session_id)).first()
    return _look(session) if session is not None and session.next_look_at is not None else 0


def look_due(budget: float | None = None) -> int:
    """Look at the sessions whose turn it is; return how many runs were put back. One statement while there are none.

    `budget`: unused, as a look is short; callers after a look of the catalog give one.
    """
    now, count = timezone.now(), 0
    for session in KeptSession.objects.filter(next_look_at__lte=now).order_by("next_look_at")[:_ROUND]:
        mine = KeptSession.objects.filter(pk=session.pk, next_look_at=session.next_look_at)
        if mine.update(next_look_at=now + _CLAIMED):
            count += _look(session)
    return count


def _look(session: KeptSession) -> int:
    try:
        source = get_source(session.source)
    except KeyError:  # not configured any more: it may come back
        _look_again(session, _SELDOM)
        return 0
    try:
        return _look_into(source, session)
    except SessionNotFound:
        session.delete()
    except SourceError as error:
        logger.warning("The session %r cannot be looked at for lost runs: %s", session.session_id, error)
        _look_again(session, _AFTER_FAULT)
    finally:
        give_back(source)
    return 0


def _look_into(source: Source, session: KeptSession) -> int:
    reader = Reader(source)
    stamp = reader.stamp(session.session_id)
    if stamp is None:
        raise SessionNotFound(session.session_id)
    if stamp.mark == session.mark:
        _look_again(session)
        return 0
    stubs = reader.run_stubs(session.session_id)
    kept = list(session.runs.exclude(text="").defer("text").order_by("pk"))
    lost, removed = _missing(session, kept, stubs)
    if removed:
        session.runs.filter(pk__in=[one.pk for one in removed]).delete()
    done = _put_back(source, session, lost, _order(session, kept)) if lost else []
    there = {stub.run_id for stub in stubs}
    session.runs.filter(run_id__in=[one.run_id for one in kept if one.run_id in there], seen_at=None).update(
        seen_at=timezone.now()
    )
    if done:
        _look_again(session, _AT_ONCE)
    else:
        _saw(session, stamp, stubs)
    return len(done)


def _missing(
    session: KeptSession, kept: Sequence[KeptRun], stubs: Sequence[RunStub]
) -> tuple[list[KeptRun], list[KeptRun]]:
    """Return what may have been overwritten, and what was removed."""
    there = {stub.run_id: stub.status for stub in stubs}
    ours, known = {one.run_id for one in kept}, {(run_id, status) for run_id, status in session.known}
    # Whoever writes over runs does so to store one, or what became of one.
    others_wrote = any((run_id, status) not in known for run_id, status in there.items() if run_id not in ours)
    lost: list[KeptRun] = []
    removed: list[KeptRun] = []
    for one in kept:
        if one.run_id not in there:
            (lost if others_wrote or one.seen_at is None else removed).append(one)
        elif may_be_reverted(there[one.run_id], one.status):
            lost.append(one)
    return lost, removed


def _order(session: KeptSession, kept: Sequence[KeptRun]) -> list[str]:
    """Return the ids of the session's runs as they were stored: what is new came after what is known."""
    known = dict.fromkeys(run_id for run_id, _ in session.known)
    return [*known, *(one.run_id for one in kept if one.run_id not in known)]


def _put_back(source: Source, session: KeptSession, lost: Sequence[KeptRun], order: Sequence[str]) -> list[str]:
    """Put runs back and that on record; return the ids of those that really were lost."""
    texts = dict(session.runs.filter(pk__in=[one.pk for one in lost]).values_list("run_id", "text"))
    wanted = [
        Lost(Run.from_dict(json.loads(texts[one.run_id])), _before(order, one.run_id))
        for one in sorted(lost, key=lambda one: order.index(one.run_id))
        if texts.get(one.run_id)
    ]
    try:
        done = Writer(source).put_back(session.session_id, wanted)
    except (SourceUnavailable, SessionNotFound):
        raise
    except SourceError as error:
        session.runs.filter(run_id__in=texts).update(problem=str(error), text="")
        logger.warning("Runs of the session %r cannot be put back: %s", session.session_id, error)
        return []
    if done:
        _on_record(session, done)
        refresh_session(source, session.session_id)
    return done


def _before(order: Sequence[str], run_id: str) -> tuple[str, ...]:
    at = order.index(run_id)
    return tuple(islice(reversed(order[:at]), _BEFORE))


def _on_record(session: KeptSession, done: Sequence[str]) -> None:
    logger.warning("%d runs of the session %r were overwritten and put back", len(done), session.session_id)
    with transaction.atomic():
        session.runs.filter(run_id__in=done).update(
            put_back_at=timezone.now(), times_put_back=F("times_put_back") + 1, problem=""
        )
        target = audit.Target(session.source, session.session_id, done[0])
        details = {"count": len(done), "runs": ", ".join(done[:20])}
        audit.record(acts.PUT_BACK.name, actor=ACTOR, actor_id=None, on=target, details=details)


def _saw(session: KeptSession, stamp: Stamp, stubs: Sequence[RunStub]) -> None:
    """Note what the session is now: all that is kept of it is there."""
    session.mark, session.changed_at = stamp.mark, timezone.now()
    session.known = [[stub.run_id, stub.status] for stub in stubs if stub.run_id is not None]
    session.save(update_fields=["mark", "changed_at", "known"])
    _look_again(session)


def _look_again(session: KeptSession, wait: timedelta | None = None) -> None:
    """Set when the session is looked at next; never while nothing is kept that could be put back."""
    now = timezone.now()
    if wait is None:
        since = (now - session.changed_at).total_seconds()
        wait = next((timedelta(seconds=pace) for until, pace in _PACES if since < until), _SELDOM)
    at = now + wait if session.runs.exclude(text="").exists() else None
    KeptSession.objects.filter(pk=session.pk).update(next_look_at=at)
