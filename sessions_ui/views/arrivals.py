"""How many sessions have come or changed since a list was read."""

import time
from contextlib import suppress
from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agentos.catalog.keeping import states_for_page
from agentos.catalog.models import CatalogSession
from agentos.catalog.query.listing import ListQuery
from agentos.db.sources import SourceError
from sessions_ui.middleware import wants_json
from sessions_ui.presenters.arrivals import behind, read_mark

TEMPLATE = "sessions_ui/components/arrivals.html"
# More are not counted one by one.
MOST: Final = 99


@require_safe
def new(request: HttpRequest) -> HttpResponse:
    """Count the sessions of the list's query that were updated after the mark `since`, 99 at most; by one statement."""
    with suppress(SourceError):  # the list itself says what is wrong with the setting
        states_for_page()
    query = ListQuery.from_url(request.GET)
    mark = read_mark(request.GET.get("since", ""))
    rows = CatalogSession.objects.visible_to(request.user).filtered(query)
    count = behind(rows, mark, int(time.time())).values("pk")[: MOST + 1].count() if mark else 0
    if wants_json(request):
        return JsonResponse({"new": min(count, MOST), "more": count > MOST})
    top = request.GET.copy()
    for name in ("since", "after"):
        top.pop(name, None)
    context = {"count": min(count, MOST), "more": count > MOST, "top": f"?{top.urlencode()}"}
    return render(request, TEMPLATE, context)
