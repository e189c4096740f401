"""What the review works by: the reasons of flags, and the users who are suspended."""

from typing import Any, Final

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agentos.access.rules import NotAllowed, scope_of
from agentos.moderation.acting import Refused
from agentos.moderation.flags import keep_reason
from agentos.moderation.measures import lift_suspension
from agentos.moderation.models import FlagReason, Suspension
from sessions_ui.middleware import wants_json
from sessions_ui.presenters.saved_views import list_of
from sessions_ui.views.moderating import actor_of
from sessions_ui.views.review import check_moderator

REASONS: Final = "sessions_ui/review_reasons.html"
SUSPENDED: Final = "sessions_ui/review_suspended.html"
MOST_SUSPENDED: Final = 500


@require_http_methods(["GET", "HEAD", "POST"])
def reasons(request: HttpRequest) -> HttpResponse:
    """List the reasons for flags; POST adds one, or changes the `reason` it names."""
    check_moderator(request)
    problem, status = "", 200
    if request.method == "POST":
        try:
            _keep(request)
        except (Refused, NotAllowed) as error:
            problem, status = str(error), 422
        else:
            if not wants_json(request):
                messages.success(request, "The list of reasons is changed.")
                return redirect("review_reasons")
    found = list(FlagReason.objects.all())
    if wants_json(request):
        data = [{"id": one.pk, "name": one.name, "due_hours": one.due_hours, "in_use": one.in_use} for one in found]
        return JsonResponse({"reasons": data} | ({"error": problem} if problem else {}), status=status)
    return render(request, REASONS, {"nav": "review", "reasons": found, "problem": problem}, status=status)


def _keep(request: HttpRequest) -> None:
    form, number = request.POST, request.POST.get("reason", "")
    reason = None
    if number:
        key = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else 0
        reason = FlagReason.objects.filter(pk=key).first()
        if reason is None:
            raise Http404("There is no such reason.")
    hours = form.get("due_hours", "")
    keep_reason(
        actor_of(request),
        form.get("name", ""),
        int(hours) if hours.isascii() and hours.isdecimal() and len(hours) < 6 else 0,
        reason,
        in_use=bool(form.get("in_use")) or reason is None,
    )


@require_http_methods(["GET", "HEAD", "POST"])
def suspended(request: HttpRequest) -> HttpResponse:
    """List the Agno users who are suspended; POST lifts the `suspension` it names, for a `reason`."""
    check_moderator(request)
    found = Suspension.objects.filter(lifted_at=None).order_by("-pk")
    if not scope_of(request.user).everything:
        found = found.none()
    problem, status = "", 200
    if request.method == "POST":
        number = request.POST.get("suspension", "")
        key = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else 0
        one = found.filter(pk=key).first()
        if one is None:
            raise Http404("Nobody is suspended by that.")
        try:
            lift_suspension(one.agno_user_id, actor_of(request), request.POST.get("reason", ""))
        except Refused as error:
            problem, status = str(error), 422
        else:
            if not wants_json(request):
                messages.success(request, "The suspension is lifted.")
                return redirect("review_suspended")
    return _suspended(request, list(found[:MOST_SUSPENDED]), problem, status)


def _suspended(request: HttpRequest, found: list[Suspension], problem: str, status: int) -> HttpResponse:
    if wants_json(request):
        data: list[dict[str, Any]] = [
            {"id": one.pk, "user_id": one.agno_user_id, "by": one.actor, "at": one.at.isoformat(), "reason": one.reason}
            for one in found
        ]
        return JsonResponse({"suspended": data} | ({"error": problem} if problem else {}), status=status)
    rows = [(one, list_of("user", one.agno_user_id)) for one in found]
    return render(request, SUSPENDED, {"nav": "review", "rows": rows, "problem": problem}, status=status)
