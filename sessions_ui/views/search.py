"""Searching all that was said."""

import time
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render, resolve_url
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from agentos.audit.service import Target
from agentos.catalog.facets import counts
from agentos.catalog.freshness import unindexed
from agentos.catalog.models import CatalogSession
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.text.extract import LIMIT
from agentos.catalog.text.search import Found, kinds_of
from agentos.catalog.text.search import search as search_texts
from sessions_ui.context import fresh_states, source_menu
from sessions_ui.middleware import wants_json
from sessions_ui.presenters import search as presented
from sessions_ui.presenters import session_list
from sessions_ui.presenters.facet_list import facet_groups
from sessions_ui.presenters.freshness import behind
from sessions_ui.presenters.list_state import ListState
from sessions_ui.presenters.search import SearchState
from sessions_ui.presenters.search_context import Around, around, message_url
from sessions_ui.recording import note_read, target_of
from sessions_ui.rendering.list_controls import drawn_facets
from sessions_ui.views.lists import broken_as_data, page_or_list

TEMPLATE = "sessions_ui/search.html"
_FACETS = ("type", "component", "user", "status", "source")


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Show where the words of the query stand in the sessions the user may see."""
    state = SearchState.of(request)
    chosen = around(request, request.GET.get("hit", ""), state.query)
    _note_hit(request, chosen)
    if request.headers.get("HX-Target") == "context":
        return render(request, f"{TEMPLATE}#context", _context(chosen))
    states, problem = fresh_states(request.user)
    page = presented.page_number(request.GET.get("page", ""))
    visible = CatalogSession.objects.visible_to(request.user).in_kinds(kinds_of(state.places))
    began = time.perf_counter()
    found = search_texts(visible, state.query, newest=state.newest, each=state.each, page=page)
    if state.query.node is not None:
        note_read(request, "search", details={"query": state.query.text}, shown=_shown(found))
    took = round((time.perf_counter() - began) * 1000)
    if wants_json(request):
        return broken_as_data(state.query) if state.query.broken else JsonResponse(presented.as_data(found, chosen))
    chips = session_list.chips(state)
    context = {
        "nav": "search",
        "source_menu": source_menu(states, request.user),
        "states": states,
        "unindexed": unindexed(states),
        "behind": behind(states),
        "problems": [text for text in (problem, *state.query.problems) if text],
        "found": found,
        "took": took,
        "summary": presented.summary(found),
        "groups": presented.shown(found, state, page, chosen.chosen if chosen is not None else None),
        "places": presented.places(found, state),
        "facets": _facets(visible, found, state),
        "unsaid": [one.text for one in found.unsaid],
        "chips": chips if found.hits or state.query.broken else session_list.counted(chips, visible),
        "limit": LIMIT,
        "state": state,
        "page": page,
        **_context(chosen),
        **_links(state, found, page),
        **_times(state.query),
        "box": session_list.box(state.query),
    }
    asked = state.url(str(page) if page > 1 else None)
    return page_or_list(request, TEMPLATE, context, resolve_url("search"), asked)


def _shown(found: Found) -> list[Target]:
    """Return the sessions whose texts stand on the page: that is reading them, a little."""
    return list(dict.fromkeys(target_of(group.session) for group in found.groups))


def _note_hit(request: HttpRequest, chosen: Around | None) -> None:
    """Put on record that a session, or a run of it, is read around a hit."""
    if chosen is None or chosen.session is None or chosen.problem:
        return
    run_id = (chosen.row.run_id or "") if chosen.row is not None else ""
    act = "run.opened" if run_id else "session.opened"
    note_read(request, act, on=target_of(chosen.session, run_id), details={"from": "search"})


def _context(found: Around | None) -> dict[str, Any]:
    """Return the hit that is chosen, with what stands around it; None if none is."""
    if found is None:
        return {"around": None}
    label, icon = presented.called(found.chosen)
    here = message_url(found.session, found.row, found.chosen) if found.session is not None else ""
    return {"around": found, "around_label": label, "around_icon": icon, "message_url": here}


def _facets(rows: Any, found: Found, state: SearchState) -> SafeString:
    groups = [] if state.query.broken or found.wordless else facet_groups(counts(rows, state.query), state.query)
    return drawn_facets(group for group in groups if group.name in _FACETS)


def _links(state: SearchState, found: Found, page: int) -> dict[str, Any]:
    sessions = ListState(state.query)
    return {
        "by": presented.by(state),
        "order": presented.order(state),
        "listed_url": sessions.url(),
        "earlier": state.url(str(page - 1) if page > 2 else None) if page > 1 else "",
        "later": state.url(str(page + 1)) if page < found.pages else "",
    }


def _times(query: ListQuery) -> dict[str, Any]:
    return {"since": session_list.SINCE_WORDS.items(), "chosen_since": "" if query.broken else query.since}
