"""What people do with a list stands around it: its views, what is new, what is selected, the preview, the export."""

from typing import Any

from django.http import Http404, HttpRequest

from agentos.catalog.models import CatalogSession
from agentos.catalog.paging import DEFAULT_SORT, Page
from sessions_ui.permissions import OnHold, get_session_or_404, signed_in_user
from sessions_ui.presenters.arrivals import mark_of
from sessions_ui.presenters.list_state import ListState
from sessions_ui.presenters.preview import Preview, preview_of
from sessions_ui.presenters.saved_views import listing_of, parameters, view_links

# Views beside the built-in ones; the rest is on the page of views.
_SHOWN_VIEWS = 8


def in_hand(request: HttpRequest, page: Page, state: ListState) -> dict[str, Any]:
    """Return the context of the list's controls. Beside a preview that the URL asks for, at most two statements."""
    shown = listing_of(request.GET, state.query)
    views = view_links(signed_in_user(request), shown)
    url = request.GET.copy()
    for name in ("after", "preview", "format"):
        url.pop(name, None)
    visible = CatalogSession.objects.visible_to(request.user)
    newest_first = state.sort == DEFAULT_SORT and not request.GET.get("after")
    return {
        "saved": views[:_SHOWN_VIEWS],
        "more_views": len(views) > _SHOWN_VIEWS,
        "asked": url.urlencode(),
        "bulk_query": [value for name, value in parameters(shown) if name == "q"],
        "mark": mark_of(page.rows, visible, newest_first=newest_first),
        "preview": _preview(request),
    }


def _preview(request: HttpRequest) -> Preview | None:
    """Return the preview that `?preview=<source>/<qid>` asks for; None without one the user may read."""
    source, _, qid = request.GET.get("preview", "").partition("/")
    try:
        return preview_of(get_session_or_404(request, source, qid)) if qid else None
    except (Http404, OnHold):
        return None
