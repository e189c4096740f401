"""Having the masked secrets of a session shown: for those with the right, by a reason, for some hours, on record."""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from agentos.access.rights import AnyUser, Right, has_right
from agentos.access.rules import NotAllowed, SessionRow, check_has, check_reads, check_sees
from agentos.catalog.keys import index_key
from agentos.masking import current
from agentos.moderation.acting import Actor, reason_of, record
from agentos.moderation.models import Reveal
from agentos.moderation.subjects import locked
from agentos.prepared import Prepared

HOLDS_FOR: Final = timedelta(hours=1)
# When a person had the secrets of a session shown last.
_LAST: Final = Prepared(lambda by, source, key: _of(by, source, key).order_by("-at").values_list("at")[:1])


def check_can_see_secrets(user: AnyUser, row: SessionRow) -> None:
    """Raise `NotAllowed` unless the user may have the secrets of the session shown."""
    check_reads(user)
    check_has(user, Right.SEE_SECRETS, "see masked secrets")
    check_sees(user, row)


def can_see_secrets(user: AnyUser, row: SessionRow) -> bool:
    """Whether `check_can_see_secrets` lets the user through."""
    try:
        check_can_see_secrets(user, row)
    except NotAllowed:
        return False
    return True


def reveal(row: SessionRow, actor: Actor, reason: str) -> Reveal:
    """Show the secrets of a session to the actor from now on, for HOLDS_FOR.

    Raises:
        NotAllowed, Refused: by whom it cannot be, or for want of a reason.
    """
    check_can_see_secrets(actor.person, row)
    why = reason_of(reason)
    with transaction.atomic():
        subject = locked(row.source, row.session_id)
        made = Reveal.objects.create(subject=subject, reason=why, **actor.fields)
        record("session.secrets.shown", actor, subject, done="had secrets shown", reason=why)
    return made


def hide_again(row: SessionRow, user_pk: int) -> None:
    """Mask the secrets of a session to a person again before the time is over."""
    mine = _of(user_pk, row.source, index_key(row.session_id))
    mine.filter(at__gt=timezone.now() - HOLDS_FOR).update(at=timezone.now() - HOLDS_FOR)


def shows_secrets(user: AnyUser, row: SessionRow) -> bool:
    """Whether the user sees the session's secrets now. No statement for those who may not have them shown."""
    if not current():
        return True
    if not has_right(user, Right.SEE_SECRETS) or not can_see_secrets(user, row):
        return False
    last = _LAST.rows(user.pk or 0, row.source, index_key(row.session_id))
    return bool(last) and bool(last[0][0] > timezone.now() - HOLDS_FOR)


def _of(user_pk: int, source: str, key: str) -> QuerySet[Reveal]:
    return Reveal.objects.filter(by=user_pk, subject__source=source, subject__session_key=key)
