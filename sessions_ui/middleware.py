"""What every request passes: a bearer token is read, everybody else has to be signed in, answers are private.

All of it works under ASGI and WSGI handlers alike: a middleware that cannot run in the event loop moves each
request to a thread.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any
from urllib.parse import urlsplit

from asgiref.sync import markcoroutinefunction, sync_to_async
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.decorators import sync_and_async_middleware
from django_htmx.http import HttpResponseClientRedirect
from servestatic.middleware import ServeStaticMiddleware

from agentos.access.models import ApiToken
from agentos.audit.service import Target
from sessions_ui.recording import TOKEN_ATTRIBUTE, note_read

GetResponse = Callable[[HttpRequest], Any]


class _Dual(ABC):
    """A middleware that runs in whichever mode the rest of the chain has."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.in_loop = iscoroutinefunction(get_response)
        if self.in_loop:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        """Answer the request, in the mode of the chain."""
        return self._call_in_loop(request) if self.in_loop else self._call(request)

    @abstractmethod
    def _call(self, request: HttpRequest) -> HttpResponseBase: ...

    @abstractmethod
    async def _call_in_loop(self, request: HttpRequest) -> HttpResponseBase: ...


@sync_and_async_middleware
def static_files(get_response: GetResponse) -> GetResponse:
    """Serve static files in the event loop. Requests answered in a thread are for none of them: see agentos.handler."""
    in_loop: GetResponse = ServeStaticMiddleware(get_response) if iscoroutinefunction(get_response) else get_response
    return in_loop


class BearerTokenMiddleware(_Dual):
    """Takes `Authorization: Bearer …` for the user whose token it is, in place of the session cookie.

    Such a request needs no CSRF token: a foreign page cannot make a browser send this header. A wrong token is
    refused, never passed on as whoever the cookie names.
    """

    def _call(self, request: HttpRequest) -> HttpResponseBase:
        refusal = self._take_token(request)
        response: HttpResponseBase = refusal or self.get_response(request)
        return response

    async def _call_in_loop(self, request: HttpRequest) -> HttpResponseBase:
        if bearer_token(request) is not None and (refusal := await sync_to_async(self._take_token)(request)):
            return refusal
        response: HttpResponseBase = await self.get_response(request)
        return response

    def _take_token(self, request: HttpRequest) -> JsonResponse | None:
        token = bearer_token(request)
        if token is None:
            return None
        found = ApiToken.objects.all().find(token)
        if found is None:
            return unauthorized("This token is not valid. `manage.py token USER` prints a new one.")

        user = found.user

        async def auser() -> User:
            return user

        request.user = user
        request.auser = auser
        setattr(request, TOKEN_ATTRIBUTE, found.pk)
        note_read(request, "token.used", on=Target(object=f"token {found.pk}"))
        request.csrf_processing_done = True  # type: ignore[attr-defined]  # read by CsrfViewMiddleware.process_view
        return None


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Nothing is open but the views marked `login_not_required`. Scripts get a 401, htmx a page to go to."""

    def handle_no_permission(  # type: ignore[override]  # Django's own process_view returns any response
        self, request: HttpRequest, view_func: Any
    ) -> HttpResponseBase:
        """Send the visitor to the sign-in page in the way their client understands."""
        if wants_json(request):
            return unauthorized("Sign in, or send a token: `Authorization: Bearer …`.")
        if request.headers.get("HX-Request") == "true":
            # Back to the page the browser shows, not to the fragment that was asked for.
            shown = shown_path(request)
            return HttpResponseClientRedirect(redirect_to_login(shown, resolve_url(self.get_login_url(view_func))).url)
        return super().handle_no_permission(request, view_func)


class PrivateResponseMiddleware(_Dual):
    """Keeps answers out of every cache, unless a view says otherwise: they hold other people's conversations."""

    def _call(self, request: HttpRequest) -> HttpResponseBase:
        return make_private(self.get_response(request))

    async def _call_in_loop(self, request: HttpRequest) -> HttpResponseBase:
        return make_private(await self.get_response(request))


def make_private(response: HttpResponseBase) -> HttpResponseBase:
    """Set `Cache-Control: no-store` unless set, and name in `Vary` the headers that change what is answered."""
    response.headers.setdefault("Cache-Control", "no-store")
    patch_vary_headers(response, ["Cookie", "Authorization", "Accept", "HX-Request"])
    return response


def bearer_token(request: HttpRequest) -> str | None:
    """Return the token of the Authorization header, None when the header is missing or of another scheme."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def shown_path(request: HttpRequest) -> str:
    """Return path and query of the page that htmx made the request from, "/" when the header says nothing of use."""
    try:
        shown = urlsplit(request.headers.get("HX-Current-URL", ""))
    except ValueError:  # not a URL
        return "/"
    return shown._replace(scheme="", netloc="").geturl() or "/"


def wants_json(request: HttpRequest) -> bool:
    """Whether the answer is to be data: by `?format=json`, or because JSON is accepted and HTML is not preferred."""
    if request.GET.get("format") == "json":
        return True
    preferred = request.get_preferred_type(["text/html", "application/json"])
    return preferred == "application/json"


def unauthorized(sentence: str) -> JsonResponse:
    """Return a 401 with the sentence as JSON."""
    response = JsonResponse({"error": sentence}, status=401, headers={"WWW-Authenticate": "Bearer"})
    make_private(response)
    return response
