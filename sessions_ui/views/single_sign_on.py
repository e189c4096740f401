"""Signing in by OpenID Connect: off to the provider, and back. Without its settings there are no such pages.

What speaks to the provider, and django-allauth with it, is imported when somebody signs in so.
"""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from agentos.access.oidc import Setup, setup
from agentos.access.single_sign_on import ACTOR, Failed, TurnedAway, let_in
from agentos.access.throttle import count_step
from agentos.audit import service
from sessions_ui.recording import origin, record_act
from sessions_ui.views.errors import NOT_FOUND
from sessions_ui.views.sign_in import paused_page, safe_next, sign_in_page


@require_POST
@login_not_required
def start(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider; in the end it goes to `next`, if that is a page of ours.

    By a page that goes on by itself, not by a redirect: browsers hold a redirect that answers a form, and all that
    follow, against the CSP's `form-action`, and to where the provider sends people on is not known here.
    """
    setup_or_404()
    if request.user.is_authenticated:
        return redirect(safe_next(request))
    if refused := _paused(request):
        return refused
    from agentos.access import openid

    try:
        address = openid.begin(request, request.POST.get("next", ""))
    except Failed as error:
        return _failed(request, error)
    return render(request, "sessions_ui/going_on.html", {"address": address})


@sensitive_variables()
@require_http_methods(["GET"])
@login_not_required
def callback(request: HttpRequest) -> HttpResponse:
    """Take the provider's answer: sign in whom it is about, or say in a sentence why not."""
    found = setup_or_404()
    if refused := _paused(request):
        return refused
    from agentos.access import openid

    try:
        claimed, then = openid.finish(request)
        user = let_in(found, claimed, origin(request))
    except Failed as error:
        return _failed(request, error)
    except TurnedAway as error:
        return _page(request, str(error), 403)
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    request.session.set_expiry(timezone.now() + timedelta(hours=found.hours))
    record_act(request, "sign_in.ok", details={"way": ACTOR})
    return redirect(safe_next(request, then))


def setup_or_404() -> Setup:
    """Return how people sign in by OpenID Connect. Raises Http404 if they do not."""
    found = setup()
    if found is None:
        raise Http404(NOT_FOUND)
    return found


def _paused(request: HttpRequest) -> HttpResponse | None:
    tried = count_step(request.META.get("REMOTE_ADDR", ""))
    return paused_page(request, AuthenticationForm(request), tried.wait, "nobody") if tried.left < 0 else None


def _failed(request: HttpRequest, error: Failed) -> HttpResponse:
    details = {"why": error.why}
    service.record("sign_in.unproven", actor="nobody", actor_id=None, details=details, origin=origin(request))
    return _page(request, str(error), error.status)


def _page(request: HttpRequest, problem: str, status: int) -> HttpResponse:
    return sign_in_page(request, AuthenticationForm(request), problem=problem, status=status)
