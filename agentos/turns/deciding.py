"""The door to decisions: what runs of a session wait for, and deciding on one of them."""

from collections.abc import Callable, Sequence
from typing import Final

from django.contrib.auth.models import User

from agentos.access.rules import check_can_approve
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.db.reader import Reader
from agentos.db.sources import get_source
from agentos.prepared import Prepared
from agentos.records import Run
from agentos.records.replies import Reply
from agentos.turns import acts, decisions
from agentos.turns.decisions import MetMeanwhile
from agentos.turns.kinds import Kind
from agentos.turns.models import Turn
from agentos.turns.service import submit
from agentos.turns.waiting import Waiting, find_run, look

# The name of the act for the audit log.
DECIDED: Final = acts.DECIDED.name

__all__ = ["DECIDED", "MetMeanwhile", "decide", "paused_runs", "waiting_of"]

# Runs of one session whose questions are shown at once, the last ones.
MOST: Final = 3
_PAUSED: Final = Prepared(
    lambda session: (
        CatalogRun.objects.filter(session=session, status="PAUSED", stored=True, depth=0)
        .order_by("-ordinal")
        .values_list("pk")[:MOST]
    )
)


def paused_runs(row: CatalogSession) -> list[CatalogRun]:
    """Return the last runs of a session that wait for people, oldest first; a member's is asked for by its team's."""
    found = [pk for (pk,) in _PAUSED.rows(row.pk)]
    return list(CatalogRun.objects.filter(pk__in=found).order_by("ordinal")) if found else []


def waiting_of(row: CatalogSession, run_id: str) -> Waiting | None:
    """Return what a run of the session waits for, as its source has it now; None when there is no such run.

    Raises:
        SourceUnavailable: the source cannot be read.
    """
    reader = Reader(get_source(row.source))
    run: Run | None = find_run(reader, row.session_id, run_id)
    return look(reader, row.session_id, run) if run is not None else None


def decide(
    row: CatalogSession,
    waiting: Waiting,
    replies: Sequence[Reply] | Callable[[Waiting], Sequence[Reply]],
    *,
    user: User,
    idempotency_key: str,
    reason: str = "",
) -> Turn:
    """Have a paused run go on with the answers to all that it waits for; return the turn that does.

    `replies` may be what reads them out of a form, once it is known what is asked. The right to continue the session
    was looked at by the caller, the right to approve is here.

    Raises:
        NotAllowed: a call needs an approval by somebody else.
        MetMeanwhile: the run does not wait for this any more.
        BadRequest: an answer is missing, or does not fit, or cannot be given here.
    """
    earlier = Turn.objects.filter(user=user, idempotency_key=idempotency_key, kind=Kind.DECISION).first()
    if earlier is not None and earlier.aimed_at == waiting.run.run_id:
        return earlier  # sent twice: the run does not wait any more because of the first time
    if waiting.needs_approval:
        check_can_approve(user)
    given = replies(waiting) if callable(replies) else replies
    decisions.prepared(waiting, given, user.get_username())
    _check_alone(row, waiting)
    return submit(
        row.source,
        row.session_id,
        decisions.words(waiting, given),
        user=user,
        idempotency_key=idempotency_key,
        kind=Kind.DECISION,
        options=decisions.options_of(waiting.run, given),
        reason=reason,
    )


def _check_alone(row: CatalogSession, waiting: Waiting) -> None:
    """Refuse while somebody's decision on the same run is in line or carried out."""
    active = Turn.objects.of_session(row.source, row.session_id).active().filter(kind=Kind.DECISION)
    other = next((turn for turn in active if turn.aimed_at == waiting.run.run_id), None)
    if other is not None:
        raise MetMeanwhile(f"{other.actor} has decided on this run already: {other.message}")
