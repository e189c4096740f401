"""Why nobody may continue a session: on hold or deleted, its user is suspended, or somebody has taken it over."""

from datetime import datetime
from typing import Final, NamedTuple

from django.db.models import QuerySet, Value

from agentos.access.roles import AnyUser
from agentos.access.rules import SessionRow, scope_of
from agentos.catalog.keys import index_key
from agentos.moderation.acting import ago
from agentos.moderation.models import Measure, Standing, Suspension

PAUSED = "This conversation is paused. You can go on once it has been looked at."
TAKEN_OVER = "A person is answering in this conversation. You can go on when they have handed it back."
DELETED = "This conversation has been deleted."
SUSPENDED = "Your account is suspended, so you cannot send messages."

_SUSPENSION: Final = "suspension"
_KEEPING: Final = (Standing.HOLD, Standing.DELETED, Standing.TAKEOVER)


def why_not_continued(user: AnyUser | None, row: SessionRow) -> str:
    """Return a sentence why nobody continues the session, "" if nothing keeps them. `user` None: the command line.

    Who reads only their own sessions is told that it is so, not by whom or why. One statement.
    """
    is_staff = user is None or scope_of(user).agno_user_id is None
    found = {one.kind: one for one in _found(row)}
    if hold := found.get(Standing.HOLD):
        return f"On hold {hold.since}: {hold.reason}" if is_staff else PAUSED
    if deleted := found.get(Standing.DELETED):
        return f"Deleted {deleted.since}: {deleted.reason}" if is_staff else DELETED
    if suspension := found.get(_SUSPENSION):
        return f"{row.user_id} is suspended {suspension.since}: {suspension.reason}" if is_staff else SUSPENDED
    takeover = found.get(Standing.TAKEOVER)
    if takeover and (user is None or takeover.by != user.pk):
        return f"Taken over {takeover.since}, who answers until they hand it back." if is_staff else TAKEN_OVER
    return ""


class _Found(NamedTuple):
    kind: str
    actor: str
    at: datetime
    reason: str
    by: int | None

    @property
    def since(self) -> str:
        return f"by {self.actor}, {ago(self.at)}"


def _found(row: SessionRow) -> list[_Found]:
    columns = ("actor", "at", "reason", "by_id")
    measures = _standing(row.source, row.session_id).filter(kind__in=_KEEPING)
    rows = measures.values_list("kind", *columns)
    if row.user_id is not None:
        of_user = Suspension.objects.filter(user_key=index_key(row.user_id), lifted_at=None)
        rows = rows.union(of_user.values_list(Value(_SUSPENSION), *columns), all=True)
    return [_Found(*one) for one in rows]


def suspension_of(agno_user_id: str) -> Suspension | None:
    """Return the suspension of an Agno user that stands, None for none."""
    return Suspension.objects.filter(user_key=index_key(agno_user_id), lifted_at=None).first()


def _standing(source: str, session_id: str) -> QuerySet[Measure]:
    key = index_key(session_id)
    return Measure.objects.filter(subject__source=source, subject__session_key=key, lifted_at=None)
