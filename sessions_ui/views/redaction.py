"""Redacting: what is to be taken out, what that will change where, and taking it out. What is asked for is posted.

The text never stands in a URL, where logs and the browser's history would keep it.
"""

from contextlib import suppress
from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_http_methods

from agentos.access.rules import NotAllowed
from agentos.catalog.models import CatalogSession
from agentos.db.sources import SourceError
from agentos.moderation.acting import Conflict, Refused
from agentos.redaction import service
from agentos.redaction.rules import check_can_redact
from agentos.redaction.service import Outcome, Preview
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import get_session_or_404
from sessions_ui.presenters.redaction import Asked, asked_of, target_of
from sessions_ui.views.moderating import actor_of

TEMPLATE: Final = "sessions_ui/redact.html"


@require_http_methods(["GET", "HEAD", "POST"])
def redact(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Ask what is to be redacted; `?run=` with `message=`, `call=` or `medium=` names one thing of a run by its number.

    POST with `text` (and `any_case=1`) or such a place shows what would change; with `act=redact`, `seen` and `reason`
    it is done.
    """
    row = get_session_or_404(request, source, qid, unread=True)
    try:
        check_can_redact(request.user, row)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    form = request.POST if request.method == "POST" else request.GET
    context: dict[str, Any] = {"nav": "sessions", "row": row, "form": form, "longest": service.LONGEST}
    if request.method != "POST" and asked_of(form)[0] == "text":
        return _shown(request, {**context, "asked": Asked()}, {"asks_for": ["text", "any_case"]})
    return _answered(request, row, context)


def _answered(request: HttpRequest, row: CatalogSession, context: dict[str, Any]) -> HttpResponse:
    try:
        asked, target = target_of(row, context["form"])
        context["asked"] = asked
        if request.POST.get("act") == "redact":
            reason, seen = request.POST.get("reason", ""), request.POST.get("seen", "")
            return _done(request, row, service.redact(row, target, actor_of(request), reason, seen))
        context["preview"] = found = service.preview(row, target)
        return _shown(request, context, _as_data(asked, found))
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    except (Refused, SourceError) as error:
        status = 409 if isinstance(error, Conflict) else 503 if isinstance(error, SourceError) else 422
        return _refused(request, row, context, str(error), status)


def _refused(
    request: HttpRequest, row: CatalogSession, context: dict[str, Any], sentence: str, status: int
) -> HttpResponse:
    """Say why not, beside what would be changed now."""
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=status)
    context.setdefault("asked", Asked(text=context["form"].get("text", "")))
    if request.POST.get("act") == "redact" and status in (409, 422):
        with suppress(Refused, SourceError):
            context["preview"] = service.preview(row, target_of(row, context["form"])[1])
    return render(request, TEMPLATE, {**context, "problem": sentence}, status=status)


def _done(request: HttpRequest, row: CatalogSession, outcome: Outcome) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"redacted": outcome.count, "left": outcome.left})
    messages.success(request, f"Redacted, {outcome.count} time{'s' * (outcome.count != 1)}. It cannot be undone.")
    for sentence in outcome.left:
        messages.warning(request, sentence)
    return redirect(resolve_url("session", row.source, row.quoted_id))


def _shown(request: HttpRequest, context: dict[str, Any], data: dict[str, Any]) -> HttpResponse:
    if wants_json(request):
        return JsonResponse(data)
    fragment = "#sheet" if request.headers.get("HX-Target") == "sheet-content" else ""
    return render(request, TEMPLATE + fragment, context)


def _as_data(asked: Asked, found: Preview) -> dict[str, Any]:
    facts = {"count": found.count, "places": found.places, "kept": found.kept, "in_audit_log": found.logged}
    return {"redacts": asked.kind, **facts, "seen": found.seen}
