"""Deleting one session for good: what exactly goes, then a job of one."""

from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agentos.access.rules import NotAllowed
from agentos.catalog.models import CatalogSession
from agentos.db.errors import SourceError
from agentos.deletion.erasing import ERASE, contents
from agentos.deletion.rules import check_can_erase
from agentos.jobs import service
from agentos.jobs.models import Job
from agentos.moderation.acting import Conflict, Refused, reason_of
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import get_session_or_404
from sessions_ui.presenters.jobs import as_data, figures, view_of
from sessions_ui.presenters.saved_views import list_of
from sessions_ui.views.moderating import actor_of

TEMPLATE: Final = "sessions_ui/erase.html"
NOT_DELETED: Final = "Only a session that is deleted goes for good. Delete it first; that can be taken back."


@require_http_methods(["GET", "HEAD", "POST"])
def session_erase(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Say exactly what goes with a deleted session; POST with a reason begins the job that deletes it for good."""
    row = get_session_or_404(request, source, qid, unread=True)
    try:
        check_can_erase(request.user, row)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    problem, status = "", 200
    if request.method == "POST":
        try:
            job = _begun(request, row)
        except Refused as error:
            problem, status = str(error), 409 if isinstance(error, Conflict) else 422
        else:
            if wants_json(request):
                return JsonResponse({"job": as_data(view_of(job, request.user))}, status=202)
            return redirect("job", job.pk)
    return _shown(request, row, problem, status)


def _begun(request: HttpRequest, row: CatalogSession) -> Job:
    if not row.marks.get("deleted"):
        raise Conflict(NOT_DELETED)
    reason = reason_of(request.POST.get("reason", ""))
    actor = actor_of(request)
    job = service.prepare(actor, CatalogSession.objects.visible_to(request.user).filter(pk=row.pk), ERASE)
    service.start(job, actor, reason)
    job.refresh_from_db()
    return job


def _shown(request: HttpRequest, row: CatalogSession, problem: str, status: int) -> HttpResponse:
    try:
        told: dict[str, int] = contents([row])[0]
    except (SourceError, KeyError) as error:
        told, problem, status = {}, problem or f"What it holds cannot be counted now. {error}", max(status, 422)
    forks = CatalogSession.objects.visible_to(request.user).forks_of(row).count()
    if wants_json(request):
        stays = {"forks": forks}
        data: dict[str, Any] = {"source": row.source, "session_id": row.session_id, "goes": told, "stays": stays}
        return JsonResponse(data | ({"error": problem} if problem else {}), status=status)
    context = {
        "nav": "sessions", "row": row, "figures": figures(told), "problem": problem, "asked": request.POST,
        "forks": forks, "forks_url": list_of("fork_of", row.session_id),
        "is_deleted": bool(row.marks.get("deleted")), "effects": ERASE.effects,
    }  # fmt: skip
    fragment = "#sheet" if request.headers.get("HX-Target") == "sheet-content" else ""
    return render(request, TEMPLATE + fragment, context, status=status)
