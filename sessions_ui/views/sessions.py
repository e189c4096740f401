"""The list of sessions."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from agentos.catalog.facets import facets, histogram
from agentos.catalog.filters import SINCE, ListFilters
from agentos.catalog.models import CatalogSession
from agentos.catalog.paging import SORTS, clean_sort
from agentos.catalog.sync import keep_fresh
from agentos.db.sources import SourceError
from sessions_ui.middleware import wants_json
from sessions_ui.presenters.session_list import chips, columns, drawn, facet_groups, kept

PAGE = 50
SINCE_WORDS = {"1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}
# The scalars of a row, as data.
FIELDS = (
    "source", "session_id", "session_type", "component_id", "component_name", "user_id", "title", "preview", "model",
    "last_status", "created_at", "updated_at", "run_count", "forest_run_count", "message_count", "own_message_count",
    "tool_call_count", "tool_error_count", "error_count", "input_tokens", "output_tokens", "total_tokens", "cost",
    "duration", "has_summary", "stored_bytes", "problem",
)  # fmt: skip


@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    """List the sessions the user may see, narrowed and sorted as the URL says."""
    states, problem = _states()
    filters = ListFilters.from_query(request.GET)
    sort = clean_sort(request.GET.get("sort", ""))
    visible = CatalogSession.objects.visible_to(request.user)
    page = visible.filtered(filters).page(sort, request.GET.get("after"), PAGE)
    if wants_json(request):
        return JsonResponse({"sessions": [_as_data(row) for row in page.rows], "next": page.next})
    context = {
        "nav": "sessions",
        "page": page,
        "filters": filters,
        "problems": [text for text in (problem, page.problem, *filters.problems) if text],
        "states": states,
        "chips": chips(request.GET, filters),
        "kept": kept(request.GET),
        "facets": facet_groups(facets(visible, filters)),
        "histogram": drawn(histogram(visible.filtered(filters))),
        "columns": columns(request.GET, sort),
        "since": [(key, SINCE_WORDS[key]) for key in SINCE],
        "sort": sort,
        "sorts": SORTS,
    }
    template = "sessions_ui/sessions.html"
    fragment = "#list" if request.headers.get("HX-Target") == "list" else ""
    return render(request, template + fragment, context)


def _states() -> tuple[list[Any], str]:
    """Give the catalog a moment to follow its sources; return their states and what is wrong with the setting."""
    try:
        return list(keep_fresh()), ""
    except SourceError as error:
        return [], str(error)


def _as_data(row: CatalogSession) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FIELDS}
