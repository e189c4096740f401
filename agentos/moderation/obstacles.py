"""Why nobody may continue a session: on hold or deleted, its user is suspended, or somebody has taken it over."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db.models import QuerySet, Value

from agentos.access.roles import AnyUser
from agentos.access.rules import SessionRow, scope_of
from agentos.catalog.keys import index_key
from agentos.moderation.acting import ago
from agentos.moderation.models import Measure, Standing, Suspension
from agentos.prepared import Prepared

PAUSED = "This conversation is paused. You can go on once it has been looked at."
TAKEN_OVER = "A person is answering in this conversation. You can go on when they have handed it back."
DELETED = "This conversation has been deleted."
SUSPENDED = "Your account is suspended, so you cannot send messages."

_SUSPENSION: Final = "suspension"
_KEEPING: Final = (Standing.HOLD, Standing.DELETED, Standing.TAKEOVER)
_COLUMNS: Final = ("actor", "at", "reason", "by_id")
_known: ContextVar["dict[tuple[str, str, str | None], list[_Found]] | None"] = ContextVar("obstacles", default=None)


@contextmanager
def asked_once() -> Iterator[None]:
    """Ask what keeps people from a session once for all rules: while a page is made that changes nothing."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def why_not_continued(user: AnyUser | None, row: SessionRow) -> str:
    """Return a sentence why nobody continues the session, "" if nothing keeps them. `user` None: the command line.

    Who reads only their own sessions is told that it is so, not by whom or why. One statement, see also `asked_once`.
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
    known, key = _known.get(), (row.source, row.session_id, row.user_id)
    if known is None:
        return _asked(*key)
    if key not in known:
        known[key] = _asked(*key)
    return known[key]


def _asked(source: str, session_id: str, user_id: str | None) -> list[_Found]:
    key = index_key(session_id)
    rows = _OF_SESSION.rows(source, key) if user_id is None else _OF_BOTH.rows(source, key, index_key(user_id))
    return [_Found(*one) for one in rows]


def _measures(source: str, key: str) -> "QuerySet[Measure, tuple[Any, ...]]":
    standing = Measure.objects.filter(subject__source=source, subject__session_key=key, lifted_at=None)
    return standing.filter(kind__in=_KEEPING).values_list("kind", *_COLUMNS)


def _both(source: str, key: str, user_key: str) -> "QuerySet[Measure, tuple[Any, ...]]":
    of_user = Suspension.objects.filter(user_key=user_key, lifted_at=None)
    return _measures(source, key).union(of_user.values_list(Value(_SUSPENSION), *_COLUMNS), all=True)


_OF_SESSION: Final = Prepared(_measures)
_OF_BOTH: Final = Prepared(_both)


def suspension_of(agno_user_id: str) -> Suspension | None:
    """Return the suspension of an Agno user that stands, None for none."""
    return Suspension.objects.filter(user_key=index_key(agno_user_id), lifted_at=None).first()
