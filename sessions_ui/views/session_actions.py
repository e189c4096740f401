"""What a person does to a session: name it, have it named or summed up, copy it into one of its own."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_POST

from agentos.access.rules import NotAllowed, check_can_fork, check_can_name
from agentos.catalog.keys import quote_id
from agentos.catalog.models import CatalogSession
from agentos.changes import acts, forking, naming
from agentos.db.source import Source
from agentos.db.sources import SourceError, SourceUnavailable, get_source
from agentos.db.writer_errors import RunNotFound, SessionNotFound
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import get_session_or_404
from sessions_ui.recording import record_act, target_of

TEMPLATE = "sessions_ui/session_action.html"


@dataclass(frozen=True)
class Done:
    """What came of it: a sentence, the address to go to, and the same as data; the act that goes on record."""

    act: str
    sentence: str
    url: str
    data: dict[str, Any]
    status: int = 200
    details: dict[str, Any] = field(default_factory=dict)


@require_POST
def rename(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Give the session the name of the form."""

    def work(row: CatalogSession, opened: Source) -> Done:
        check_can_name(request.user, row)
        name = naming.rename(opened, row.session_id, request.POST.get("name", ""))
        return Done(acts.RENAMED, f"Renamed to “{name}”.", _url_of(row), {"session_name": name}, details={"name": name})

    return _answer(request, get_session_or_404(request, source, qid), work)


@require_POST
def auto_name(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Have the model find a name."""

    def work(row: CatalogSession, opened: Source) -> Done:
        check_can_name(request.user, row)
        name = naming.auto_name(opened, row.session_id)
        return Done(acts.NAMED, f"Named “{name}”.", _url_of(row), {"session_name": name}, details={"name": name})

    return _answer(request, get_session_or_404(request, source, qid), work)


@require_POST
def summarise(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Have the model sum the session up."""

    def work(row: CatalogSession, opened: Source) -> Done:
        check_can_name(request.user, row)
        summary = naming.summarise(opened, row.session_id)
        url = f"{_url_of(row)}?tab=summary#inspector"
        return Done(acts.SUMMED_UP, "Summed up.", url, {"session_summary": summary.to_dict()})

    return _answer(request, get_session_or_404(request, source, qid), work)


@require_POST
def fork(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Copy the session, up to the run that the form names if it names one, and go to the copy."""

    def work(row: CatalogSession, opened: Source) -> Done:
        check_can_fork(request.user, row)
        made = forking.fork(opened, row.session_id, request.POST.get("run") or None)
        return forked(row, made)

    return _answer(request, get_session_or_404(request, source, qid), work)


def forked(row: CatalogSession, made: forking.Fork) -> Done:
    """Return what came of forking a session."""
    runs = f"{made.run_count} run{'' if made.run_count == 1 else 's'}"
    lost = f" {made.left_out} could not be read and are not in it." if made.left_out else ""
    data = {"session_id": made.session_id, "source": row.source, "runs": made.run_count, "left_out": made.left_out}
    url = resolve_url("session", row.source, quote_id(made.session_id))
    sentence = f"Forked: this is a session of its own, with {runs}.{lost}"
    return Done(acts.FORKED, sentence, url, data | {"url": url}, status=201, details=data)


def _answer(request: HttpRequest, row: CatalogSession, work: Callable[[CatalogSession, Source], Done]) -> HttpResponse:
    """Do it, and go where it can be seen; say in a sentence why it was not done."""
    try:
        done = work(row, opened(row.source))
    except NotAllowed as error:
        return refused(request, row, str(error), 403)
    except naming.NotFound as error:
        return refused(request, row, str(error), 422)
    except (SessionNotFound, RunNotFound) as error:
        return refused(request, row, str(error), 404)
    except SourceError as error:
        return refused(request, row, str(error), 503 if isinstance(error, SourceUnavailable) else 409)
    record_act(request, done.act, on=target_of(row), details=done.details)
    if wants_json(request):
        return JsonResponse(done.data, status=done.status)
    messages.success(request, done.sentence)
    return redirect(done.url)


def opened(name: str) -> Source:
    """Return the source of this name.

    Raises:
        SourceUnavailable: it is not configured any more.
    """
    try:
        return get_source(name)
    except KeyError:
        raise SourceUnavailable(f"The source {name} is not configured any more.") from None


def refused(request: HttpRequest, row: CatalogSession, sentence: str, status: int) -> HttpResponse:
    """Say on a page, or as data, that nothing was done, and why."""
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=status)
    context = {"nav": "sessions", "row": row, "refused": sentence, "back": _url_of(row)}
    return render(request, TEMPLATE, context, status=status)


def _url_of(row: CatalogSession) -> str:
    return resolve_url("session", row.source, row.quoted_id)
