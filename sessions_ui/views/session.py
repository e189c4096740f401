"""One session: its conversation, a window at a time, its tabs, and the pane that continues it."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.db.reader import Reader
from agentos.db.sources import SourceUnavailable, get_source
from agentos.records import Session, strip_for_postgres
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import SESSION_NOT_FOUND, get_session_or_404
from sessions_ui.presenters.session_page import TABS, ordinal, session_data, session_page
from sessions_ui.streaming.context import composer_context

TEMPLATE = "sessions_ui/session.html"


@require_safe
def session(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Show a session as it now is in its source."""
    row = get_session_or_404(request, source, qid)
    try:
        row, stored, reader = fetch(row)
        if wants_json(request):
            data = session_data(row, stored, reader, ordinal(request.GET, "after"))
            return JsonResponse(strip_for_postgres(data))
        page = session_page(row, stored, reader, request.GET)
    except SourceUnavailable as error:
        return unavailable(request, row, str(error))
    context: dict[str, Any] = {"nav": "sessions", "row": row, "page": page, "tabs": TABS, "layout": str(reader.layout)}
    fragment = "#inspector" if request.headers.get("HX-Target") == "inspector" else ""
    if not fragment:
        context |= composer_context(request, row)
    return render(request, TEMPLATE + fragment, context)


def unavailable(request: HttpRequest, row: CatalogSession, sentence: str) -> HttpResponse:
    """Say in a plain sentence why the source of a session cannot be read."""
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=503)
    return render(request, TEMPLATE, {"nav": "sessions", "row": row, "problem": sentence}, status=503)


def fetch(row: CatalogSession) -> tuple[CatalogSession, Session, Reader]:
    """Return the session's row, brought up to date, its stored columns and a reader of its source."""
    try:
        reader = Reader(get_source(row.source))
    except KeyError:
        raise SourceUnavailable(f"The source {row.source} is not configured any more.") from None
    current = refresh_session(reader.source, row.session_id)
    stored = reader.session(row.session_id) if current is not None else None
    if current is None or stored is None:
        raise Http404(SESSION_NOT_FOUND)
    return current, stored, reader
