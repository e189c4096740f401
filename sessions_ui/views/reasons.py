"""Asking why somebody acts in the session of somebody else, where the form they sent has no room for it."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render, resolve_url

from agentos.catalog.models import CatalogSession
from agentos.turns.conduct import acting_as
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import signed_in_user

TEMPLATE = "sessions_ui/acting_reason.html"


def ask_reason(
    request: HttpRequest, row: CatalogSession, sentence: str, verb: str, fields: Mapping[str, str]
) -> HttpResponse:
    """Show a form that sends the same once more, with a reason; as data, say what is missing.

    `verb`: what its button says; `fields`: what was sent.
    """
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=422)
    context = {
        "nav": "sessions",
        "row": row,
        "sentence": sentence if "reason" in request.POST else "",
        "verb": verb,
        "fields": dict(fields),
        "acting": acting_as(signed_in_user(request), row),
        "back": resolve_url("session", row.source, row.quoted_id),
    }
    return render(request, TEMPLATE, context, status=422)
