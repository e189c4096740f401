"""Editing a session's state: as JSON text, then the difference, then it is stored if nobody else changed it."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_http_methods

from agentos.access.rules import NotAllowed, check_can_change_state
from agentos.catalog.models import CatalogSession
from agentos.changes import acts, state
from agentos.db.sources import SourceError, SourceUnavailable
from agentos.masking import MASKED
from agentos.records import Session
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import get_session_or_404
from sessions_ui.recording import record_act, target_of
from sessions_ui.rendering.differences import line_diff
from sessions_ui.views.session import fetch, unavailable
from sessions_ui.views.session_actions import opened, refused

TEMPLATE = "sessions_ui/session_state.html"
MEANWHILE = (
    "The state was changed by somebody else meanwhile, so nothing was stored. "
    "What you wrote stands below; what it would now change is compared with the state as it is."
)
HAS_SECRETS = "The state holds secrets, which are masked here. To change it, have them shown first."
SHOWN_LINES = 400


@require_http_methods(["GET", "HEAD", "POST"])
def session_state(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Show the state to edit; of a posted text show what it would change, and store it once that is confirmed."""
    row = get_session_or_404(request, source, qid)
    try:
        check_can_change_state(request.user, row)
        row, stored, _ = fetch(row)
        if not row.shows_secrets and MASKED in state.as_text(stored):
            raise NotAllowed(HAS_SECRETS)
        if request.method != "POST":
            return _form(request, row, stored, state.as_text(stored))
        return _posted(request, row, stored, request.POST.get("state", ""))
    except NotAllowed as error:
        return refused(request, row, str(error), 403)
    except SourceUnavailable as error:
        return unavailable(request, row, str(error))


def _posted(request: HttpRequest, row: CatalogSession, stored: Session, text: str) -> HttpResponse:
    try:
        parsed = state.parsed(text, stored)
        if request.POST.get("act") != "save":
            return _compared(request, row, stored, text)
        state.save(opened(row.source), row.session_id, parsed, request.POST.get("was", ""))
    except state.BadState as error:
        return _form(request, row, stored, text, problem=str(error), status=422)
    except state.StateChanged:
        return _compared(request, row, fetch(row)[1], text, problem=MEANWHILE, status=409)
    except SourceUnavailable:
        raise
    except SourceError as error:
        return _form(request, row, stored, text, problem=str(error), status=409)
    record_act(request, acts.STATE_CHANGED, on=target_of(row), before=stored.session_state or {}, after=parsed)
    if wants_json(request):
        return JsonResponse({"session_state": parsed})
    messages.success(request, "The state is stored.")
    return redirect(f"{resolve_url('session', row.source, row.quoted_id)}?tab=state#inspector")


def _compared(
    request: HttpRequest, row: CatalogSession, stored: Session, text: str, problem: str = "", status: int = 200
) -> HttpResponse:
    """Show what the text would change of the state as it is stored now."""
    before, after = state.as_text(stored), state.as_text(Session.from_dict({"session_data": _data(text, stored)}))
    lines = [] if before == after else line_diff(before, after, SHOWN_LINES)
    context = {"lines": lines, "compared": True, "is_same": before == after}
    return _form(request, row, stored, text, problem=problem, status=status, **context)


def _data(text: str, stored: Session) -> dict[str, Any]:
    return {"session_state": state.parsed(text, stored)}


def _form(
    request: HttpRequest,
    row: CatalogSession,
    stored: Session,
    text: str,
    *,
    problem: str = "",
    status: int = 200,
    **compared: Any,
) -> HttpResponse:
    was = state.fingerprint(stored)
    if wants_json(request):
        data = {"session_state": stored.session_state or {}, "was": was} | ({"error": problem} if problem else {})
        return JsonResponse(data, status=status)
    context = {"nav": "sessions", "row": row, "text": text, "was": was, "problem": problem, "longest": state.LONGEST}
    return render(request, TEMPLATE, context | compared, status=status)
