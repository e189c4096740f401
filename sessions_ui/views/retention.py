"""The rules of retention: what each does, what a new one would do now, how long what is deleted is kept."""

from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agentos.access.rules import NotAllowed
from agentos.deletion.purging import kept_for
from agentos.moderation.acting import Refused
from agentos.moderation.models import NAME_CHARACTERS, QUERY_CHARACTERS
from agentos.retention import service
from agentos.retention.models import RetentionRule
from agentos.retention.service import Draft
from sessions_ui.middleware import wants_json
from sessions_ui.views.moderating import actor_of

TEMPLATE: Final = "sessions_ui/retention.html"


@require_http_methods(["GET", "HEAD", "POST"])
def retention(request: HttpRequest) -> HttpResponse:
    """List the rules; with `?days=` show what such a rule would do now. POST keeps, switches or deletes one."""
    try:
        service.check_can_edit(request.user)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    asked = request.POST if request.method == "POST" else request.GET
    context: dict[str, Any] = {"nav": "settings", "asked": asked, "status": 200}
    try:
        if request.method == "POST":
            sentence = _act(request)
            if not wants_json(request):
                messages.success(request, sentence)
                return redirect("retention")
        elif "days" in asked:
            context["dry"] = service.dry_run(_draft(asked))
    except (Refused, NotAllowed) as error:
        context |= {"problem": str(error), "status": 422}
    return _answer(request, context)


def _draft(form: Any) -> Draft:
    days = form.get("days", "")
    number = int(days) if days.isascii() and days.isdecimal() and len(days) < 7 else 0
    return Draft(form.get("q", ""), number, form.get("does", ""), form.get("counted_from", ""))


def _act(request: HttpRequest) -> str:
    form, act, actor = request.POST, request.POST.get("act", ""), actor_of(request)
    if act == "keep":
        rule = service.keep(actor, form.get("name", ""), _draft(form))
        return f"The rule “{rule.name}” is kept. It does nothing until it is switched on."
    number = form.get("rule", "")
    key = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else 0
    found = RetentionRule.objects.filter(pk=key).first()
    if found is None:
        raise Http404("There is no such rule.")
    if act in ("on", "off"):
        service.switch(found, actor, on=act == "on")
        return f"The rule “{found.name}” is {act}."
    if act == "delete":
        service.drop(found, actor)
        return "The rule is deleted. What it did stays done."
    raise Refused("A rule can be kept, switched on and off, and deleted.")


def _answer(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    rules, dry = list(RetentionRule.objects.all()), context.get("dry")
    kept = kept_for()
    if wants_json(request):
        data: dict[str, Any] = {"rules": [_as_data(one) for one in rules], "deleted_days": kept.days if kept else None}
        if dry is not None:
            sessions = [{"source": row.source, "session_id": row.session_id} for row in dry.rows]
            data["would_go"] = {"query": dry.query, "count": dry.count, "sessions": sessions}
        if "problem" in context:
            data["error"] = context["problem"]
        return JsonResponse(data, status=context["status"])
    context |= {
        "rules": rules, "deleted_days": kept.days if kept else 0, "acts": RetentionRule.Act.choices,
        "counts": RetentionRule.CountedFrom.choices, "name_characters": NAME_CHARACTERS,
        "query_characters": QUERY_CHARACTERS,
    }  # fmt: skip
    return render(request, TEMPLATE, context, status=context["status"])


def _as_data(rule: RetentionRule) -> dict[str, Any]:
    return {
        "id": rule.pk, "name": rule.name, "query": rule.query, "days": rule.days, "counted_from": rule.counted_from,
        "act": rule.act, "on": rule.is_on, "ran_at": rule.ran_at and rule.ran_at.isoformat(), "problem": rule.problem,
    }  # fmt: skip
