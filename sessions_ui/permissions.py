"""Fetching is asking for permission: a view that holds a session or a turn has been allowed to see it.

What a user may not see looks exactly like what is not there.
"""

from uuid import UUID

from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.utils.crypto import constant_time_compare

from agentos.access.models import ApiToken
from agentos.access.rights import AnyUser, Right, has_right, rights_of
from agentos.access.rules import NotAllowed
from agentos.catalog.keys import unquote_id
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.db.sources import SourceError, get_source
from agentos.moderation.openings import has_opened
from agentos.moderation.reveals import shows_secrets
from agentos.moderation.rules import can_moderate
from agentos.transfer.rules import check_can_export
from agentos.turns.models import Turn
from sessions_ui.recording import TOKEN_ATTRIBUTE

SESSION_NOT_FOUND = "There is no such session, or it is not yours to see."
ON_HOLD = "This session is on hold, so what was said in it is not shown."
NO_PAGE = "There is no such page, or it is not yours to see."
TURN_NOT_FOUND = "There is no such turn, or it is not yours to see."


class OnHold(PermissionDenied):
    """The session is on hold, and the user may not read it, or has not said yet for which case they do."""

    def __init__(self, row: CatalogSession) -> None:
        super().__init__(ON_HOLD)
        self.row = row


def get_session_or_404(request: HttpRequest, source: str, qid: str, *, unread: bool = False) -> CatalogSession:
    """Return the session `qid` (quoted by `quote_id`) of the source, if the user sees it.

    One that the catalog does not know yet is looked for in its source, once. `unread`: nothing of what was said is
    going to be shown, so it does not matter whether the session is on hold.

    Raises:
        Http404: it does not exist, or the user may not see it: the same answer.
        OnHold: it may not be read now; see `may_read`.
    """
    session_id = unquote_id(qid)
    row = _visible(request.user, source, session_id)
    if row is None:
        _look_in_source(source, session_id)
        row = _visible(request.user, source, session_id)
    if row is None:
        raise Http404(SESSION_NOT_FOUND)
    if not unread and not may_read(request.user, row):
        raise OnHold(row)
    row.shows_secrets = not unread and shows_secrets(request.user, row)
    return row


def may_read(user: AnyUser, row: CatalogSession) -> bool:
    """Whether what was said in a session the user sees may be shown: on hold, to a moderator who opened it lately."""
    if not row.marks.get("held"):
        return True
    return can_moderate(user, row) and has_opened(user.pk or 0, row)


def get_turn_or_404(request: HttpRequest, turn_id: UUID) -> Turn:
    """Return the turn, if the user sees the session it belongs to.

    Raises:
        Http404: it does not exist, or its session is not the user's to see: the same answer.
        OnHold: its session may not be read now.
    """
    turn = Turn.objects.filter(pk=turn_id).first()
    row = _visible(request.user, turn.source, turn.session_id) if turn is not None else None
    if turn is None or row is None:
        raise Http404(TURN_NOT_FOUND)
    if not may_read(request.user, row):
        raise OnHold(row)
    return turn


def signed_in_user(request: HttpRequest) -> User:
    """Return the request's user as a `User`, for views that the sign-in middleware guards."""
    if not isinstance(request.user, User):
        raise Http404(SESSION_NOT_FOUND)
    return request.user


def check_exports(request: HttpRequest) -> None:
    """Raise `PermissionDenied` with a sentence unless the request's user may have sessions as files."""
    try:
        check_can_export(request.user)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None


def may_audit(user: AnyUser) -> bool:
    """Whether the user may read the audit log: nobody who may see only a part of the sessions, as it speaks of all."""
    return has_right(user, Right.READ_AUDIT) and not rights_of(user).is_narrowed


def auditor_or_404(request: HttpRequest) -> User:
    """Return the request's user if they may read the audit log; for others it is not there. Raises Http404."""
    if not may_audit(request.user):
        raise Http404(NO_PAGE)
    return signed_in_user(request)


def user_as_now(request: HttpRequest) -> User | AnonymousUser:
    """Return the request's user as the tables have them now: nobody once they are gone, shut out or signed out.

    For answers that go on for long after their request was allowed.
    """
    user = User.objects.filter(pk=signed_in_user(request).pk, is_active=True).first()
    return AnonymousUser() if user is None or _is_signed_out(request, user) else user


def _is_signed_out(request: HttpRequest, user: User) -> bool:
    """Whether the browser's session, or the token in its place, is not there any more, or of an earlier password."""
    token = getattr(request, TOKEN_ATTRIBUTE, None)
    if token is not None:
        return not ApiToken.objects.filter(pk=token).exists()
    key = request.session.session_key
    if key is None:
        return False
    kept = request.session.get(HASH_SESSION_KEY, "")
    return not request.session.exists(key) or not constant_time_compare(kept, user.get_session_auth_hash())


def _visible(user: AnyUser, source: str, session_id: str) -> CatalogSession | None:
    return CatalogSession.objects.visible_to(user).one(source, session_id)


def _look_in_source(source: str, session_id: str) -> None:
    try:
        refresh_session(get_source(source), session_id)
    except (KeyError, SourceError):
        return  # an unknown source or one that is down has no session to show
