"""Two sessions or two runs side by side, and the choice of what to compare."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from agentos.catalog.keys import unquote_id
from agentos.catalog.models import CatalogSession
from agentos.db.sources import SourceUnavailable
from agentos.records import strip_for_postgres
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import get_session_or_404
from sessions_ui.presenters.compare_choice import choice
from sessions_ui.presenters.compare_data import comparison_data
from sessions_ui.presenters.compare_page import comparison
from sessions_ui.presenters.compare_sides import Address, Side
from sessions_ui.presenters.fetched_run import fetch_run
from sessions_ui.views.selection import resolve
from sessions_ui.views.session import fetch

TEMPLATE = "sessions_ui/compare.html"
NOTHING = "“{}” names no session. Take the address of a session's or a run's page."
NOT_ALIKE = "A session is compared with a session, a run with a run."
THE_SAME = "A and B are the same {}. Choose another."
TWO = "Two sessions are compared: select exactly two of those you may see."


@require_http_methods(["GET", "HEAD", "POST"])
def compare(request: HttpRequest) -> HttpResponse:
    """Compare `a` with `b`; let choose what is missing. A selection that is posted leads to the page of both."""
    if request.method == "POST":
        return _selected(request)
    texts = [request.GET.get(name, "").strip() for name in ("a", "b")]
    addresses = [Address.read(text) for text in texts]
    sessions = [_session(request, address) for address in addresses]
    problem = _problem(texts, addresses)
    if problem or addresses[0] is None or addresses[1] is None or sessions[0] is None or sessions[1] is None:
        return _choose(request, addresses, sessions, problem)
    try:
        a, b = _side("A", addresses[0], sessions[0]), _side("B", addresses[1], sessions[1])
        page = comparison(a, b, request.GET)
        if wants_json(request):
            return JsonResponse(strip_for_postgres(comparison_data(page)))
        return render(request, TEMPLATE, {"nav": "compare", "page": page, "addresses": addresses})
    except SourceUnavailable as error:
        return _unavailable(request, str(error))


def _session(request: HttpRequest, address: Address | None) -> CatalogSession | None:
    """Return the session of an address, if the user sees it; a run is asked for later."""
    return None if address is None else get_session_or_404(request, address.source, address.qid)


def _problem(texts: list[str], addresses: list[Address | None]) -> str:
    """Say why these two cannot be compared, "" if they can or one is not chosen yet."""
    for text, address in zip(texts, addresses, strict=True):
        if text and address is None:
            return NOTHING.format(text[:80])
    a, b = addresses
    if a is None or b is None:
        return ""
    if a.is_run != b.is_run:
        return NOT_ALIKE
    return THE_SAME.format("run" if a.is_run else "session") if a == b else ""


def _side(letter: str, address: Address, session: CatalogSession) -> Side:
    if address.is_run:
        fetched = fetch_run(session, unquote_id(address.qrun_id))
        return Side(letter, address, fetched.session, fetched.reader, fetched=fetched)
    row, stored, reader = fetch(session)
    return Side(letter, address, row, reader, stored=stored)


def _choose(
    request: HttpRequest, addresses: list[Address | None], sessions: list[CatalogSession | None], problem: str
) -> HttpResponse:
    """Show what is chosen, and what could be compared with it."""
    visible = CatalogSession.objects.visible_to(request.user)
    find = request.GET.get("find", "").replace("\0", "")
    found = choice(visible, addresses, sessions, find)
    if wants_json(request):
        return JsonResponse({"error": problem or "Say what to compare: a and b."}, status=400)
    return render(request, TEMPLATE, {"nav": "compare", "choice": found, "problem": problem})


def _selected(request: HttpRequest) -> HttpResponse:
    """Go to the comparison of the two sessions that were selected in the list."""
    rows = list(resolve(request).order_by("updated_at", "id").only("source", "session_id")[:3])
    if len(rows) == 2:
        query = {name: str(Address.of(row)) for name, row in zip("ab", rows, strict=True)}
        return HttpResponseRedirect(f"{reverse('compare')}?{urlencode(query)}")
    found = choice(CatalogSession.objects.visible_to(request.user), [None, None], [None, None], "")
    return render(request, TEMPLATE, {"nav": "compare", "choice": found, "problem": TWO}, status=400)


def _unavailable(request: HttpRequest, sentence: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=503)
    return render(request, TEMPLATE, {"nav": "compare", "unreadable": sentence}, status=503)
