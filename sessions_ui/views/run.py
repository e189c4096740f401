"""One run: what it did step by step, everything it said, and what is stored of it."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agentos.catalog.keys import unquote_id
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.catalog.windows import find_run
from agentos.db.reader import Reader
from agentos.db.sources import SourceUnavailable, get_source
from agentos.records import BadRun, RecordError, Run
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import SESSION_NOT_FOUND, get_session_or_404
from sessions_ui.presenters.run_page import run_data, run_inside, run_page

TEMPLATE = "sessions_ui/run.html"
RUN_NOT_FOUND = "There is no such run in this session."


@require_safe
def run(request: HttpRequest, source: str, qid: str, qrun_id: str) -> HttpResponse:
    """Show one run of a session, with an entry of its own or embedded in another, as it now is in its source."""
    session = get_session_or_404(request, source, qid)
    try:
        session, row, stored = _fetch(session, unquote_id(qrun_id))
    except SourceUnavailable as error:
        return _unavailable(request, session, str(error))
    if wants_json(request):
        return _data(session, row, stored)
    return render(request, TEMPLATE, {"nav": "sessions", "row": session, "page": run_page(row, stored)})


def _fetch(session: CatalogSession, run_id: str) -> tuple[CatalogSession, CatalogRun, Run | BadRun]:
    """Return the session's row, brought up to date, the run's row and the run itself."""
    try:
        reader = Reader(get_source(session.source))
    except KeyError:
        raise SourceUnavailable(f"The source {session.source} is not configured any more.") from None
    current = refresh_session(reader.source, session.session_id)
    if current is None:
        raise Http404(SESSION_NOT_FOUND)
    row = find_run(current, run_id)
    if row is None:
        raise Http404(RUN_NOT_FOUND)
    [stored] = reader.runs(current.session_id, [row.position])
    found = run_inside(stored, row)
    if found is None:  # the source changed between the catalog's look and this one
        raise Http404(RUN_NOT_FOUND)
    return current, row, found


def _data(session: CatalogSession, row: CatalogRun, stored: Run | BadRun) -> HttpResponse:
    try:
        return HttpResponse(run_data(session, row, stored), content_type="application/json")
    except RecordError as error:
        return JsonResponse({"error": str(error)}, status=422)


def _unavailable(request: HttpRequest, session: CatalogSession, sentence: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=503)
    return render(request, TEMPLATE, {"nav": "sessions", "row": session, "problem": sentence}, status=503)
