"""Which sessions something is done to: those that were ticked, or all that match. Never one the user may not see."""

from collections import defaultdict
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Final

from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render, resolve_url
from django.views.decorators.http import require_POST

from agentos.access.roles import AnyUser
from agentos.catalog.keys import index_key, unquote_id
from agentos.catalog.models import CatalogSession
from agentos.catalog.queries import SessionQuerySet
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.timebox import timebox
from sessions_ui.middleware import wants_json

TEMPLATE = "sessions_ui/selection.html"
# A page lists 50; more come from nowhere but a hand-made request.
MOST_PICKED: Final = 500
# Of what was chosen, so many are offered to open, and so many named.
OPENED: Final = 10
NAMED: Final = 1_000
# Seconds that counting may take.
COUNTING: Final = 1.0


@dataclass(frozen=True)
class Selection:
    """What was chosen, whoever asks: all that match `query`, or `picks`, each a source, "/" and a quoted id."""

    query: ListQuery | None = None
    picks: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: HttpRequest) -> "Selection":
        """Read a form: `pick`s, or `all` with the query as the list's URL has it; of a URL, its query.

        A form that names nothing chose nothing: never all.
        """
        if request.method != "POST":
            return cls(ListQuery.from_url(request.GET))
        if request.POST.get("all"):
            return cls(ListQuery.from_url(request.POST))
        return cls(picks=tuple(dict.fromkeys(request.POST.getlist("pick")))[:MOST_PICKED])

    def rows(self, user: AnyUser) -> SessionQuerySet:
        """Return the chosen sessions that the user may see; others are left out as if they did not exist."""
        visible = CatalogSession.objects.visible_to(user)
        if self.query is not None:
            return visible.filtered(self.query)
        keys: dict[str, list[str]] = defaultdict(list)
        for pick in self.picks:
            source, _, qid = pick.partition("/")
            if "\0" not in source:
                keys[source].append(index_key(unquote_id(qid)))
        among = [Q(source=source, session_key__in=found) for source, found in keys.items()]
        return visible.filter(reduce(or_, among)) if among else visible.none()

    @property
    def fields(self) -> list[tuple[str, str]]:
        """The selection as fields of a form that asks further."""
        if self.query is None:
            return [("pick", pick) for pick in self.picks]
        texts = [self.query.text, *(broken.text for broken in self.query.broken)]
        return [("all", "1"), *(("q", text) for text in texts if text)]

    @property
    def problem(self) -> str:
        """A sentence about a query that cannot be read, or ""."""
        return self.query.broken[0].error.sentence if self.query is not None and self.query.broken else ""


def resolve(request: HttpRequest) -> SessionQuerySet:
    """Return the sessions the request chose, of those its user may see: the door of all that is done to several."""
    return Selection.of(request).rows(request.user)


def counted(rows: SessionQuerySet) -> int | None:
    """Return how many rows there are, None when that is not known within a second."""
    with timebox(COUNTING) as box:
        number = rows.order_by().count()
    return None if box.over else number


@require_POST
def selection(request: HttpRequest) -> HttpResponse:
    """Name what was chosen: the first few sessions as links, and the ids, as text or as data."""
    rows = resolve(request)
    total = counted(rows)
    named = list(rows.order_by("-updated_at", "-id").only("source", "session_id", "title", "session_type")[:NAMED])
    if wants_json(request):
        found = [{"source": row.source, "session_id": row.session_id, "url": url_of(row)} for row in named]
        return JsonResponse({"count": total, "sessions": found})
    context = {"nav": "sessions", "total": total, "named": named, "opened": named[:OPENED]}
    fragment = "#sheet" if request.headers.get("HX-Target") == "sheet-content" else ""
    return render(request, TEMPLATE + fragment, context)


def url_of(row: CatalogSession) -> str:
    """Return the address of a session's page."""
    return resolve_url("session", row.source, row.quoted_id)
