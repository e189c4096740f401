"""What matches, or what was ticked, as a file."""

from collections.abc import Mapping
from functools import partial

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.timezone import localdate
from django.views.decorators.http import require_http_methods

from sessions_ui.middleware import wants_json
from sessions_ui.permissions import check_exports
from sessions_ui.presenters.export import FORMATS, Format
from sessions_ui.recording import record_act
from sessions_ui.streaming.export import export_stream
from sessions_ui.views.selection import Selection, counted
from sessions_ui.views.sessions import FIELDS

TEMPLATE = "sessions_ui/export.html"


@require_http_methods(["GET", "HEAD", "POST"])
def export(request: HttpRequest) -> HttpResponseBase:
    """Send the sessions of a query, or of a selection that was posted; without a format ask which, and say how many."""
    check_exports(request)
    chosen = Selection.of(request)
    wanted = (request.POST if request.method == "POST" else request.GET).get("format", "")
    if chosen.problem:
        return _refused(request, chosen.problem)
    if wanted in FORMATS:
        record_act(request, "sessions.exported", details={"format": wanted, "chosen": chosen.fields})
        return _file(request, chosen, FORMATS[wanted])
    if wanted and wanted != "json":
        return _refused(request, f"“{wanted[:20]}” is no format: use {' or '.join(FORMATS)}.")
    return _question(request, chosen)


def _file(request: HttpRequest, chosen: Selection, form: Format) -> StreamingHttpResponse:
    name = f"sessions-{localdate():%Y-%m-%d}.{form.name}"
    return StreamingHttpResponse(
        export_stream(request, chosen.rows, form, FIELDS),
        content_type=form.content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store, no-transform",
            "X-Accel-Buffering": "no",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _question(request: HttpRequest, chosen: Selection) -> HttpResponse:
    count = counted(chosen.rows(request.user))
    if wants_json(request):
        return JsonResponse({"count": count, "formats": list(FORMATS), "fields": list(FIELDS)})
    context = {"nav": "sessions", "count": count, "fields": chosen.fields, "formats": FORMATS.values()}
    return _page(request, context)


def _refused(request: HttpRequest, sentence: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=400)
    return _page(request, {"nav": "sessions", "problem": sentence}, status=400)


def _page(request: HttpRequest, context: Mapping[str, object], status: int = 200) -> HttpResponse:
    answer = partial(render, request, context=dict(context), status=status)
    return answer(f"{TEMPLATE}#sheet" if request.headers.get("HX-Target") == "sheet-content" else TEMPLATE)
