"""The lists of people and things: users; agents, teams and workflows; tools; models."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import resolve_url
from django.views.decorators.http import require_safe

from agentos.catalog import things
from agentos.catalog.freshness import unindexed
from agentos.catalog.models import CatalogSession
from agentos.catalog.things import ThingPage
from sessions_ui.context import fresh_states, source_menu
from sessions_ui.middleware import wants_json
from sessions_ui.presenters import session_list
from sessions_ui.presenters import things as presented
from sessions_ui.presenters.freshness import behind
from sessions_ui.presenters.things import KINDS, ThingState
from sessions_ui.views.lists import broken_as_data, kept_as_of, page_or_list

TEMPLATE = "sessions_ui/things.html"
PAGE = 50


@require_safe
def listed(request: HttpRequest, kind: str) -> HttpResponse:
    """List the users, components, tools or models of the sessions the user may see, narrowed as the URL says."""
    states, problem = fresh_states(request.user)
    state = ThingState.of(request, kind)
    if state.query.broken and wants_json(request):
        return broken_as_data(state.query)
    as_of = kept_as_of(request, state.query)
    page = _read(request, state, is_kept=as_of is not None)
    if wants_json(request):
        return JsonResponse(presented.as_data(page, state) | {"as_of": as_of})
    context = {
        "nav": "things",
        "source_menu": source_menu(states, request.user),
        "states": states,
        "unindexed": unindexed(states),
        "behind": behind(states),
        "problems": [text for text in (problem, page.problem, *state.query.problems) if text],
        "kind": KINDS[kind],
        "state": state,
        "page": page,
        "as_of": as_of,
        "rows": presented.rows(page, state),
        "is_later_page": bool(request.GET.get("after")),
        "chips": session_list.chips(state),
        **_words(page, state),
        **_controls(page, state),
    }
    return page_or_list(request, TEMPLATE, context, resolve_url(KINDS[kind].page), state.url(request.GET.get("after")))


def _read(request: HttpRequest, state: ThingState, *, is_kept: bool) -> ThingPage:
    """Return the page, from the sums that are kept or made now of the sessions that the user may see."""
    kind, sort, after = state.kind, state.sort, request.GET.get("after")
    if is_kept:
        return things.kept(kind, sort, after, state.find, PAGE)
    sessions = CatalogSession.objects.visible_to(request.user).filtered(state.query)
    return things.counted(kind, sessions, sort, after, state.find, PAGE)


def _words(page: ThingPage, state: ThingState) -> dict[str, Any]:
    return {
        "total": presented.total_words(page, state.kind),
        "scope": presented.scope_words(page, state),
        "order": presented.order_words(state),
        "by_time": state.sort == "-seen",
    }


def _controls(page: ThingPage, state: ThingState) -> dict[str, Any]:
    query = state.query
    return {
        "tabs": presented.tabs(state),
        "columns": presented.heads(state),
        "orders": presented.orders(state),
        "older": state.url(page.next) if page.next else "",
        "newer": state.url(page.previous) if page.previous else "",
        "unnamed": presented.unnamed_url(state),
        "box": session_list.box(query, query.beside("since")),
        "since": session_list.SINCE_WORDS.items(),
        "chosen_since": "" if query.broken else query.since,
    }
