"""The list of sessions."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render, resolve_url
from django.views.decorators.http import require_safe

from agentos.catalog.facets import facets, histogram
from agentos.catalog.models import CatalogSession, SourceState
from agentos.catalog.paging import Page, clean_sort
from agentos.catalog.query.completion import completion
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.parser import MAX_CHARACTERS
from agentos.catalog.sync import keep_fresh
from agentos.db.sources import SourceError
from sessions_ui.context import source_menu
from sessions_ui.middleware import wants_json
from sessions_ui.presenters import session_list
from sessions_ui.presenters.histogram import drawn

PAGE = 50
TEMPLATE = "sessions_ui/sessions.html"
# The scalars of a row, as data.
FIELDS = (
    "source", "session_id", "session_type", "component_id", "component_name", "user_id", "title", "preview", "model",
    "last_status", "created_at", "updated_at", "run_count", "top_level_run_count", "forest_run_count", "message_count",
    "own_message_count", "tool_call_count", "tool_error_count", "error_count", "input_tokens", "output_tokens",
    "total_tokens", "cost", "duration", "has_summary", "stored_bytes", "problem",
)  # fmt: skip


@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    """List the sessions the user may see, narrowed and sorted as the URL says."""
    states, problem = _states()
    query = ListQuery.from_url(request.GET)
    sort = clean_sort(request.GET.get("sort", ""))
    after = request.GET.get("after")
    visible = CatalogSession.objects.visible_to(request.user)
    found = visible.filtered(query)
    page = found.page(sort, after, PAGE)
    if wants_json(request):
        return _data(query, page)
    chips = session_list.chips(query, sort)
    context = {
        "nav": "sessions",
        "source_menu": source_menu(states),
        "page": page,
        "older": session_list.list_url(query, sort, page.next) if page.next else "",
        "newer": session_list.list_url(query, sort, page.previous) if page.previous else "",
        "is_later_page": bool(after),
        "problems": [text for text in (problem, page.problem, *query.problems) if text],
        "states": states,
        "unindexed": session_list.unindexed(states),
        "chips": chips if page.rows or query.broken else session_list.counted(chips, visible),
        "facets": [] if query.broken else session_list.facet_groups(facets(visible, query), query),
        "histogram": drawn(histogram(found)),
        "box": session_list.box(query),
        **_controls(query, sort),
    }
    return _answer(request, context, session_list.list_url(query, sort, after))


@require_safe
def complete(request: HttpRequest) -> JsonResponse:
    """Answer with what could stand at the end of `q`: fields of the query language, and values of visible sessions."""
    found = completion(CatalogSession.objects.visible_to(request.user), request.GET.get("q", "")[:MAX_CHARACTERS])
    return JsonResponse({"start": found.start, "suggestions": [asdict(one) for one in found.suggestions]})


def _data(query: ListQuery, page: Page) -> JsonResponse:
    if query.broken:
        text, error = query.broken[0].text, query.broken[0].error
        place = {"query": text, "start": error.start, "length": error.length}
        return JsonResponse({"error": error.sentence, **place}, status=HTTPStatus.BAD_REQUEST)
    return JsonResponse({"sessions": [_as_data(row) for row in page.rows], "next": page.next})


def _controls(query: ListQuery, sort: str) -> dict[str, Any]:
    all_time = query.without("since", "days")
    first, last = (None, None) if query.broken else query.days
    return {
        "views": session_list.views(query, sort),
        "columns": session_list.columns(query, sort),
        "sort": sort,
        "order": session_list.order_words(sort),
        "orders": session_list.orders(sort),
        "by_time": sort in ("-updated", "-created"),
        "since": session_list.SINCE_WORDS.items(),
        "chosen_since": "" if query.broken else query.since,
        "first_day": first,
        "last_day": last,
        "range": session_list.range_words(query),
        "all_time": "" if all_time == query else session_list.list_url(all_time, sort),
    }


def _answer(request: HttpRequest, context: dict[str, Any], url: str) -> HttpResponse:
    """Render the page, or the list alone for htmx, which then shows the state's one URL."""
    if request.headers.get("HX-Target") != "list" or request.headers.get("HX-History-Restore-Request") == "true":
        return render(request, TEMPLATE, context)
    response = render(request, f"{TEMPLATE}#list", context)
    response.headers["HX-Push-Url"] = resolve_url("sessions") + (url if url != "?" else "")
    return response


def _states() -> tuple[list[SourceState], str]:
    """Give the catalog a moment to follow its sources; return their states and what is wrong with the setting."""
    try:
        return keep_fresh(), ""
    except SourceError as error:
        return [], str(error)


def _as_data(row: CatalogSession) -> dict[str, Any]:
    return {name: getattr(row, name) for name in FIELDS}
