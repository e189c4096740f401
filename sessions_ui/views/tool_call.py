"""One tool call by itself: its page, and its texts as files."""

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agentos.catalog.keys import unquote_id
from agentos.db.sources import SourceUnavailable
from agentos.redaction.rules import can_redact
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import get_session_or_404
from sessions_ui.presenters.fetched_run import fetch_run
from sessions_ui.presenters.tool_call_page import call_data, call_of, tool_call_page, whole_text
from sessions_ui.recording import note_read, target_of

TEMPLATE = "sessions_ui/tool_call.html"
CALL_NOT_FOUND = "There is no such tool call in this run."


@require_safe
def tool_call(request: HttpRequest, source: str, qid: str, qrun_id: str, number: int) -> HttpResponse:
    """Show the call of this number among the run's, from 0."""
    session = get_session_or_404(request, source, qid)
    note_read(request, "call.opened", on=target_of(session, unquote_id(qrun_id)), details={"call": number})
    try:
        fetched = fetch_run(session, unquote_id(qrun_id))
        found = call_of(fetched, number)
        if found is None:
            raise Http404(CALL_NOT_FOUND)
        if wants_json(request):
            return JsonResponse(call_data(fetched, found[1]))
        context = {"nav": "sessions", "row": fetched.session, "page": tool_call_page(fetched, *found)}
        return render(request, TEMPLATE, {**context, "may_redact": can_redact(request.user, fetched.session)})
    except SourceUnavailable as error:
        if wants_json(request):
            return JsonResponse({"error": str(error)}, status=503)
        return render(request, TEMPLATE, {"nav": "sessions", "row": session, "problem": str(error)}, status=503)


@require_safe
def text(request: HttpRequest, source: str, qid: str, qrun_id: str, number: int, part: str) -> HttpResponse:
    """Send all of a call's arguments or result as a file of plain text."""
    session = get_session_or_404(request, source, qid)
    facts = {"call": number, "part": part}
    note_read(request, "call.downloaded", on=target_of(session, unquote_id(qrun_id)), details=facts)
    try:
        fetched = fetch_run(session, unquote_id(qrun_id))
        found = call_of(fetched, number)
        whole = None if found is None else whole_text(fetched, found[1], part)
    except SourceUnavailable as error:
        return HttpResponse(str(error), content_type="text/plain; charset=utf-8", status=503)
    if whole is None:
        raise Http404(CALL_NOT_FOUND)
    headers = {
        "Content-Disposition": f'attachment; filename="tool-call-{number + 1}-{part}.txt"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return HttpResponse(whole, content_type="text/plain; charset=utf-8", headers=headers)
