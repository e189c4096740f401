"""Why nobody may continue a session: it is on hold, its user is suspended, or somebody has taken it over."""

from django.db.models import QuerySet

from agentos.access.roles import AnyUser
from agentos.access.rules import SessionRow, scope_of
from agentos.catalog.keys import index_key
from agentos.moderation.acting import ago
from agentos.moderation.models import Measure, Standing, Suspension

PAUSED = "This conversation is paused. You can go on once it has been looked at."
TAKEN_OVER = "A person is answering in this conversation. You can go on when they have handed it back."
SUSPENDED = "Your account is suspended, so you cannot send messages."


def hold_on(source: str, session_id: str) -> Measure | None:
    """Return the hold that stands over a session, None for none."""
    return _standing(source, session_id).filter(kind=Standing.HOLD).first()


def why_not_continued(user: AnyUser | None, row: SessionRow) -> str:
    """Return a sentence why nobody continues the session, "" if nothing keeps them. `user` None: the command line.

    Who reads only their own sessions is told that it is so, not by whom or why.
    """
    is_staff = user is None or scope_of(user).agno_user_id is None
    measures = _standing(row.source, row.session_id).filter(kind__in=(Standing.HOLD, Standing.TAKEOVER))
    standing = {one.kind: one for one in measures}
    if hold := standing.get(Standing.HOLD):
        return f"On hold {_since(hold)}: {hold.reason}" if is_staff else PAUSED
    if row.user_id is not None and (suspension := suspension_of(row.user_id)):
        return f"{row.user_id} is suspended {_since(suspension)}: {suspension.reason}" if is_staff else SUSPENDED
    takeover = standing.get(Standing.TAKEOVER)
    if takeover and (user is None or takeover.by_id != user.pk):
        return f"Taken over {_since(takeover)}, who answers until they hand it back." if is_staff else TAKEN_OVER
    return ""


def suspension_of(agno_user_id: str) -> Suspension | None:
    """Return the suspension of an Agno user that stands, None for none."""
    return Suspension.objects.filter(user_key=index_key(agno_user_id), lifted_at=None).first()


def _standing(source: str, session_id: str) -> QuerySet[Measure]:
    key = index_key(session_id)
    return Measure.objects.filter(subject__source=source, subject__session_key=key, lifted_at=None)


def _since(one: Measure | Suspension) -> str:
    return f"by {one.actor}, {ago(one.at)}"
