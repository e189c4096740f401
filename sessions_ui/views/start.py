"""Beginning a session: with whom, for whom, in which source, and with which first message."""

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_http_methods

from agentos.access.rights import rights_of
from agentos.access.rules import NotAllowed, can_start, check_can_start, check_reads, scope_of
from agentos.catalog.models import CatalogSession
from agentos.changes import acts
from agentos.changes.naming import LONGEST_NAME
from agentos.changes.starting import LONGEST_USER_ID, CannotStart, Choice, choices, chosen, start
from agentos.db.sources import Source, SourceError, SourceUnavailable, all_sources
from agentos.db.writer_errors import AlreadyStored
from agentos.turns.kinds import MAX_MESSAGE
from agentos.turns.service import BadRequest, submit
from sessions_ui.context import sources_offered
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import get_session_or_404, signed_in_user
from sessions_ui.recording import record_act, target_of
from sessions_ui.views.session_actions import opened

TEMPLATE = "sessions_ui/start.html"

# Why somebody sends the first message in a session that they began for somebody else.
BEGAN = "began this session"
NO_PLACE = "There is no source of this name that holds sessions of yours, so none can be begun in it."


@dataclass(frozen=True)
class _New:
    """A session that is not there yet, as the rules look at it."""

    source: str
    user_id: str | None
    session_id: str = ""
    session_type: str = ""
    component_id: str | None = None


@require_http_methods(["GET", "HEAD", "POST"])
def new_session(request: HttpRequest) -> HttpResponse:
    """Ask with whom and for whom, and begin the session; `?component=` and `?source=` are chosen already."""
    if request.method != "POST":
        return _form(request)
    try:
        row = _started(request)
        problem = _say_first(request, row)
    except NotAllowed as error:
        return _form(request, str(error), 403)
    except CannotStart as error:
        return _form(request, str(error), 422)
    except SourceError as error:
        return _form(request, str(error), 503 if isinstance(error, SourceUnavailable) else 409)
    url = resolve_url("session", row.source, row.quoted_id)
    if wants_json(request):
        data = {"source": row.source, "session_id": row.session_id, "url": url}
        return JsonResponse(data | ({"error": problem} if problem else {}), status=201)
    return redirect(f"{url}#composer")


def _started(request: HttpRequest) -> CatalogSession:
    """Store the session of the form, once: the same form sent again gives the same session.

    Raises:
        NotAllowed, CannotStart, SourceError: it was not stored.
    """
    user, source = signed_in_user(request), _place(request)
    user_id = request.POST.get("user_id", "").strip() or None
    kind, _, component_id = request.POST.get("component", "").partition("/")
    check_can_start(user, _New(source.name, user_id, session_type=kind, component_id=component_id or None))
    choice = chosen(user, request.POST.get("component", ""))
    session_id, name = _id_of(request), " ".join(request.POST.get("name", "").split())
    if len(name) > LONGEST_NAME or len(request.POST.get("message", "")) > MAX_MESSAGE:
        raise CannotStart(f"The name has at most {LONGEST_NAME} characters, the message {MAX_MESSAGE:,}.")
    try:
        start(user, source, choice, user_id, session_id, name)
    except AlreadyStored:
        return get_session_or_404(request, source.name, session_id)
    row = get_session_or_404(request, source.name, session_id)
    record_act(request, acts.STARTED, on=target_of(row), details={"component": choice.label, "user_id": user_id})
    return row


def _place(request: HttpRequest) -> Source:
    """Return the source that the form names. One that a person of a part may not know of is not there.

    Raises:
        NotAllowed, SourceUnavailable: there is none.
    """
    name, user = request.POST.get("source", ""), signed_in_user(request)
    if not scope_of(user).everything and name not in {one.name for one in sources_offered(user)}:
        check_reads(user)
        raise NotAllowed(NO_PLACE)
    return opened(name)


def _id_of(request: HttpRequest) -> str:
    """Return the id that the form was given; a script may leave it out."""
    try:
        return str(uuid.UUID(request.POST.get("key") or uuid.uuid4().hex))
    except ValueError:
        raise CannotStart("This form is not valid any more. Open it again.") from None


def _say_first(request: HttpRequest, row: CatalogSession) -> str:
    """Send the first message if there is one; return why it was not taken: the session is there all the same."""
    message = request.POST.get("message", "")
    if not message.strip():
        return ""
    try:
        submit(
            row.source,
            row.session_id,
            message,
            user=signed_in_user(request),
            idempotency_key=f"first {row.session_id}",
            reason=BEGAN,
        )
    except BadRequest as error:
        return str(error)
    record_act(request, "turn.sent", on=target_of(row))
    return ""


def _form(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
    if wants_json(request) and problem:
        return JsonResponse({"error": problem}, status=status)
    user, bound = signed_in_user(request), rights_of(signed_in_user(request)).agno_user_id
    offered = choices(user)
    sources = [
        one for one in sources_offered(user) if any(can_start(user, new) for new in _imagined(user, one, offered))
    ]
    if wants_json(request):
        return JsonResponse(_as_data(sources, offered, bound))
    asked = request.POST if request.method == "POST" else request.GET
    context = {
        "nav": "sessions",
        "problem": problem,
        "reason": _reason(user, offered) if not sources else "",
        "sources": sources,
        "registered": [one for one in offered if one.is_registered],
        "known": [one for one in offered if not one.is_registered],
        "asked": {name: asked.get(name, "") for name in ("component", "source", "user_id", "name", "message")},
        "bound": bound,
        "key": uuid.uuid4().hex,
        "longest": {"name": LONGEST_NAME, "user_id": LONGEST_USER_ID, "message": MAX_MESSAGE},
    }
    return render(request, TEMPLATE, context, status=status)


def _imagined(user: User, source: Source, offered: list[Choice]) -> list[_New]:
    """Return sessions of the source as this user might begin them, as far as it takes to know whether any may be."""
    scope = scope_of(user)
    user_id = scope.agno_user_id or min(scope.users, default=None)
    kinds = [(one.kind, one.id) for one in offered] if scope.components else [("", "")]
    return [_New(source.name, user_id, session_type=kind, component_id=id_ or None) for kind, id_ in kinds]


def _reason(user: User, offered: list[Choice]) -> str:
    """Return why this user can begin a session nowhere."""
    places = sources_offered(user)
    for source in places:
        for new in _imagined(user, source, offered) or [_New(source.name, None)]:
            try:
                check_can_start(user, new)
            except NotAllowed as error:
                return str(error)
    try:
        check_reads(user)
    except NotAllowed as error:
        return str(error)
    return NO_PLACE if all_sources() else "No source is configured."


def _as_data(sources: list[Source], offered: list[Choice], bound: str | None) -> dict[str, Any]:
    components = [
        {"component": one.value, "type": one.kind, "id": one.id, "name": one.name, "registered": one.is_registered}
        for one in offered
    ]
    return {"sources": [one.name for one in sources], "components": components, "user_id": bound}
