"""Signing in, by password or by a one-time link, and signing out."""

from typing import Any

from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from agentos.access.models import SignInLink
from agentos.access.oidc import setup
from agentos.access.throttle import PAUSE, count_try, forget_tries
from agentos.audit import service
from sessions_ui.recording import origin, record_act
from sessions_ui.views.home import first_page

PAUSE_TEXT = f"{int(PAUSE.total_seconds()) // 60}\N{NO-BREAK SPACE}min"
LINK_GONE = "This link has been used or has expired. Ask for a new one: each works once, within 24\N{NO-BREAK SPACE}h."
FIRST_START = "Nobody has signed in yet. The program prints a one-time link for the first administrator when it starts."


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for name and password; then go to `next`, if it is a page of ours."""
    if request.user.is_authenticated:
        return redirect(safe_next(request))
    form = AuthenticationForm(request, data=request.POST or None)
    if request.method != "POST":
        return sign_in_page(request, form)
    name, address = request.POST.get("username", ""), request.META.get("REMOTE_ADDR", "")
    tried = count_try(name, address)
    if tried.left < 0:
        return paused_page(request, form, tried.wait, _typed(request))
    if not form.is_valid():
        service.record("sign_in.failed", actor=_typed(request), actor_id=None, origin=origin(request))
        return sign_in_page(request, form, problem=not_right(tried.left), status=422)
    forget_tries(name, address)
    login(request, form.get_user())
    record_act(request, "sign_in.ok", details={"way": "password"})
    return redirect(safe_next(request))


@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """Sign in whoever holds the link, once.

    Only the button's POST uses it up: mail scanners and previews, which open every link, cannot.
    """
    if request.method == "POST":
        user = SignInLink.objects.all().consume(token)
        if user is not None:
            login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
            record_act(request, "sign_in.ok", details={"way": "one-time link"})
            return redirect(first_page(user))
    link = SignInLink.objects.all().find(token)
    context: dict[str, Any] = {"link": link, "problem": "" if link else LINK_GONE}
    return render(request, "sessions_ui/sign_in_link.html", context, status=200 if link else 410)


@require_POST
@login_not_required
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the browser session."""
    if request.user.is_authenticated:
        record_act(request, "sign_out")
    logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


def not_right(tries_left: int) -> str:
    """Return the sentence for a wrong name or password; it does not say which."""
    tries = "1 try" if tries_left == 1 else f"{tries_left} tries"
    return f"Name or password is not right. {tries} left before a pause of {PAUSE_TEXT}."


def paused(wait: int) -> str:
    """Return the sentence for too many tries: how long to wait, of so many seconds."""
    minutes = f"{-(-wait // 60)}\N{NO-BREAK SPACE}min"
    return f"Too many tries. Wait {minutes}, or sign in by a one-time link."


def safe_next(request: HttpRequest, asked: str | None = None) -> str:
    """Return the path that was asked for, by `next` unless given, if it stays on this host, else the start page."""
    wanted = (request.POST.get("next") or request.GET.get("next") or "") if asked is None else asked
    here = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if here else first_page(request.user)


def paused_page(request: HttpRequest, form: AuthenticationForm, wait: int, name: str) -> HttpResponse:
    """Answer that there were too many tries, and put on record whose name it was."""
    service.note("sign_in.paused", actor=name, actor_id=None, origin=origin(request))
    refused = sign_in_page(request, form, problem=paused(wait), status=429)
    refused.headers["Retry-After"] = str(wait)
    return refused


def sign_in_page(
    request: HttpRequest, form: AuthenticationForm, *, problem: str = "", status: int = 200
) -> HttpResponse:
    """Show the ways to sign in, with a sentence about what went wrong."""
    nobody_yet = not User.objects.filter(last_login__isnull=False).exists()
    single = setup()
    context = {
        "form": form,
        "next": request.POST.get("next") or request.GET.get("next", ""),
        "problem": problem,
        "hint": FIRST_START if nobody_yet else "",
        "single": single.name if single else "",
    }
    return render(request, "sessions_ui/sign_in.html", context, status=status)


def _typed(request: HttpRequest) -> str:
    """Return the name that was typed, whoever has it."""
    return request.POST.get("username", "").strip() or "nobody"
