"""One run: what it did step by step, everything it said, and what is stored of it."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agentos.catalog.keys import unquote_id
from agentos.catalog.models import CatalogSession
from agentos.db.sources import SourceUnavailable
from agentos.records import RecordError
from agentos.redaction.rules import can_redact
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import get_session_or_404
from sessions_ui.presenters.fetched_run import FetchedRun, fetch_run
from sessions_ui.presenters.run_page import run_data, run_page
from sessions_ui.presenters.session_acts import acts_of
from sessions_ui.recording import note_read, target_of

TEMPLATE = "sessions_ui/run.html"


@require_safe
def run(request: HttpRequest, source: str, qid: str, qrun_id: str) -> HttpResponse:
    """Show one run of a session, with an entry of its own or embedded in another, as it now is in its source.

    `?show=received` what its model was sent (`&runs=` of how many runs), `?show=prompt` its instructions, `?from=` the
    messages from that number on.
    """
    session = get_session_or_404(request, source, qid)
    note_read(request, "run.opened", on=target_of(session, unquote_id(qrun_id)))
    try:
        fetched = fetch_run(session, unquote_id(qrun_id))
        if wants_json(request):
            return _data(fetched)
        page = run_page(fetched, request.GET)
        acts = acts_of(request.user, fetched.session)
        context = {"nav": "sessions", "row": fetched.session, "page": page, "acts": acts}
        return render(request, TEMPLATE, {**context, "may_redact": can_redact(request.user, fetched.session)})
    except SourceUnavailable as error:
        return _unavailable(request, session, str(error))


def _data(fetched: FetchedRun) -> HttpResponse:
    try:
        return HttpResponse(run_data(fetched), content_type="application/json")
    except RecordError as error:
        return JsonResponse({"error": str(error)}, status=422)


def _unavailable(request: HttpRequest, session: CatalogSession, sentence: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=503)
    return render(request, TEMPLATE, {"nav": "sessions", "row": session, "problem": sentence}, status=503)
