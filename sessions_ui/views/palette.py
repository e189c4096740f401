"""The jump palette: where one may go from here, as a page or as the list under its box."""

from dataclasses import asdict

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agentos.catalog.models import CatalogSession
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import signed_in_user
from sessions_ui.presenters.palette import places

TEMPLATE = "sessions_ui/palette.html"


@require_safe
def jump(request: HttpRequest) -> HttpResponse:
    """Show the places that the words of `q` could mean, of those the user may see."""
    text = request.GET.get("q", "").replace("\0", "")
    found = places(signed_in_user(request), CatalogSession.objects.visible_to(request.user), text)
    if wants_json(request):
        return JsonResponse({"places": [asdict(place) for place in found]})
    fragment = "#found" if request.headers.get("HX-Target") == "jump-found" else ""
    return render(request, TEMPLATE + fragment, {"nav": "jump", "places": found, "text": text})
