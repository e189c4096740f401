"""The list of sessions."""

from dataclasses import asdict
from datetime import date
from functools import lru_cache
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import resolve_url
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from agentos.access.rules import scope_of
from agentos.catalog.facets import Counts, counts
from agentos.catalog.freshness import unindexed
from agentos.catalog.models import CatalogSession
from agentos.catalog.paging import Page
from agentos.catalog.query.completion import completion
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.parser import MAX_CHARACTERS
from agentos.catalog.totals import of_states
from sessions_ui.context import fresh_states, source_menu
from sessions_ui.middleware import wants_json
from sessions_ui.presenters import columns, session_list
from sessions_ui.presenters.facet_list import facet_groups
from sessions_ui.presenters.freshness import behind
from sessions_ui.presenters.histogram import Drawing, drawn
from sessions_ui.presenters.in_hand import in_hand
from sessions_ui.presenters.list_state import ListState
from sessions_ui.rendering.list_controls import bar_rows, drawn_bars, drawn_columns, drawn_facets, drawn_orders
from sessions_ui.rendering.list_rows import Reader, drawn_rows, fields_of
from sessions_ui.views.lists import broken_as_data, page_or_list

PAGE = 50
TEMPLATE = "sessions_ui/sessions.html"
# The scalars of a row, as data.
FIELDS = (
    "source", "session_id", "session_type", "component_id", "component_name", "user_id", "title", "preview", "model",
    "last_status", "created_at", "updated_at", "run_count", "top_level_run_count", "forest_run_count", "message_count",
    "own_message_count", "tool_call_count", "tool_error_count", "error_count", "input_tokens", "output_tokens",
    "total_tokens", "cost", "computed_cost", "duration", "has_summary", "stored_bytes", "problem",
)  # fmt: skip


@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    """List the sessions the user may see, narrowed and sorted as the URL says."""
    states, problem = fresh_states(request.user)
    state = ListState.of(request)
    after = request.GET.get("after")
    visible = CatalogSession.objects.visible_to(request.user)
    as_data = wants_json(request)
    read = FIELDS if as_data else fields_of(state.columns)
    page = visible.filtered(state.query).page(state.sort, after, PAGE, only=read)
    if as_data:
        return _data(state.query, page)
    totals = of_states(states) if scope_of(request.user).everything else None
    counted = Counts() if state.query.broken else counts(visible, state.query, totals)
    chips = session_list.chips(state)
    context = {
        "nav": "sessions",
        "source_menu": source_menu(states, request.user),
        "page": page,
        "rows": drawn_rows(page.rows, state.columns, resolve_url("sessions"), _reader(request)),
        "older": state.url(page.next) if page.next else "",
        "newer": state.url(page.previous) if page.previous else "",
        "is_later_page": bool(after),
        "problems": [text for text in (problem, page.problem, *state.query.problems) if text],
        "states": states,
        "behind": behind(states),
        "unindexed": unindexed(states),
        "chips": chips if page.rows or state.query.broken else session_list.counted(chips, visible),
        "counted": counted,
        "facets": "" if state.query.broken else drawn_beside(counted, state.query),
        "box": session_list.box(state.query),
        **_controls(state, counted),
        **in_hand(request, page, state),
    }
    return _answer(request, context, state, after)


@require_safe
def complete(request: HttpRequest) -> JsonResponse:
    """Answer with what could stand at the end of `q`: fields of the query language, and values of visible sessions."""
    found = completion(CatalogSession.objects.visible_to(request.user), request.GET.get("q", "")[:MAX_CHARACTERS])
    return JsonResponse({"start": found.start, "suggestions": [asdict(one) for one in found.suggestions]})


@lru_cache(64)
def drawn_beside(counted: Counts, query: ListQuery) -> SafeString:
    """Return the facets beside a list. The same counts serve many pages, so what was drawn of them is kept."""
    return drawn_facets(facet_groups(counted, query))


@lru_cache(64)
def drawn_chart(counted: Counts, first: date | None, last: date | None) -> tuple[Drawing, SafeString, SafeString]:
    """Return the histogram over a list, its bars, and the rows of its table."""
    drawing = drawn(counted.histogram, first, last)
    return drawing, drawn_bars(drawing.bars), bar_rows(drawing.bars)


def _data(query: ListQuery, page: Page) -> JsonResponse:
    if query.broken:
        return broken_as_data(query)
    return JsonResponse({"sessions": [_as_data(row) for row in page.rows], "next": page.next})


def _reader(request: HttpRequest) -> Reader:
    return Reader(request.user.pk or 0, scope_of(request.user).agno_user_id is None)


def _controls(state: ListState, counted: Counts) -> dict[str, Any]:
    query, sort = state.query, state.sort
    all_time = query.without("since", "days")
    first, last = (None, None) if query.broken else query.days
    drawing, bars, numbers = drawn_chart(counted, first, last)
    return {
        "views": session_list.views(state, counted),
        "columns": columns.heads(state),
        "column_choices": drawn_columns(columns.choices(state)),
        "listed": state,
        "total": session_list.total_words(counted),
        "number": session_list.number(counted),
        "other_density": session_list.other_density(state),
        "sort": sort,
        "order": columns.order_words(sort),
        "orders": drawn_orders(columns.orders(sort), sort),
        "by_time": sort in ("-updated", "-created"),
        "since": session_list.SINCE_WORDS.items(),
        "chosen_since": "" if query.broken else query.since,
        "first_day": first,
        "last_day": last,
        "histogram": drawing,
        "bars": bars,
        "bar_rows": numbers,
        "range": session_list.range_words(query),
        "all_time": "" if all_time == query else state.asking(all_time).url(),
    }


def _answer(request: HttpRequest, context: dict[str, Any], state: ListState, after: str | None) -> HttpResponse:
    response = page_or_list(request, TEMPLATE, context, resolve_url("sessions"), state.url(after))
    if state.density and state.density != state.remembered:
        response.set_cookie("density", state.density, max_age=31_536_000, samesite="Lax")
    return response


def _as_data(row: CatalogSession) -> dict[str, Any]:
    """Return a row's scalars. What was said in a session on hold is not told in a list."""
    data = {name: getattr(row, name) for name in FIELDS}
    return data | {"preview": ""} if row.marks.get("held") else data
