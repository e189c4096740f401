"""One session: three views of it, a window at a time, its tabs, and the pane that continues it."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.catalog.windows import next_error
from agentos.db.reader import Reader
from agentos.db.sources import SourceUnavailable
from agentos.moderation.obstacles import asked_once
from agentos.records import Session, strip_for_postgres
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import SESSION_NOT_FOUND, get_session_or_404
from sessions_ui.presenters.fetched_run import reader_of
from sessions_ui.presenters.moderating import over_session
from sessions_ui.presenters.session_acts import acts_of
from sessions_ui.presenters.session_data import session_data
from sessions_ui.presenters.session_metrics import as_data as metrics_data
from sessions_ui.presenters.session_metrics import session_metrics
from sessions_ui.presenters.session_page import TABS, ordinal, session_page
from sessions_ui.presenters.session_place import VIEWS, Asked
from sessions_ui.presenters.session_state import session_state, state_data
from sessions_ui.recording import note_read, target_of
from sessions_ui.streaming.context import composer_context

TEMPLATE = "sessions_ui/session.html"
# What htmx asks for by itself: the parts of the page that are replaced.
PARTS = ("view", "inspector")


@require_safe
@asked_once()
def session(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Show a session as it now is in its source."""
    row = get_session_or_404(request, source, qid)
    note_read(request, "session.opened", on=target_of(row))
    try:
        row, stored, reader = fetch(row)
        if wants_json(request):
            data = session_data(row, stored, reader, ordinal(request.GET, "after"))
            asked = Asked.of(request.GET)
            if asked.tab == "state":
                data["state"] = state_data(session_state(row, stored, reader, asked.since, asked.to))
            if asked.tab == "metrics":
                data["metrics"] = metrics_data(session_metrics(row, stored))
            return JsonResponse(strip_for_postgres(data))
        if request.GET.get("error") in ("next", "previous"):
            return _to_error(request, row)
        part = request.headers.get("HX-Target", "")
        part = part if part in PARTS else ""
        page = session_page(row, stored, reader, Asked.of(request.GET), part)
    except SourceUnavailable as error:
        return unavailable(request, row, str(error))
    context: dict[str, Any] = {"nav": "sessions", "row": row, "page": page, "tabs": TABS, "views": VIEWS}
    context |= {"layout": str(reader.layout), "now": timezone.now(), "part": part, "acts": acts_of(request.user, row)}
    context["over"] = over_session(request.user, row)
    if not part:
        context |= composer_context(request, row)
    return render(request, f"{TEMPLATE}#{part}" if part else TEMPLATE, context)


def _to_error(request: HttpRequest, row: CatalogSession) -> HttpResponse:
    """Go to the next run with an error behind (or before) the one that `from` names, in the same view."""
    run = next_error(row, ordinal(request.GET, "from"), back=request.GET["error"] == "previous")
    query = request.GET.copy()
    for name in ("error", "from", "before", "after", "message", "call", "hit", "run"):
        query.pop(name, None)
    if run is not None:
        query["run"] = run.quoted_id
    return HttpResponseRedirect(f"?{query.urlencode()}#here")


def unavailable(request: HttpRequest, row: CatalogSession, sentence: str) -> HttpResponse:
    """Say in a plain sentence why the source of a session cannot be read."""
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=503)
    context = {"nav": "sessions", "row": row, "problem": sentence, "over": over_session(request.user, row)}
    return render(request, TEMPLATE, context, status=503)


def fetch(row: CatalogSession) -> tuple[CatalogSession, Session, Reader]:
    """Return the session's row, brought up to date, its stored columns and a reader of its source."""
    reader = reader_of(row)
    current = refresh_session(reader.source, row.session_id, row)
    stored = reader.session(row.session_id) if current is not None else None
    if current is None or stored is None:
        raise Http404(SESSION_NOT_FOUND)
    current.shows_secrets = row.shows_secrets
    return current, stored, reader
