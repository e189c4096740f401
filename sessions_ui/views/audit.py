"""The audit log: who did and read what. Looking at it is itself on record."""

from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.timezone import localdate
from django.views.decorators.http import require_safe

from agentos.audit.acts import known
from agentos.audit.asking import Asked
from agentos.audit.files import FORMATS, as_data
from agentos.audit.models import Entry, Head
from agentos.catalog.timebox import timebox
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import auditor_or_404
from sessions_ui.presenters import audit as presented
from sessions_ui.recording import note_read, record_act
from sessions_ui.streaming.audit import audit_stream

TEMPLATE: Final = "sessions_ui/audit.html"
PAGE: Final = 100
# Seconds that looking for a text may take.
LOOKING: Final = 2.0
TOO_LONG: Final = "Looking for this text took too long. Name a person, an act or a time as well."


@require_safe
def audit_log(request: HttpRequest) -> HttpResponse:
    """List the entries of the URL's question, newest first, behind number `before`."""
    auditor_or_404(request)
    asked = Asked.of(request.GET)
    note_read(request, "audit.opened", details={"asked": asked.url()})
    before = request.GET.get("before", "")
    rows, problem = _page(asked, int(before) if before.isascii() and before.isdigit() and len(before) < 19 else None)
    older = rows[PAGE - 1].number if len(rows) > PAGE else None
    if wants_json(request):
        data = {"entries": [as_data(entry) for entry in rows[:PAGE]], "before": older}
        return JsonResponse(data | ({"error": problem} if problem else {}), status=503 if problem else 200)
    head = Head.objects.first()
    context = {
        "nav": "audit",
        "asked": asked,
        "days": presented.days(rows[:PAGE], request.user, asked),
        "tabs": presented.tabs(asked, head),
        "chips": presented.chips(asked),
        "acts": known(),
        "head": head,
        "older": asked.url(before=str(older)) if older else "",
        "newest": asked.url() if before else "",
        "problem": problem,
        "exports": [(name, asked.url(format=name)) for name in FORMATS],
    }
    return render(request, TEMPLATE, context)


@require_safe
def audit_export(request: HttpRequest) -> HttpResponseBase:
    """Send the entries of the URL's question as a file, oldest first."""
    auditor_or_404(request)
    asked, name = Asked.of(request.GET), request.GET.get("format", "")
    name = name if name in FORMATS else "jsonl"
    entry = record_act(request, "audit.exported", details={"format": name, "asked": asked.url()})
    content_type, lines = FORMATS[name]
    return StreamingHttpResponse(
        audit_stream(request, asked.entries(), lines, entry.number),
        content_type=content_type,
        headers={
            "Content-Disposition": f'attachment; filename="audit-{localdate():%Y-%m-%d}.{name}"',
            "Cache-Control": "no-store, no-transform",
            "X-Accel-Buffering": "no",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _page(asked: Asked, before: int | None) -> tuple[list[Entry], str]:
    rows = asked.entries()
    if before is not None:
        rows = rows.filter(number__lt=before)
    found: list[Entry] = []
    with timebox(LOOKING) as box:
        found = list(rows[: PAGE + 1])
    return found, TOO_LONG if box.over else ""
