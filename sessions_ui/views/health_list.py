"""What is odd about the data of sessions, as a list."""

from typing import Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import resolve_url
from django.views.decorators.http import require_safe

from agentos.catalog.models import CatalogSession
from agentos.catalog.overview import condition
from agentos.catalog.things import MOST_SESSIONS
from sessions_ui.context import fresh_states, source_menu
from sessions_ui.middleware import wants_json
from sessions_ui.presenters import health as presented
from sessions_ui.presenters import session_list
from sessions_ui.presenters.freshness import behind
from sessions_ui.presenters.list_state import ListState
from sessions_ui.views.lists import broken_as_data, kept_as_of, page_or_list

TEMPLATE: Final = "sessions_ui/health.html"


@require_safe
def health_list(request: HttpRequest) -> HttpResponse:
    """List what is odd about the sessions the user may see, narrowed as the URL says."""
    states, problem = fresh_states(request.user)
    query = ListState.of(request).query
    if query.broken and wants_json(request):
        return broken_as_data(query)
    state = ListState(query)
    as_of = kept_as_of(request, query)
    found = condition(None if as_of else CatalogSession.objects.visible_to(request.user).filtered(query))
    if wants_json(request):
        return JsonResponse(
            {
                "marks": presented.as_data(found, query),
                "sessions": found.sessions,
                "stored_bytes": found.stored,
                "media_bytes": found.media,
                "history_bytes": found.copies,
                "as_of": as_of,
            }
        )
    context = {
        "nav": "health",
        "source_menu": source_menu(states, request.user),
        "states": states,
        "behind": behind(states),
        "problems": [text for text in (problem, *query.problems) if text],
        "state": state,
        "chips": session_list.chips(state),
        "box": session_list.box(query, query.beside()),
        "found": found,
        "marks": presented.listed(found, query),
        "storage": presented.storage(found),
        "as_of": as_of,
        "is_capped": as_of is None and found.sessions >= MOST_SESSIONS,
        "most": MOST_SESSIONS,
    }
    return page_or_list(request, TEMPLATE, context, resolve_url("health_list"), state.url())
