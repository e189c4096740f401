"""The door to turns: ask for one, look at it, stop it."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from agentos.turns import going_on
from agentos.turns.attachments import ATTACHED, attached
from agentos.turns.choosing import REBUILT
from agentos.turns.conduct import conduct, keep_reason
from agentos.turns.errors import BadRequest, KeyReused
from agentos.turns.going_on import may_go_on
from agentos.turns.intake import storable
from agentos.turns.kinds import Kind, kind_of
from agentos.turns.log import answer_so_far, events_after, reasoning_so_far, request_cancel, steps_so_far
from agentos.turns.models import Turn, session_key
from agentos.turns.runner import run_turn, start, sweep_orphans
from agentos.turns.settling import settle_retried
from agentos.turns.states import Status

__all__ = [
    "BadRequest",
    "KeyReused",
    "answer_so_far",
    "events_after",
    "lacks_worker",
    "may_go_on",
    "reasoning_so_far",
    "request_cancel",
    "retry",
    "run_turn",
    "steps_so_far",
    "submit",
    "sweep_orphans",
]

# Characters of all attachments as they are stored.
MAX_ATTACHMENTS: Final = 30 * 1024 * 1024
# How many turns of one session may wait.
MAX_WAITING: Final = 20

# Seconds after which a turn that is first in its line should have begun.
BEGUN_AFTER: Final = 10.0

COMMAND_LINE: Final = "command line"
NOT_TO_RETRY: Final = "This message cannot be sent again: it is {status}."


def submit(
    source_name: str,
    session_id: str,
    message: str,
    *,
    user: User | None,
    idempotency_key: str,
    attachments: Mapping[str, list[dict[str, Any]]] | None = None,
    kind: str = Kind.MESSAGE,
    options: Mapping[str, Any] | None = None,
    answerer: str = "",
    reason: str = "",
) -> Turn:
    """Store a request to continue a session and have it carried out; return it at once.

    `kind`, `options`: what is asked for besides saying the message, as `kinds.py` has it. `answerer`: who is to answer,
    as `choosing.py` names them. A repeated key of the same user gives the turn that it made the first time. The right
    to continue is not looked at here: whoever calls has done so, and the runner does it again. `user` None: the command
    line.

    Raises:
        BadRequest: what is asked for is not complete or too long, too many wait, or the key was used for something
            else.
    """
    message = storable(message.replace("\r\n", "\n")).strip()
    turn = _turn(source_name, session_id, message, user, storable(idempotency_key))
    turn.attachments, turn.kind, turn.options = dict(attachments or {}), kind, dict(options or {})
    turn.answerer = answerer
    if told := attached(turn.attachments):
        turn.options[ATTACHED] = [asdict(one) for one in told]
    _check_bounds(turn)
    earlier = _same_key(turn) or _stored(turn, reason)
    if earlier is None:
        return turn
    if _asks(earlier) != _asks(turn):
        raise KeyReused
    return earlier


def retry(turn: Turn, user: User | None, reason: str = "", *, go_on: bool = False) -> Turn:
    """Send the message and attachments of a turn that was not answered once more, in the name of `user`.

    With `go_on` the model that had begun to answer goes on with what has arrived, else it begins anew.

    A turn is retried once: whoever asks again gets the same new turn. What is said of rights at `submit` holds here.

    One that turns out to have been answered is not sent: it is returned itself, with its run.

    Raises:
        BadRequest: the turn is under way or was answered, cannot be gone on with, or too many wait.
        SourceUnavailable: it cannot be looked up whether it was answered.
    """
    if not turn.may_be_retried:
        raise BadRequest(NOT_TO_RETRY.format(status=turn.get_status_display().lower()))
    if settle_retried(turn):
        return turn
    if go_on:
        going_on.check(turn)
    again = _turn(turn.source, turn.session_id, turn.message, user, f"retry {turn.pk.hex}")
    again.attachments, again.kind, again.options = turn.attachments, turn.kind, dict(turn.options)
    again.answerer = turn.answerer
    again.options.pop(going_on.OPTION, None)
    if go_on:
        again.options[going_on.OPTION], again.answerer = str(turn.pk), REBUILT
    again.retry_of = turn
    return Turn.objects.filter(retry_of=turn).first() or _stored(again, reason) or again


def lacks_worker(turn: Turn) -> bool:
    """Whether turns are left to workers, and this one would have begun by now if there were one."""
    waited = (timezone.now() - turn.created_at).total_seconds()
    if settings.AGENTOS_TURNS != "worker" or waited < BEGUN_AFTER:
        return False
    return Turn.objects.of_session(turn.source, turn.session_id).active().first() == turn


def _asks(turn: Turn) -> tuple[Any, ...]:
    """Return what a turn asks for, of what a form sent twice may not differ in."""
    return turn.session_key, turn.kind, turn.options, turn.answerer, turn.message


def _turn(source_name: str, session_id: str, message: str, user: User | None, key: str) -> Turn:
    return Turn(
        source=source_name,
        session_id=session_id,
        session_key=session_key(source_name, session_id),
        user=user,
        actor=user.get_username() if user else COMMAND_LINE,
        message=message,
        idempotency_key=key,
    )


def _stored(turn: Turn, reason: str = "") -> Turn | None:
    """Put the turn into its session's line and start it; return the earlier one if it was sent at the same moment."""
    conduct(turn, reason)
    _check_line(turn)
    try:
        with transaction.atomic():
            turn.save(force_insert=True)
            keep_reason(turn)
    except IntegrityError:
        earlier = Turn.objects.filter(retry_of=turn.retry_of).first() if turn.retry_of else _same_key(turn)
        if earlier is None:
            raise
        return earlier
    start(turn.pk)
    return None


def _same_key(turn: Turn) -> Turn | None:
    if turn.user is None:
        return None
    return Turn.objects.filter(user=turn.user, idempotency_key=turn.idempotency_key).first()


def _check_bounds(turn: Turn) -> None:
    kind_of(turn).check(turn)
    size = sum(len(medium.get("content", "")) for media in turn.attachments.values() for medium in media)
    if size > MAX_ATTACHMENTS:
        raise BadRequest(f"The attachments are larger than {MAX_ATTACHMENTS // 2**20} MB.")
    if not 0 < len(turn.idempotency_key) <= 64:
        raise BadRequest("The idempotency key must have 1 to 64 characters.")


def _check_line(turn: Turn) -> None:
    waiting = Turn.objects.filter(session_key=turn.session_key, status=Status.QUEUED).count()
    if waiting >= MAX_WAITING:
        raise BadRequest(f"{waiting} messages wait to be answered in this session. Wait until some are.")
