"""A session at a glance, beside the list."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from sessions_ui.middleware import wants_json
from sessions_ui.permissions import get_session_or_404, may_read
from sessions_ui.presenters.preview import Preview, preview_of
from sessions_ui.recording import note_read, target_of

TEMPLATE = "sessions_ui/preview.html"


@require_safe
def preview(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Show what the catalog knows of a session: as the pane beside the list, as a page, or as data."""
    row = get_session_or_404(request, source, qid, unread=True)
    found = preview_of(row) if may_read(request.user, row) else Preview(row, is_held=True)
    note_read(request, "session.previewed", on=target_of(row))
    if wants_json(request):
        return JsonResponse(_as_data(found))
    fragment = "#pane" if request.headers.get("HX-Target") == "preview" else ""
    return render(request, TEMPLATE + fragment, {"nav": "sessions", "preview": found})


def _as_data(found: Preview) -> dict[str, object]:
    row = found.row
    return {
        "source": row.source,
        "session_id": row.session_id,
        "title": row.title,
        "last_status": row.last_status,
        "topics": row.topics,
        "tags": row.tags,
        "runs": [
            {
                "run_id": run.run_id,
                "status": run.status,
                "created_at": run.created_at,
                "input": run.input_preview,
                "content": run.content_preview,
            }
            for run in found.runs
        ],
        "last_error": found.failed and {"run_id": found.failed.run_id, "text": found.failed.content_preview},
    }
