"""The overview: what happened, what is under way, what is odd and what takes room."""

from typing import Any, Final

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import resolve_url
from django.views.decorators.http import require_safe

from agentos.access.rules import scope_of
from agentos.catalog import overview as sums
from agentos.catalog import things
from agentos.catalog.facets import Counts, counts
from agentos.catalog.models import CatalogSession
from agentos.catalog.queries import SessionQuerySet
from agentos.catalog.things import ThingPage
from agentos.catalog.totals import of_states
from sessions_ui.context import fresh_states, source_menu
from sessions_ui.middleware import wants_json
from sessions_ui.presenters import health, lanes, session_list
from sessions_ui.presenters import overview as presented
from sessions_ui.presenters import things as listed
from sessions_ui.presenters.freshness import behind
from sessions_ui.presenters.overview import OverviewState
from sessions_ui.presenters.things import ThingState
from sessions_ui.views.lists import broken_as_data, kept_as_of, page_or_list

TEMPLATE: Final = "sessions_ui/overview.html"
# The tables at the bottom: what they list, and in which order; the fattest sessions beside.
TABLES: Final = (("component", "-runs"), ("user", "-sessions"), ("tool", "-errors"))
_ROWS: Final = 6
_FATTEST: Final = 5


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Sum up the sessions the user may see, narrowed and over the time that the URL says."""
    states, problem = fresh_states(request.user)
    state = OverviewState.of(request)
    if state.query.broken and wants_json(request):
        return broken_as_data(state.query)
    visible = CatalogSession.objects.visible_to(request.user)
    as_of = kept_as_of(request, state.query)
    narrowed = None if as_of else visible.filtered(state.query)
    clock = _clock(state, narrowed)
    found = sums.condition(narrowed)
    if wants_json(request):
        return JsonResponse(presented.clock_as_data(clock) | {"health": found.marks, "as_of": as_of})
    totals = of_states(states) if scope_of(request.user).everything else None
    counted = Counts() if state.query.broken else counts(visible, state.query, totals)
    context = {
        "nav": "overview",
        "source_menu": source_menu(states, request.user),
        "states": states,
        "behind": behind(states),
        "problems": [text for text in (problem, *state.query.problems) if text],
        "state": state,
        "as_of": as_of,
        "counted": counted,
        "chips": session_list.chips(state),
        "box": session_list.box(state.query, state.query.beside()),
        **_time(state, clock),
        **_beside(state, found, counted, visible.filtered(state.query)),
        "tables": [_table(state, narrowed, kind, sort) for kind, sort in TABLES],
    }
    return page_or_list(request, TEMPLATE, context, resolve_url("overview"), state.url())


def _clock(state: OverviewState, narrowed: SessionQuerySet | None) -> sums.Clocked:
    if narrowed is None:
        return sums.kept(state.span, state.end)
    return sums.counted(state.span, state.end, narrowed)


def _time(state: OverviewState, clock: sums.Clocked) -> dict[str, Any]:
    return {
        "title": presented.title(state),
        "step": presented.step_words(state),
        "spans": presented.spans(state),
        "to_now": state.url(until="") if state.until else "",
        "clock": clock,
        "most": things.MOST_SESSIONS,
        "lanes": lanes.lanes(clock),
        "rows": lanes.rows(clock),
        "marks": lanes.marks(clock),
        "earlier": presented.earlier(clock, state),
    }


def _beside(state: OverviewState, found: sums.Condition, counted: Counts, sessions: SessionQuerySet) -> dict[str, Any]:
    return {
        "now": presented.now(counted, state),
        "health": presented.odd(found, state),
        "condition": found,
        "storage": health.storage(found),
        "fattest": sessions.page("-size", None, _FATTEST).rows,
        "fattest_url": presented.listed(state, "-size"),
        "listed_url": presented.listed(state),
        "listed_words": presented.listed_words(counted),
    }


def _table(state: OverviewState, narrowed: SessionQuerySet | None, kind: str, sort: str) -> dict[str, Any]:
    of = ThingState(state.query, sort, kind=kind)
    page: ThingPage
    if narrowed is None:
        page = things.kept(kind, sort, limit=_ROWS)
    else:
        page = things.counted(kind, narrowed, sort, limit=_ROWS)
    return {
        "kind": listed.KINDS[kind],
        "name": kind,
        "page": page,
        "rows": listed.rows(page, of),
        "url": f"{resolve_url(listed.KINDS[kind].page)}{of.url()}",
    }
