"""Having the masked secrets of a session shown, for a reason, and masked again."""

from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agentos.access.rules import NotAllowed
from agentos.moderation.acting import Refused
from agentos.moderation.reveals import HOLDS_FOR, check_can_see_secrets, hide_again, reveal
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import get_session_or_404, signed_in_user
from sessions_ui.views.moderating import actor_of, next_page

TEMPLATE: Final = "sessions_ui/secrets.html"


@require_http_methods(["GET", "HEAD", "POST"])
def secrets(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Ask why the secrets are to be shown; POST with a `reason` shows them for a while, with `act=mask` no more."""
    row = get_session_or_404(request, source, qid)
    try:
        check_can_see_secrets(request.user, row)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    minutes = int(HOLDS_FOR.total_seconds() // 60)
    context: dict[str, Any] = {"nav": "sessions", "row": row, "next": next_page(request, row), "minutes": minutes}
    if request.method != "POST":
        return _shown(request, context)
    is_shown = request.POST.get("act") != "mask"
    try:
        if is_shown:
            reveal(row, actor_of(request), request.POST.get("reason", ""))
        else:
            hide_again(row, signed_in_user(request).pk)
    except Refused as error:
        if wants_json(request):
            return JsonResponse({"error": str(error)}, status=422)
        return render(request, TEMPLATE, {**context, "problem": str(error)}, status=422)
    if wants_json(request):
        return JsonResponse({"shown": is_shown, "minutes": minutes if is_shown else 0})
    sentence = f"Secrets of this session are shown to you for {minutes} minutes."
    messages.success(request, sentence if is_shown else "Secrets are masked again.")
    return redirect(context["next"])


def _shown(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"shown": context["row"].shows_secrets, "minutes": context["minutes"]})
    fragment = "#sheet" if request.headers.get("HX-Target") == "sheet-content" else ""
    return render(request, TEMPLATE + fragment, context)
