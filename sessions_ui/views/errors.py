"""What is answered instead of a page: one sentence that says what happened, as a page or as data."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import Resolver404

from sessions_ui.middleware import wants_json
from sessions_ui.permissions import OnHold
from sessions_ui.views.moderating import on_hold

BAD_REQUEST = "This address or form cannot be understood."
FORBIDDEN = "Your role does not allow this. An administrator can change it."
NOT_FOUND = "There is no page at this address."


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400. The exception's own text may quote the request, so it is not shown."""
    return _answer(request, 400, BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403 with the sentence it was refused with."""
    if isinstance(exception, OnHold) and not wants_json(request):
        return on_hold(request, exception.row)
    return _answer(request, 403, _sentence(exception) or FORBIDDEN)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 with the sentence of the view that looked for something; unknown addresses have none."""
    found_view = isinstance(exception, Http404) and not isinstance(exception, Resolver404)
    return _answer(request, 404, (_sentence(exception) if found_view else "") or NOT_FOUND)


def _sentence(exception: Exception) -> str:
    return exception.args[0] if exception.args and isinstance(exception.args[0], str) else ""


def _answer(request: HttpRequest, status: int, sentence: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=status)
    return render(request, f"{status}.html", {"sentence": sentence}, status=status)
