"""Decisions on paused runs: what a session waits for, and deciding on one run of it."""

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from agentos.access.rules import NotAllowed, check_can_continue
from agentos.catalog.keys import unquote_id
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.windows import find_run
from agentos.db.sources import SourceError
from agentos.masking import current, masked_value
from agentos.records.replies import BadReply, Reply
from agentos.turns.deciding import DECIDED, MetMeanwhile, decide, waiting_of
from agentos.turns.errors import BadRequest, TooMany
from agentos.turns.kinds import Kind
from agentos.turns.models import Turn
from agentos.turns.waiting import Waiting
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import get_session_or_404, signed_in_user
from sessions_ui.presenters.decision_forms import as_data, given_again, replies_of
from sessions_ui.presenters.decisions import Card, Decisions
from sessions_ui.recording import record_act, target_of
from sessions_ui.streaming.live import LiveTurn
from sessions_ui.views.turns import as_data as turn_data
from sessions_ui.views.turns import session_url

DECISIONS = "sessions_ui/decisions.html"
NOT_JSON = "The body has to be an object in JSON, with a key and a list of answers."


@require_safe
def waiting(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Show what the session waits for: as a page, as data, or to a page that shows what was so at `?seen=`.

    Such a page is told nothing while nothing has changed, so that what is being filled in there stays.
    """
    row = get_session_or_404(request, source, qid)
    decisions = Decisions(request, row)
    if wants_json(request):
        return JsonResponse({"waiting": [masked_value(as_data(card), current()) for card in decisions.cards]})
    if request.headers.get("HX-Request") != "true":
        return render(request, DECISIONS, {"decisions": decisions, "row": row})
    if request.GET.get("seen") == decisions.mark:
        return HttpResponse(status=204)
    active = Turn.objects.of_session(row.source, row.session_id).active().filter(kind=Kind.DECISION)
    live = [LiveTurn.at(turn, turn.last_seq) for turn in active]
    return render(request, f"{DECISIONS}#changed", {"decisions": decisions, "live_turns": live})


@require_POST
def decision(request: HttpRequest, source: str, qid: str, qrun_id: str) -> HttpResponse:
    """Decide on all that a paused run waits for; it goes on by a turn. A form, or JSON: {"key", "answers"}."""
    row = get_session_or_404(request, source, qid)
    run = find_run(row, unquote_id(qrun_id))
    if run is None:
        raise Http404("There is no such run.")
    try:
        check_can_continue(request.user, row)
        asked = waiting_of(row, run.run_id or "")
        if asked is None:
            raise MetMeanwhile("The run is not in this session any more.")
        key, reason, given = _given(request, asked)
        turn = decide(row, asked, given, user=signed_in_user(request), idempotency_key=key, reason=reason)
    except NotAllowed as error:
        return _refused(request, row, run, str(error), 403)
    except MetMeanwhile as error:
        return _refused(request, row, run, str(error), 409)
    except TooMany as error:
        return _refused(request, row, run, str(error), 429)
    except BadRequest as error:
        return _refused(request, row, run, str(error), 422)
    except SourceError as error:
        return _refused(request, row, run, str(error), 503)
    record_act(request, DECIDED, on=target_of(row, turn.aimed_at), reason=turn.reason, details={"what": turn.message})
    if wants_json(request):
        return JsonResponse({"turn": turn_data(turn)}, status=201)
    if request.headers.get("HX-Request") == "true":
        live = LiveTurn.at(turn, turn.last_seq)
        return render(request, f"{DECISIONS}#sent", {"decisions": Decisions(request, row), "live": live})
    return redirect(session_url(turn) + "#composer")


def _given(request: HttpRequest, asked: Waiting) -> tuple[str, str, list[Reply]]:
    """Return the idempotency key, why one acts here, and the answers, of a form or of JSON.

    Raises:
        BadRequest: the body is neither.
    """
    if request.content_type != "application/json":
        return request.POST.get("key", ""), request.POST.get("reason", ""), replies_of(request.POST, asked)
    try:
        body: Any = json.loads(request.body)
        return str(body["key"]), str(body.get("reason", "")), [Reply.from_dict(item) for item in body["answers"]]
    except BadReply as error:
        raise BadRequest(str(error)) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadRequest(NOT_JSON) from None


def _refused(request: HttpRequest, row: CatalogSession, run: CatalogRun, sentence: str, status: int) -> HttpResponse:
    """Show the card again with what was filled in and why it was not taken; or what has become of the run."""
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=status)
    given = given_again(request.POST)
    card: Card | None = Decisions(request, row).card(run, given=given)
    if card is not None and not card.problem:
        card.problem = sentence
    context = {"card": card, "row": row, "run": run, "refused": sentence}
    if request.headers.get("HX-Request") == "true":
        response = render(request, f"{DECISIONS}#again", context, status=status)
        response.headers["HX-Retarget"] = f"#decision-{run.ordinal}"
        response.headers["HX-Reswap"] = "outerHTML"
        return response
    return render(request, DECISIONS, context, status=status)
