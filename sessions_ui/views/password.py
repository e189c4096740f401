"""Changing one's own password: the current one first, counted as tries to sign in are."""

from typing import Final

from django.contrib import messages
from django.contrib.auth import SESSION_KEY, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import password_validators_help_texts
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from agentos.access.signed_in import end_sessions
from agentos.access.throttle import count_try, forget_tries
from agentos.audit import service
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import signed_in_user
from sessions_ui.recording import origin, record_act
from sessions_ui.views.sign_in import PAUSE_TEXT, paused

TEMPLATE: Final = "sessions_ui/password.html"
NONE: Final = "You sign in without a password, so there is none to change."
BROWSER: Final = "A password is changed by whoever is signed in with a browser, not with a token."
CHANGED: Final = "Your password is changed. Your other browsers are signed out."


@sensitive_post_parameters("old_password", "new_password1", "new_password2")
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Ask for the current password and twice for the new one; POST changes it and ends the other browser sessions."""
    user = signed_in_user(request)
    if not user.has_usable_password():
        raise PermissionDenied(NONE)
    if SESSION_KEY not in request.session:
        raise PermissionDenied(BROWSER)
    if request.method != "POST":
        return _page(request, PasswordChangeForm(user))
    form = PasswordChangeForm(user, request.POST)
    address = request.META.get("REMOTE_ADDR", "")
    tried = count_try(user.username, address)
    if tried.left < 0:
        service.note("sign_in.paused", actor=user.username, actor_id=user.pk, origin=origin(request))
        refused = _page(request, PasswordChangeForm(user), problem=paused(tried.wait), status=429)
        refused.headers["Retry-After"] = str(tried.wait)
        return refused
    form.full_clean()
    if form.has_error("old_password"):
        record_act(request, "password.failed")
        left = "1 try" if tried.left == 1 else f"{tried.left} tries"
        problem = f"The current password is not right. {left} left before a pause of {PAUSE_TEXT}."
        return _page(request, form, problem=problem, status=422)
    forget_tries(user.username, address)
    if form.errors:
        return _page(request, form, status=422)
    _change(request, user, form)
    if wants_json(request):
        return JsonResponse({"changed": True})
    messages.success(request, CHANGED)
    return redirect("password")


def _change(request: HttpRequest, user: User, form: PasswordChangeForm) -> None:
    with transaction.atomic():
        form.save()
        update_session_auth_hash(request, user)  # this browser's session goes on, under another key
        request.session.save()
        ended = end_sessions(user, but=request.session.session_key)
        record_act(request, "password.changed", details={"count": ended})


def _page(request: HttpRequest, form: PasswordChangeForm, *, problem: str = "", status: int = 200) -> HttpResponse:
    problems = [problem] if problem else []
    problems += [str(error) for name in ("new_password1", "new_password2") for error in form.errors.get(name, [])]
    if wants_json(request):
        return JsonResponse({"error": " ".join(problems)} if problems else {}, status=status)
    return render(
        request,
        TEMPLATE,
        {"nav": "password", "problems": problems, "rules": password_validators_help_texts()},
        status=status,
    )
