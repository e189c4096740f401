"""Carries turns out: asks the model, keeps what arrives, stores the run. Plain synchronous code in threads.

No request waits for it and none is needed: a turn goes on when its browser has left, and ends the same way.
"""

import logging
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from agentos.access.rules import NotAllowed, check_is_open
from agentos.db.connections import give_back
from agentos.db.reader import Reader
from agentos.db.sources import Source, SourceError, get_source
from agentos.records import Run, Session
from agentos.turns.answerers import Answerer
from agentos.turns.channel import announce
from agentos.turns.choosing import answerer
from agentos.turns.errors import BadRequest, CannotAnswer, Stopped
from agentos.turns.frames import Asked, Frame
from agentos.turns.going_on import ABLE
from agentos.turns.heart import Beating, Heart
from agentos.turns.intake import Intake
from agentos.turns.kinds import kind_of
from agentos.turns.log import TurnLost, beat, claim, finish, first_in_line, interrupt, is_stale
from agentos.turns.models import Turn, TurnEvent
from agentos.turns.patience import give_back as give_back_own
from agentos.turns.patience import patiently
from agentos.turns.pool import Pool
from agentos.turns.retention import prune_if_due
from agentos.turns.settling import follow, settle_orphans
from agentos.turns.states import OF_RUN, Status
from agentos.turns.turn_db import TurnDb
from agentos.turns.watch import guard, put_back_first

logger = logging.getLogger(__name__)

FAULT: Final = "The program failed while this was being answered; its log says how. Send the message again."
NO_SOURCE: Final = "The source {name} is not configured any more, so this session cannot be continued."
NO_SESSION: Final = "The session has been deleted, so nothing can be added to it."
NOT_STORED: Final = "The answer was received but could not be stored: {why}"


def run_turn(turn_id: UUID) -> None:
    """Carry out a queued turn, if it is the first in its session's line and none runs there; else do nothing.

    However it ends, it ends: this raises nothing, and the next in line is started.
    """
    turn = patiently(lambda: claim(turn_id))
    if turn is None:
        return
    try:
        with _heart.beating(turn_id) as beating:
            _carry_to_end(turn, beating)
    finally:
        patiently(lambda: start_next(turn.session_key))
        prune_if_due()


def _carry_to_end(turn: Turn, beating: Beating) -> None:
    turn_id = turn.pk
    try:
        _carry_out(turn, beating)
    except TurnLost:
        logger.warning("Turn %s was taken for dead and is left alone", turn_id)
    except Stopped as error:
        _end(turn_id, Status.CANCELLED, problem=str(error))
    except (BadRequest, CannotAnswer, SourceError) as error:
        _end(turn_id, Status.FAILED, problem=str(error))
    except Exception:
        logger.exception("Turn %s failed", turn_id)
        _end(turn_id, Status.FAILED, problem=FAULT)


_heart: Final = Heart()
_pool: Final = Pool(run_turn, _heart, interrupt)
_is_worker = False


def become_worker() -> None:
    """Carry turns out in this process, whatever AGENTOS_TURNS says of web processes."""
    global _is_worker
    _is_worker = True


def start(turn_id: UUID) -> None:
    """Have a turn carried out, once the transaction that made it is through: in this process, or by a worker."""
    transaction.on_commit(lambda: _pool.start(turn_id) if _works_here() else announce(turn_id))


def start_next(key: str) -> None:
    """Start the session's oldest waiting turn, if there is one."""
    waiting = first_in_line(key)
    if waiting is not None:
        start(waiting)


def stop(grace: float) -> int:
    """Begin no more turns in this process; return how many were interrupted because they took over `grace` seconds."""
    return _pool.close(grace)


def sweep_orphans() -> int:
    """Mark turns whose runner has died as interrupted, and start those that wait behind nobody; return how many died.

    Called all the time by a worker, every few seconds by a web process (`sweeping.py`), and whenever turns are read.
    """
    if not Turn.objects.filter(is_stale() | Q(status=Status.QUEUED)).exists():
        return 0  # as nearly always: one statement
    died = settle_orphans(_heart.turns)
    if _works_here():
        running = Turn.objects.filter(status=Status.RUNNING).values("session_key")
        waiting = Turn.objects.filter(status=Status.QUEUED).exclude(session_key__in=running)
        for key in set(waiting.values_list("session_key", flat=True)):
            start_next(key)
    return died


def _works_here() -> bool:
    return _is_worker or settings.AGENTOS_TURNS == "thread"


def _carry_out(turn: Turn, beating: Beating) -> None:
    source = _source(turn)
    put_back_first(turn)  # what the model is told should hold it
    session = Reader(source).session(turn.session_id)
    give_back(source)  # a model may think for minutes
    if session is None:
        raise CannotAnswer(NO_SESSION)
    patiently(lambda: _check_rights(turn, session))
    db, intake = TurnDb(source, turn.pk), Intake(turn.pk, turn.aimed_at, _heart.__len__)
    who = patiently(lambda: answerer(turn, session, db, intake))
    intake.cancel = beating.cancel = lambda: who.cancel(intake.run_id)
    started = {"answering": who.label, "model": who.model_id}
    patiently(lambda: beat(turn.pk, [(TurnEvent.Kind.STARTED, started | {ABLE: who.can_go_on})], **started))
    give_back_own()  # the model may not say a word for long
    asked = Asked(turn, session, db, _frame(turn, session))
    run = _answered(asked, who, intake)
    guard(source, turn, intake.run_id, db.saved)
    follow(source, turn.session_id)
    problem = run.content_text if run.status == "ERROR" else ""
    _end(turn.pk, OF_RUN[str(run.status)], run_id=intake.run_id, problem=problem)


def _end(turn_id: UUID, status: Status, *, run_id: str = "", problem: str = "") -> None:
    """Bring a turn to its end, however long our own database is away: nobody else knows how it ended."""
    patiently(lambda: finish(turn_id, status, run_id=run_id, problem=problem))


def _frame(turn: Turn, session: Session) -> Frame:
    told = {"continued_by": turn.actor, "acting_for": turn.acting_for, "reason": turn.reason}
    about = {"agentos_sessions": {key: value for key, value in told.items() if value}}
    return Frame(session_id=turn.session_id, run_id=turn.aimed_at, user_id=session.user_id, metadata=about)


def _answered(asked: Asked, who: Answerer, intake: Intake) -> Run:
    """Let who answers do so, and return the run, which is stored by then.

    Raises:
        CannotAnswer: there is no place for what was asked, or the answer could not be stored.
        TurnLost: the turn was taken for dead meanwhile; nothing was stored.
    """
    fault: Exception | None = None
    try:
        for event in kind_of(asked.turn).carry_out(asked, who):
            intake.hear(event, tells=who.tells)
    except SourceError as error:
        raise CannotAnswer(NOT_STORED.format(why=error)) from error
    except CannotAnswer:
        intake.end()
        raise
    except TurnLost:
        raise
    except Exception as error:  # a workflow stores the failure of its step, and then raises it
        fault = error
    intake.end()
    # What was stored may have been overwritten already: `lost.py` puts it back.
    run = asked.db.stored_run(intake.run_id) or asked.db.saved.get(intake.run_id)
    if not isinstance(run, Run) or (fault and run.status == "PAUSED"):
        raise fault or RuntimeError("The run ended and was not stored.")
    return run


def _source(turn: Turn) -> Source:
    try:
        return get_source(turn.source)
    except KeyError:
        raise CannotAnswer(NO_SOURCE.format(name=turn.source)) from None


@dataclass(frozen=True)
class _Row:
    """What the rules need to know of a session."""

    source: str
    session_id: str
    user_id: str | None
    session_type: str
    component_id: str | None


def _check_rights(turn: Turn, session: Session) -> None:
    """Refuse when the right was lost, or the session put on hold or given to another user, while the turn waited."""
    row = _Row(turn.source, turn.session_id, session.user_id, session.session_type or "", session.component_id)
    try:
        if turn.user is None:  # asked for on the command line, by whoever runs the program
            check_is_open(None, row)
        else:
            kind_of(turn).check_may(turn.user, row)
    except NotAllowed as error:
        raise CannotAnswer(str(error)) from None
