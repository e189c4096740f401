"""What stands over a session until it is lifted: hold, hidden, archived, taken over. And suspended users."""

from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from agentos.access.rules import SessionRow
from agentos.catalog.keys import index_key
from agentos.moderation.acting import Actor, Conflict, Refused, ago, reason_of, record
from agentos.moderation.models import Measure, Standing, Suspension
from agentos.moderation.rules import check_can_moderate
from agentos.moderation.subjects import locked, tell_catalog

# Sent when nobody may continue a session any more, with `source` and `session_id`; of a user, with `agno_user_id`.
stopped: Final = Signal()


@dataclass(frozen=True)
class Kind:
    """How a measure is told: when it is put up, when it is lifted; whether it needs a reason, and stops what runs."""

    put: str
    lifted: str
    needs_reason: bool = True
    stops: bool = False


KINDS: Final = {
    Standing.HOLD: Kind("put the session on hold", "released the hold", stops=True),
    Standing.HIDDEN: Kind("hid the session", "showed the session again"),
    Standing.ARCHIVED: Kind("archived the session", "took the session out of the archive", needs_reason=False),
    Standing.TAKEOVER: Kind("took the session over", "handed the session back", stops=True),
}


def put(row: SessionRow, kind: Standing, actor: Actor, reason: str = "") -> Measure:
    """Put a measure over a session.

    Raises:
        Conflict: one of that kind stands already.
        NotAllowed, Refused: by whom or for what reason it cannot be.
    """
    how = KINDS[kind]
    _check(actor, row)
    why = reason_of(reason, required=how.needs_reason)
    with transaction.atomic():
        subject = locked(row.source, row.session_id)
        standing = Measure.objects.filter(subject=subject, kind=kind, lifted_at=None).first()
        if standing is not None:
            raise Conflict(f"{standing.actor} {how.put} {ago(standing.at)}.")
        made = Measure.objects.create(subject=subject, kind=kind, reason=why, **actor.fields)
        tell_catalog(subject)
        record(f"session.{kind}", actor, subject, done=how.put, reason=why)
        if how.stops:
            transaction.on_commit(lambda: _stop(source=row.source, session_id=row.session_id))
    return made


def lift(row: SessionRow, kind: Standing, actor: Actor, reason: str = "") -> Measure:
    """Lift the measure of a kind that stands over a session. Raises as `put` does; `Conflict` if none stands."""
    how = KINDS[kind]
    _check(actor, row)
    why = reason_of(reason, required=how.needs_reason and kind != Standing.TAKEOVER)
    with transaction.atomic():
        subject = locked(row.source, row.session_id)
        standing = Measure.objects.select_for_update().filter(subject=subject, kind=kind, lifted_at=None).first()
        if standing is None:
            last = Measure.objects.filter(subject=subject, kind=kind).order_by("-pk").first()
            who = f"{last.lifted_by} {how.lifted} {ago(last.lifted_at)}." if last and last.lifted_at else "It is not."
            raise Conflict(who)
        standing.lifted_at, standing.lifted_by, standing.lift_reason = timezone.now(), actor.name[:200], why
        standing.save(update_fields=["lifted_at", "lifted_by", "lift_reason"])
        tell_catalog(subject)
        record(f"session.{kind}.lift", actor, subject, done=how.lifted, reason=why)
    return standing


def suspend(agno_user_id: str, actor: Actor, reason: str) -> Suspension:
    """Keep everybody from continuing the sessions of an Agno user. Raises `Conflict` if they are suspended already."""
    _check(actor, None)
    if not agno_user_id:
        raise Refused("Sessions without a user have nobody to suspend.")
    why = reason_of(reason)
    key = index_key(agno_user_id)
    with transaction.atomic():
        made, is_new = Suspension.objects.get_or_create(
            user_key=key, lifted_at=None, defaults={"agno_user_id": agno_user_id, "reason": why, **actor.fields}
        )
        if not is_new:
            raise Conflict(f"{made.actor} suspended this user {ago(made.at)}.")
        record("user.suspend", actor, None, reason=why, agno_user_id=agno_user_id)
        transaction.on_commit(lambda: _stop(agno_user_id=agno_user_id))
    return made


def lift_suspension(agno_user_id: str, actor: Actor, reason: str) -> Suspension:
    """Let the sessions of an Agno user be continued again. Raises `Conflict` if they are not suspended."""
    _check(actor, None)
    why = reason_of(reason)
    with transaction.atomic():
        found = Suspension.objects.select_for_update().filter(user_key=index_key(agno_user_id), lifted_at=None).first()
        if found is None:
            raise Conflict("This user is not suspended.")
        found.lifted_at, found.lifted_by, found.lift_reason = timezone.now(), actor.name[:200], why
        found.save(update_fields=["lifted_at", "lifted_by", "lift_reason"])
        record("user.lift_suspension", actor, None, reason=why, agno_user_id=agno_user_id)
    return found


def _check(actor: Actor, row: SessionRow | None) -> None:
    check_can_moderate(actor.person, row)


def _stop(**of: str) -> None:
    stopped.send_robust(sender=None, **of)
