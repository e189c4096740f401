"""The review queue, and a case: its session in the middle, the decision beside it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from agentos.access.rules import NotAllowed
from agentos.catalog.models import CatalogSession
from agentos.db.sources import SourceUnavailable
from agentos.moderation import cases, queue
from agentos.moderation.acting import Conflict, Refused
from agentos.moderation.deciding import decide
from agentos.moderation.openings import open_held
from agentos.moderation.queue import Entry
from agentos.moderation.rules import can_moderate, check_can_moderate
from agentos.moderation.states import State
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import may_read, signed_in_user
from sessions_ui.presenters import review as presented
from sessions_ui.presenters.moderating import over_session
from sessions_ui.presenters.session_page import session_page
from sessions_ui.presenters.session_place import VIEWS, Asked
from sessions_ui.views.moderating import actor_of
from sessions_ui.views.session import fetch

TEMPLATE: Final = "sessions_ui/review.html"
NOT_FOUND: Final = "There is no such case, or it is not yours to see."
MOST_HOURS: Final = 24 * 364


def check_moderator(request: HttpRequest) -> None:
    """Raise PermissionDenied, with the sentence, for who is no moderator."""
    try:
        check_can_moderate(request.user)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None


@require_safe
def queue_page(request: HttpRequest) -> HttpResponse:
    """List the cases of one part of the queue, `?show=`, from the case `?after=` on."""
    check_moderator(request)
    show, page = _listed(request)
    if wants_json(request):
        found = [presented.entry_data(entry) for entry in page.entries]
        return JsonResponse({"show": show, "counts": queue.counts(request.user), "cases": found, "next": page.next})
    return render(request, TEMPLATE, _queue_context(request, show, page))


@require_POST
def claim_next(request: HttpRequest) -> HttpResponse:
    """Claim the most urgent case that nobody has, and go to it."""
    check_moderator(request)
    for _ in range(3):  # somebody else may be as quick
        case = queue.next_to_claim(request.user)
        if case is None:
            break
        try:
            cases.claim(case, actor_of(request), case.version)
        except Conflict:
            continue
        return JsonResponse({"case": case.pk}) if wants_json(request) else redirect("case", case.pk)
    sentence = "There is nothing to claim: every case has somebody."
    if wants_json(request):
        return JsonResponse({"case": None, "sentence": sentence})
    messages.info(request, sentence)
    return redirect("review")


@require_http_methods(["GET", "HEAD", "POST"])
def case_page(request: HttpRequest, case_id: int) -> HttpResponse:
    """Show a case between the queue and the decision; do by POST what `act` says, if `version` is what it now is."""
    entry = queue.one(request.user, case_id) if can_moderate(request.user) and case_id < 2**63 else None
    if entry is None:
        raise Http404(NOT_FOUND)
    if request.method == "POST":
        return _act(request, entry)
    return _shown(request, entry)


def _shown(request: HttpRequest, entry: Entry, problem: str = "", status: int = 200) -> HttpResponse:
    view = presented.case_view(request.user, entry)
    if wants_json(request):
        data = presented.case_data(view)
        return JsonResponse(data | ({"error": problem} if problem else {}), status=status)
    context: dict[str, Any] = {"view": view, "problem": problem, "row": entry.row, "views": VIEWS, "in_case": True}
    if entry.row is not None:
        context |= _read(request, entry, entry.row)
    if request.headers.get("HX-Target") == "view" and context.get("page") is not None:
        return render(request, "sessions_ui/session.html#view", context | {"part": "view"})
    show, page = _listed(request)
    context |= _queue_context(request, show, page)
    context |= {"people": queue.moderators(), "due_hours": presented.DUE_HOURS, "posted": request.POST}
    return render(request, TEMPLATE, context, status=status)


def _read(request: HttpRequest, entry: Entry, row: CatalogSession) -> dict[str, Any]:
    """Return the session as the case shows it. Who has the case opens what is on hold for it, which is on record."""
    case = entry.case
    is_mine = case.state != State.RESOLVED and case.assignee_id == request.user.pk
    if not may_read(request.user, row):
        if not is_mine:
            return {"over": over_session(request.user, row), "closed": True}
        open_held(row, actor_of(request), case)
    try:
        row, stored, reader = fetch(row)
        page = session_page(row, stored, reader, Asked.of(request.GET), "view")
    except SourceUnavailable as error:
        return {"over": over_session(request.user, row), "unreadable": str(error)}
    except Http404:
        return {"row": None}
    return {"over": over_session(request.user, row), "row": row, "page": page}


def _act(request: HttpRequest, entry: Entry) -> HttpResponse:
    try:
        sentence = _ACTS[request.POST.get("act", "")](request, entry)
    except KeyError:
        return _refused(request, entry, "A case can be claimed, assigned, given back, escalated, resolved …", 422)
    except NotAllowed as error:
        return _refused(request, entry, str(error), 403)
    except Conflict as error:
        return _refused(request, entry, str(error), 409)
    except Refused as error:
        return _refused(request, entry, str(error), 422)
    if wants_json(request):
        now = queue.one(request.user, entry.case.pk)
        return JsonResponse({"done": sentence} | (presented.entry_data(now) if now else {}))
    messages.success(request, sentence)
    return redirect("case", entry.case.pk)


def _refused(request: HttpRequest, entry: Entry, sentence: str, status: int) -> HttpResponse:
    """Show the case as it now is, with why it was not done and what was typed."""
    return _shown(request, queue.one(request.user, entry.case.pk) or entry, sentence, status)


def _seen(request: HttpRequest) -> int | None:
    text = request.POST.get("version", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _claim(request: HttpRequest, entry: Entry) -> str:
    cases.claim(entry.case, actor_of(request), _seen(request))
    return "The case is yours."


def _assign(request: HttpRequest, entry: Entry) -> str:
    to = User.objects.filter(username=request.POST.get("to", ""), is_active=True).first()
    if to is None:
        raise Refused("Choose to whom the case is given.")
    cases.assign(entry.case, actor_of(request), to, _seen(request))
    return f"The case is {to.get_username()}'s."


def _give_back(request: HttpRequest, entry: Entry) -> str:
    cases.give_back(entry.case, actor_of(request), _seen(request))
    return "The case is among the open ones again."


def _escalate(request: HttpRequest, entry: Entry) -> str:
    cases.escalate(entry.case, actor_of(request), request.POST.get("reason", ""), _seen(request))
    return "The case is escalated."


def _resolve(request: HttpRequest, entry: Entry) -> str:
    form = request.POST
    decide(entry.case, entry.row, actor_of(request), form.get("outcome", ""), form.get("reason", ""), _seen(request))
    return "The case is resolved."


def _reopen(request: HttpRequest, entry: Entry) -> str:
    cases.reopen(entry.case, actor_of(request), _seen(request))
    return "The case is open again."


def _due(request: HttpRequest, entry: Entry) -> str:
    text = request.POST.get("hours", "")
    hours = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
    if not 0 < hours <= MOST_HOURS:
        raise Refused("Choose when the case is due.")
    cases.set_due(entry.case, actor_of(request), timezone.now() + timedelta(hours=hours))
    return "The due time is moved."


_ACTS: Final[dict[str, Callable[[HttpRequest, Entry], str]]] = {
    "claim": _claim, "assign": _assign, "give_back": _give_back, "escalate": _escalate, "resolve": _resolve,
    "reopen": _reopen, "due": _due,
}  # fmt: skip


def _listed(request: HttpRequest) -> tuple[str, queue.Page]:
    show = request.GET.get("show", "")
    show = show if show in queue.SHOWS else "open"
    after = request.GET.get("behind", "")
    start = int(after) if after.isascii() and after.isdecimal() and len(after) < 19 else None
    return show, queue.page(request.user, show, start)


def _queue_context(request: HttpRequest, show: str, page: queue.Page) -> dict[str, Any]:
    user = signed_in_user(request)
    tabs = presented.tabs(user, show)
    late = next(tab.count for tab in tabs if tab.name == "due")
    return {"nav": "review", "show": show, "tabs": tabs, "late": late, "queue": page}
