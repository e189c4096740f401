"""Acts on many sessions: choosing one, confirming the frozen list, following the job, its report."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from agentos.access.rules import NotAllowed
from agentos.jobs import runner, service
from agentos.jobs.acts import BulkAct, acts_of
from agentos.jobs.models import Job
from agentos.moderation.acting import Conflict, Refused
from agentos.redaction.bulk import preview
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import signed_in_user
from sessions_ui.presenters.jobs import JOBS, JobView, as_data, item_as_data, report, view_of
from sessions_ui.presenters.redaction import look_as_data, redaction_form
from sessions_ui.views.moderating import actor_of
from sessions_ui.views.selection import Selection, counted

NOT_FOUND: Final = "There is no such job, or it is not yours to see."
# What a job says it was asked for where nothing narrowed the list.
ALL: Final = "*"
NO_ACT: Final = "Your account reads sessions. What is done to several of them takes another role."
LIST: Final = "sessions_ui/jobs.html"
NEW: Final = "sessions_ui/job_new.html"
ONE: Final = "sessions_ui/job.html"
# Acts with a form of their own, and what that needs; acts whose list is looked into before it is confirmed.
FORMS: Final = {"redact": ("sessions_ui/job_redact.html", redaction_form)}
PREVIEWS: Final = {"redact": preview}


@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    """List the jobs the user may look at, the latest first; `?after=` a job's id: those before it."""
    runner.wake_for_page()
    user = signed_in_user(request)
    found = service.jobs_of(user).order_by("-created_at", "-id")
    last = _find(request, request.GET.get("after", ""))
    if last is not None:
        found = found.filter(created_at__lte=last.created_at).exclude(pk=last.pk)
    page = list(found[: JOBS + 1])
    older = f"?after={page[JOBS - 1].pk}" if len(page) > JOBS else ""
    views = [view_of(one, user) for one in page[:JOBS]]
    if wants_json(request):
        return JsonResponse({"jobs": [as_data(one) for one in views], "next": older or None})
    return render(request, LIST, {"nav": "jobs", "jobs": views, "older": older, "sees_all": service.sees_all(user)})


@require_POST
def job_new(request: HttpRequest) -> HttpResponse:
    """Ask what to do to the posted selection; with an `act` freeze it as a list to be confirmed, and go there.

    Options of an act are fields `with_…`: names alone would be read as filters of the list, as in its old links. An act
    that asks for more than a word has a form of its own: it is shown when only the act is named.
    """
    acts, chosen = acts_of(request.user), Selection.of(request)
    if not acts:
        raise PermissionDenied(NO_ACT)
    wanted = request.POST.get("act", "")
    context: dict[str, Any] = {"nav": "jobs", "acts": acts, "fields": chosen.fields, "asked": request.POST}
    context["options"] = {one.name: one for act in acts if act.name not in FORMS for one in act.options}.values()
    template = NEW
    if wanted in FORMS and any(act.name == wanted for act in acts):
        template, more = FORMS[wanted]
        context |= more()
    is_named = wanted and (template == NEW or "named" in request.POST)
    if is_named or chosen.problem:
        answer = partial(_refused, request, template, context)
        return _done(request, lambda: _prepared(request, chosen, acts, wanted), answer)
    context["count"] = counted(chosen.rows(request.user))
    if wants_json(request):
        return JsonResponse({"count": context["count"], "acts": [one.name for one in acts]})
    return render(request, template + _fragment(request), context)


@require_http_methods(["GET", "HEAD", "POST"])
def job(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Show a job: the list to be confirmed, how far it is, its report. POST with `act`: start, stop, resume, drop."""
    found = _find(request, str(job_id))
    if found is None:
        raise Http404(NOT_FOUND)
    view = view_of(found, request.user)
    if request.method == "POST":
        return _done(
            request,
            lambda: _steered(request, view),
            lambda sentence, status: _refused(request, ONE, _context(request, view), sentence, status),
        )
    runner.wake_for_page()
    if wants_json(request):
        page = report(found, request.user, request.GET.get("show", ""), request.GET.get("after", ""))
        items = [item_as_data(one) for one in page.items]
        look = {name: look_as_data(found) for name, found in _look(request, view).items() if name == "preview"}
        return JsonResponse({"job": as_data(view), "items": items, "next": page.next or None, **look})
    is_progress = request.headers.get("HX-Target") == "job-progress"
    return render(request, f"{ONE}#progress" if is_progress else ONE, _context(request, view) | {"live": is_progress})


def _context(request: HttpRequest, view: JobView) -> dict[str, Any]:
    page = report(view.job, request.user, request.GET.get("show", ""), request.GET.get("after", ""))
    return {"nav": "jobs", "view": view, "job": view.job, "report": page, "asked": request.POST, **_look(request, view)}


def _look(request: HttpRequest, view: JobView) -> dict[str, Any]:
    """Return what a look into a list that is not confirmed yet finds, where its act is worth one."""
    look = PREVIEWS.get(view.job.act)
    if look is None or not view.job.is_draft:
        return {}
    try:
        return {"preview": look(view.job, request.user)}
    except Refused as error:
        return {"problem": str(error)}


def _find(request: HttpRequest, key: str) -> Job | None:
    try:
        return service.jobs_of(request.user).filter(pk=UUID(key)).first()
    except ValueError:
        return None


def _prepared(request: HttpRequest, chosen: Selection, acts: list[BulkAct], wanted: str) -> HttpResponse:
    act = next((one for one in acts if one.name == wanted), None)
    if chosen.problem or act is None:
        raise Refused(chosen.problem or "Choose what to do.")
    query = chosen.query.text or ALL if chosen.query is not None else ""
    made = service.prepare(actor_of(request), chosen.rows(request.user), act, _options(request, act), query)
    if wants_json(request):
        return JsonResponse({"job": as_data(view_of(made, request.user))}, status=201)
    return redirect("job", made.pk)


def _options(request: HttpRequest, act: BulkAct) -> dict[str, str]:
    """Return what a form says of the options of an act; what is said several times is joined."""
    return {
        one.name: ("\n" if one.is_secret else ",").join(request.POST.getlist(f"with_{one.name}")) for one in act.options
    }


def _steered(request: HttpRequest, view: JobView) -> HttpResponse:
    form, actor, what = request.POST, actor_of(request), request.POST.get("act", "")
    if what == "start" and view.is_own:
        service.start(view.job, actor, form.get("reason", ""), form.get("typed", ""))
    elif what == "drop" and view.is_own:
        service.drop(view.job)
        return JsonResponse({"dropped": True}) if wants_json(request) else redirect("sessions")
    elif what in ("stop", "resume"):
        if not view.may_steer:
            raise NotAllowed("Who asked for it stops it and has it go on, or an administrator.")
        if what == "stop":
            service.cancel(view.job, actor)
        else:
            service.go_on(view.job, actor, _options(request, view.act) if view.act is not None else {})
    else:
        raise Refused("A job can be started, stopped, resumed and dropped.")
    if wants_json(request):
        view.job.refresh_from_db()
        return JsonResponse({"job": as_data(view)})
    return redirect(resolve_url("job", view.job.pk))


def _done(
    request: HttpRequest, do: Callable[[], HttpResponse], refused: Callable[[str, int], HttpResponse]
) -> HttpResponse:
    try:
        return do()
    except NotAllowed as error:
        return refused(str(error), 403)
    except Conflict as error:
        return refused(str(error), 409)
    except Refused as error:
        return refused(str(error), 422)


def _refused(request: HttpRequest, template: str, context: dict[str, Any], sentence: str, status: int) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=status)
    return render(request, template + _fragment(request), {**context, "problem": sentence}, status=status)


def _fragment(request: HttpRequest) -> str:
    return "#sheet" if request.headers.get("HX-Target") == "sheet-content" else ""
