"""Where somebody begins: the sessions, or the first page that is for them."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.views.decorators.http import require_safe

from agentos.access.rights import AnyUser, Right, has_right
from sessions_ui.permissions import may_audit


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Go to the page that the user begins with."""
    return redirect(first_page(request.user))


def first_page(user: AnyUser) -> str:
    """Return the path of the page that a user begins with."""
    if not has_right(user, Right.READ) and may_audit(user):
        return resolve_url("audit")
    return resolve_url(settings.LOGIN_REDIRECT_URL)
