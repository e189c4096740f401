"""Reading a session that is on hold: moderators alone, and each says for which case. It holds for some hours."""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from agentos.access.rules import SessionRow
from agentos.catalog.keys import index_key
from agentos.moderation.acting import Actor, Refused, reason_of, record
from agentos.moderation.models import Case, Opening
from agentos.moderation.rules import check_can_moderate
from agentos.moderation.subjects import locked

HOLDS_FOR: Final = timedelta(hours=8)


def open_held(row: SessionRow, actor: Actor, case: Case | None = None, reason: str = "") -> Opening:
    """Open a session on hold for the actor: for one of its cases, or for another reason, which is then needed.

    Raises:
        NotAllowed, Refused: no moderator, a case of another session, or no reason.
    """
    check_can_moderate(actor.person, row)
    why = reason_of(reason, required=case is None)
    with transaction.atomic():
        subject = locked(row.source, row.session_id)
        if case is not None and case.subject_id != subject.pk:
            raise Refused("That case is about another session.")
        made = Opening.objects.create(subject=subject, case=case, reason=why, **actor.fields)
        number = case.pk if case is not None else None
        record("session.hold.opened", actor, subject, done="opened the session on hold", reason=why, case=number)
    return made


def has_opened(user_pk: int, row: SessionRow) -> bool:
    """Whether the person has opened the session within the last hours."""
    mine = Opening.objects.filter(by=user_pk, at__gt=timezone.now() - HOLDS_FOR)
    return mine.filter(subject__source=row.source, subject__session_key=index_key(row.session_id)).exists()
