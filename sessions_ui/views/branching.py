"""Another way from a run on: the answer made anew, or the message edited and sent in a fork."""

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_http_methods, require_POST

from agentos.access.rules import NotAllowed, check_can_continue, check_can_fork
from agentos.catalog.keys import quote_id
from agentos.catalog.models import CatalogSession
from agentos.changes import acts, branching
from agentos.db.source import Source
from agentos.db.sources import SourceError, SourceUnavailable
from agentos.db.writer_errors import AlreadyStored, RunNotFound
from agentos.masking import current
from agentos.records import Run, readable
from agentos.turns.conduct import acting_as
from agentos.turns.errors import BadRequest, ReasonMissing
from agentos.turns.kinds import MAX_MESSAGE
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import get_session_or_404, signed_in_user
from sessions_ui.recording import record_act, target_of
from sessions_ui.views.reasons import ask_reason
from sessions_ui.views.session_actions import opened, refused
from sessions_ui.views.turns import as_data

TEMPLATE = "sessions_ui/branch.html"


@require_POST
def regenerate(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Have the run of the form made anew, and show how it is."""
    row = get_session_or_404(request, source, qid)
    run_id, key = request.POST.get("run", ""), request.POST.get("key") or uuid.uuid4().hex
    try:
        check_can_continue(request.user, row)
        user, reason = signed_in_user(request), request.POST.get("reason", "")
        turn = branching.regenerate(opened(row.source), row.session_id, run_id, user=user, key=key[:64], reason=reason)
    except NotAllowed as error:
        return refused(request, row, str(error), 403)
    except ReasonMissing as error:
        return ask_reason(request, row, str(error), "Regenerate", {"run": run_id, "key": key})
    except BadRequest as error:
        return refused(request, row, str(error), 422)
    except SourceError as error:
        return refused(request, row, str(error), 503)
    record_act(request, acts.REGENERATED, on=target_of(row, run_id), reason=turn.reason)
    if wants_json(request):
        return JsonResponse({"turn": as_data(turn)}, status=201)
    return redirect(f"{resolve_url('session', row.source, row.quoted_id)}#composer")


@require_http_methods(["GET", "HEAD", "POST"])
def branch(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Show the message of a run (`?run=`) to edit; send it in a fork of the session that ends before the run."""
    row = get_session_or_404(request, source, qid)
    run_id = request.POST.get("run", "") or request.GET.get("run", "")
    try:
        check_can_fork(request.user, row)
        found = branching.find(opened(row.source), row.session_id, run_id)
        if found is None:
            raise RunNotFound(run_id)
        if request.method != "POST":
            shown = found.input_text or ""
            return _form(request, row, found, shown if row.shows_secrets else current().masked(shown))
        return _branched(request, row, opened(row.source), found)
    except NotAllowed as error:
        return refused(request, row, str(error), 403)
    except RunNotFound as error:
        if request.method == "POST":
            return refused(request, row, str(error), 422)
        messages.error(request, str(error))
        return redirect("session", row.source, row.quoted_id)
    except SourceError as error:
        return refused(request, row, str(error), 503 if isinstance(error, SourceUnavailable) else 409)


def _branched(request: HttpRequest, row: CatalogSession, source: Source, run: Run) -> HttpResponse:
    message, new_id, reason = request.POST.get("message", ""), _id_of(request), request.POST.get("reason", "")
    url = resolve_url("session", row.source, quote_id(new_id))
    try:
        made = branching.branch(
            source, row.session_id, run, message, user=signed_in_user(request), new_id=new_id, reason=reason
        )
    except AlreadyStored:  # the same form once more
        return redirect(f"{url}#composer")
    except BadRequest as error:
        return _form(request, row, run, message, str(error))
    details = {"session_id": new_id, "runs": made.fork.run_count}
    record_act(request, acts.FORKED, on=target_of(row, run.run_id or ""), details=details, reason=made.turn.reason)
    if wants_json(request):
        return JsonResponse({"session_id": new_id, "url": url, "turn": as_data(made.turn)}, status=201)
    return redirect(f"{url}#composer")


def _id_of(request: HttpRequest) -> str:
    try:
        return str(uuid.UUID(request.POST.get("key", "")))
    except ValueError:
        return str(uuid.uuid4())


def _form(request: HttpRequest, row: CatalogSession, run: Run, message: str, problem: str = "") -> HttpResponse:
    status = 422 if problem else 200
    if wants_json(request):
        return JsonResponse({"message": message} | ({"error": problem} if problem else {}), status=status)
    context = {
        "nav": "sessions",
        "row": row,
        "run_id": run.run_id,
        "message": readable(message).replace("\0", ""),
        "problem": problem,
        "attached": len(run.input_media),
        "acting": acting_as(signed_in_user(request), row),
        "key": uuid.uuid4().hex,
        "longest": MAX_MESSAGE,
    }
    return render(request, TEMPLATE, context, status=status)
