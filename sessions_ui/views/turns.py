"""Turns: sending a message, following its answer, stopping it."""

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotFound, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_POST, require_safe

from agentos.access.rules import (
    NotAllowed,
    can_continue,
    check_can_choose_answerer,
    check_can_continue,
    check_can_speak,
)
from agentos.catalog.keys import quote_id
from agentos.catalog.models import CatalogSession
from agentos.catalog.windows import find_run
from agentos.db.sources import SourceUnavailable
from agentos.masking import current
from agentos.moderation.acting import Refused
from agentos.moderation.remarks import note
from agentos.turns.acts import SPOKEN
from agentos.turns.attachments import media_of
from agentos.turns.choosing import check_choice
from agentos.turns.conduct import acting_as
from agentos.turns.errors import ReasonMissing, TooMany
from agentos.turns.kinds import Kind, kind_of
from agentos.turns.models import Turn
from agentos.turns.service import BadRequest, KeyReused, request_cancel, retry, submit, sweep_orphans
from sessions_ui.attachments import too_much
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import get_session_or_404, get_turn_or_404, signed_in_user
from sessions_ui.presenters.decisions import Decisions
from sessions_ui.recording import record_act, target_of
from sessions_ui.streaming import sse
from sessions_ui.streaming.context import candidates_for, composer_context
from sessions_ui.streaming.live import LiveTurn
from sessions_ui.streaming.stream import turn_stream
from sessions_ui.views.moderating import actor_of
from sessions_ui.views.reasons import ask_reason

COMPOSER = "sessions_ui/composer.html"
TURN = "sessions_ui/turn.html"


@csrf_exempt  # until the form was measured: the token is in it, and all of it is read for that
@require_POST
def turn_create(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Continue a session: store the message as a turn and show it at once, while it is answered elsewhere.

    The session is the URL's; nothing in the form can name another, or another user.
    """
    row = get_session_or_404(request, source, qid)
    if sentence := too_much(request):
        return _refused(request, row, "", sentence, 413)
    return _turn_create(request, row)


@csrf_protect
def _turn_create(request: HttpRequest, row: CatalogSession) -> HttpResponse:
    """Do what the form says by `as`: ask the agent (user), answer in its place (operator), or keep a note (note)."""
    message, mode = request.POST.get("message", ""), request.POST.get("as", "user")
    try:
        if mode == "note":
            return _noted(request, row, message)
        turn = _spoken(request, row, message) if mode == "operator" else _asked(request, row, message)
    except NotAllowed as error:
        return _refused(request, row, message, str(error), 403)
    except KeyReused as error:
        return _refused(request, row, message, str(error), 409)
    except TooMany as error:
        return _refused(request, row, message, str(error), 429)
    except (BadRequest, Refused) as error:
        return _refused(request, row, message, str(error), 422)
    act = SPOKEN.name if turn.kind == Kind.OPERATOR else "turn.sent"
    record_act(request, act, on=target_of(row, turn.aimed_at), reason=turn.reason)
    if wants_json(request):
        return JsonResponse({"turn": as_data(turn)}, status=201)
    if request.headers.get("HX-Request") == "true":
        context = composer_context(request, row) | {"live": LiveTurn.at(turn, turn.last_seq), "fresh": True}
        return render(request, f"{COMPOSER}#sent", context)
    return redirect(session_url(turn) + "#composer")


def _asked(request: HttpRequest, row: CatalogSession, message: str) -> Turn:
    chosen = request.POST.get("answerer", "")
    check_can_continue(request.user, row)
    if chosen:
        check_can_choose_answerer(request.user)
        check_choice(chosen, candidates_for(row))
    media = media_of(request.FILES.getlist("files"))
    return _submitted(request, row, message, answerer=chosen, attachments=media)


def _spoken(request: HttpRequest, row: CatalogSession, message: str) -> Turn:
    check_can_speak(request.user, row)
    media = media_of(request.FILES.getlist("files"))
    return _submitted(request, row, message, kind=Kind.OPERATOR, attachments=media)


def _submitted(request: HttpRequest, row: CatalogSession, message: str, **options: Any) -> Turn:
    return submit(
        row.source,
        row.session_id,
        message,
        user=signed_in_user(request),
        idempotency_key=request.POST.get("key", ""),
        reason=request.POST.get("reason", ""),
        **options,
    )


def _noted(request: HttpRequest, row: CatalogSession, text: str) -> HttpResponse:
    """Keep a note for colleagues, which no agent and no user of the session sees."""
    made = note(row, actor_of(request), text)
    if wants_json(request):
        return JsonResponse({"note": {"id": made.pk, "text": made.text, "by": made.actor}}, status=201)
    if request.headers.get("HX-Request") == "true":
        return render(request, f"{COMPOSER}#noted", composer_context(request, row) | {"note": made, "fresh": True})
    return redirect(resolve_url("session", row.source, row.quoted_id) + "#composer")


@require_safe
def turn(request: HttpRequest, turn_id: UUID) -> HttpResponse:
    """Show a turn as it is now: as a page, as the fragment that takes the place of the live one, or as data."""
    sweep_orphans()
    found = get_turn_or_404(request, turn_id)
    if wants_json(request):
        return JsonResponse({"turn": as_data(found), "answer": LiveTurn.at(found, found.last_seq).text})
    row = _row_of(found)
    context: dict[str, Any] = {
        "live": LiveTurn.at(found, found.last_seq),
        "run": find_run(row, found.run_id) if found.run_id else None,
        "may_send": can_continue(request.user, row),
        "acting": acting_as(signed_in_user(request), row),
        "session_url": session_url(found),
    }
    if request.headers.get("HX-Request") == "true":
        context["decisions"] = Decisions(request, row)
        return render(request, f"{COMPOSER}#live" if found.is_active else f"{TURN}#ended", context)
    return render(request, TURN, context)


@require_GET
def turn_events(request: HttpRequest, turn_id: UUID) -> HttpResponseBase:
    """Stream a turn to one browser from any point on: from `Last-Event-ID`, else from `?after=`.

    What is looked up for it is looked up in a page's thread (docs/adr/0015-a-page-in-one-thread.md).
    """
    try:
        found = get_turn_or_404(request, turn_id)
    except (Http404, PermissionDenied) as error:
        # Raised further, Django's own handler would render its page in a thread of no request, and leave a connection
        # open there.
        return HttpResponseNotFound(str(error), content_type="text/plain; charset=utf-8")
    after = sse.cursor(request.headers.get("Last-Event-ID"), request.GET.get("after"))
    return StreamingHttpResponse(
        turn_stream(request, found, after),
        content_type="text/event-stream; charset=utf-8",
        headers={"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"},
    )


@require_POST
def turn_retry(request: HttpRequest, turn_id: UUID) -> HttpResponse:
    """Send the message of a turn that was not answered once more, in the name of whoever asks.

    With `go_on` in the form the model goes on with what has arrived.
    """
    found = get_turn_or_404(request, turn_id)
    row = _row_of(found)
    sent = {"go_on": "1"} if request.POST.get("go_on") else {}
    try:
        kind_of(found).check_may(request.user, row)
        again = retry(found, signed_in_user(request), request.POST.get("reason", ""), go_on=bool(sent))
    except NotAllowed as error:
        return _sentence(request, str(error), 403)
    except TooMany as error:
        return _sentence(request, str(error), 429)
    except ReasonMissing as error:
        return ask_reason(request, row, str(error), "Go on" if sent else "Send again", sent)
    except BadRequest as error:
        return _sentence(request, str(error), 422)
    except SourceUnavailable as error:
        return _sentence(request, str(error), 503)
    if again != found:
        record_act(request, "turn.retried", on=target_of(row, again.aimed_at), reason=again.reason)
    if wants_json(request):
        return JsonResponse({"turn": as_data(again)}, status=201)
    if request.headers.get("HX-Request") == "true":
        return render(request, f"{COMPOSER}#live", {"live": LiveTurn.at(again, again.last_seq)})
    return redirect(session_url(again) + "#composer")


@require_POST
def turn_cancel(request: HttpRequest, turn_id: UUID) -> HttpResponse:
    """Stop a turn; what has arrived is kept. Whoever may continue the session may stop what is said in it."""
    found = get_turn_or_404(request, turn_id)
    try:
        check_can_continue(request.user, _row_of(found))
    except NotAllowed as error:
        return _sentence(request, str(error), 403)
    request_cancel(found)
    found.refresh_from_db()
    record_act(request, "turn.cancelled", on=target_of(_row_of(found), found.aimed_at))
    if wants_json(request):
        return JsonResponse({"turn": as_data(found)})
    if request.headers.get("HX-Request") == "true":
        # The stream tells how it ends; there is nothing to swap.
        return HttpResponse(status=204)
    return redirect(session_url(found) + "#composer")


def _row_of(found: Turn) -> CatalogSession:
    row = CatalogSession.objects.one(found.source, found.session_id)
    if row is None:
        raise Http404
    return row


def session_url(found: Turn) -> str:
    """Return the address of the turn's session."""
    return resolve_url("session", found.source, quote_id(found.session_id))


def as_data(found: Turn) -> dict[str, Any]:
    """Return a turn as JSON."""
    return {
        "id": str(found.pk),
        "source": found.source,
        "session_id": found.session_id,
        "status": found.status,
        "actor": found.actor,
        "answerer": found.answerer or None,
        "answering": found.answering or None,
        "acting_for": found.acting_for or None,
        "reason": found.reason or None,
        "kind": found.kind,
        "message": current().masked(found.message),
        "run_id": found.run_id or None,
        "problem": found.problem or None,
        "retry_of": str(found.retry_of_id) if found.retry_of_id else None,
        "model": found.model or None,
        "created_at": found.created_at.isoformat(),
        "finished_at": found.finished_at.isoformat() if found.finished_at else None,
        "url": resolve_url("turn", found.pk),
        "events": resolve_url("turn_events", found.pk),
    }


def _refused(request: HttpRequest, row: CatalogSession, draft: str, sentence: str, status: int) -> HttpResponse:
    """Show the form again with what was typed and why it was not taken."""
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=status)
    chosen = request.POST.get("answerer", "")
    context = composer_context(request, row, draft=draft, problem=sentence, chosen=chosen)
    if request.headers.get("HX-Request") == "true":
        response = render(request, f"{COMPOSER}#composer", context, status=status)
        response.headers["HX-Retarget"] = "#composer"
        response.headers["HX-Reswap"] = "outerHTML"
        return response
    return render(request, TURN, context | {"refused": sentence, "session_url": _url_of(row)}, status=status)


def _sentence(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=status)
    return render(request, TURN, {"refused": sentence}, status=status)


def _url_of(row: CatalogSession) -> str:
    return resolve_url("session", row.source, row.quoted_id)
