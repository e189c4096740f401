"""What stands over a session until it is lifted: hold, hidden, archived, taken over, deleted. And suspended users."""

from django.db import transaction
from django.utils import timezone

from agentos.access.rules import SessionRow
from agentos.catalog.keys import index_key
from agentos.moderation.acting import Actor, Conflict, Refused, ago, reason_of, record
from agentos.moderation.kinds import stop, stopped
from agentos.moderation.models import Measure, Standing, Suspension
from agentos.moderation.rules import check_can_moderate
from agentos.moderation.several import lift_several, only, put_several

__all__ = ["lift", "lift_suspension", "put", "stopped", "suspend"]


def put(row: SessionRow, kind: Standing, actor: Actor, reason: str = "") -> Measure:
    """Put a measure over a session.

    Raises:
        Conflict: one of that kind stands already.
        NotAllowed, Refused: by whom or for what reason it cannot be, or what else stands over it.
    """
    _check(actor, row)
    return only(put_several, row, kind, actor, reason)


def lift(row: SessionRow, kind: Standing, actor: Actor, reason: str = "") -> Measure:
    """Lift the measure of a kind that stands over a session. Raises as `put` does; `Conflict` if none stands."""
    _check(actor, row)
    return only(lift_several, row, kind, actor, reason)


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
        transaction.on_commit(lambda: stop(agno_user_id=agno_user_id))
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
