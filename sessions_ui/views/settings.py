"""How this program is set up: who answers, sources, turns, versions. It shows, and changes nothing."""

from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agentos.access.rules import NotAllowed, can_see_addresses, check_can_see_settings
from agentos.moderation.secret_rules import can_edit as can_mask
from agentos.remotes.discovery import look_if_due
from agentos.retention.service import can_edit
from sessions_ui.middleware import wants_json
from sessions_ui.presenters.settings_page import report

TEMPLATE: Final = "sessions_ui/settings.html"


@require_safe
def settings_page(request: HttpRequest) -> HttpResponse:
    """Show the report, as a page, as what is in the place of the last one, or as data."""
    try:
        check_can_see_settings(request.user)
    except NotAllowed as error:
        if wants_json(request):
            return JsonResponse({"error": str(error)}, status=403)
        return render(request, "403.html", {"sentence": str(error)}, status=403)
    look_if_due()
    found = report(addresses=can_see_addresses(request.user))
    if wants_json(request):
        return JsonResponse(found.as_data())
    part = "#report" if request.headers.get("HX-Request") == "true" else ""
    context = {
        "nav": "settings",
        "report": found,
        "may_retain": can_edit(request.user),
        "may_mask": can_mask(request.user),
    }
    return render(request, f"{TEMPLATE}{part}", context)
