"""The bytes of one medium of a run: shown by the browser if that is safe, else a download."""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from agentos.catalog.keys import unquote_id
from agentos.db.sources import SourceUnavailable
from agentos.records import Run
from sessions_ui.permissions import get_session_or_404
from sessions_ui.presenters.fetched_run import fetch_run
from sessions_ui.presenters.media import media_of
from sessions_ui.presenters.served_medium import ServedMedium, served
from sessions_ui.recording import note_read, target_of

NOT_STORED = "This medium is not stored with its run."
# Whatever the bytes are, opened by themselves they run nothing and load nothing.
_HARMLESS = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}


@require_safe
def medium(request: HttpRequest, source: str, qid: str, qrun_id: str, number: int) -> HttpResponse:
    """Send the medium of this number among the run's; `?download` never shows it."""
    session = get_session_or_404(request, source, qid)
    note_read(request, "media.opened", on=target_of(session, unquote_id(qrun_id)), details={"medium": number})
    try:
        run = fetch_run(session, unquote_id(qrun_id)).run
    except SourceUnavailable as error:
        return HttpResponse(str(error), content_type="text/plain; charset=utf-8", status=503)
    media = media_of(run) if isinstance(run, Run) else []
    found = served(media[number], number) if number < len(media) else None
    if found is None:
        raise Http404(NOT_STORED)
    return _answer(found, as_download="download" in request.GET or not found.inline)


def _answer(found: ServedMedium, *, as_download: bool) -> HttpResponse:
    content_type = "application/octet-stream" if as_download else found.content_type
    response = HttpResponse(found.body, content_type=content_type, headers=_HARMLESS)
    response["Content-Disposition"] = content_disposition_header(as_download, found.filename) or "attachment"
    return response
