"""The rules that flag by themselves: what each asks, what a new one would flag now."""

from typing import Any, Final

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agentos.access.rules import NotAllowed, scope_of
from agentos.moderation.acting import Refused
from agentos.moderation.models import NAME_CHARACTERS, QUERY_CHARACTERS, FlagReason, FlagRule
from agentos.moderation.watching import DryRun, drop, dry_run, keep_rule, switch
from agentos.saved_views.service import Listing
from sessions_ui.middleware import wants_json
from sessions_ui.presenters.saved_views import list_address
from sessions_ui.views.moderating import actor_of
from sessions_ui.views.review import check_moderator

TEMPLATE: Final = "sessions_ui/review_rules.html"


@require_http_methods(["GET", "HEAD", "POST"])
def rules(request: HttpRequest) -> HttpResponse:
    """List the rules; with `?q=` show what such a rule would flag now. POST keeps, switches or deletes one."""
    check_moderator(request)
    asked = request.POST if request.method == "POST" else request.GET
    context: dict[str, Any] = {"nav": "review", "asked": asked, "status": 200}
    try:
        if request.method == "POST":
            sentence = _act(request)
            if not wants_json(request):
                messages.success(request, sentence)
                return redirect("review_rules")
        elif "q" in asked:
            context["dry"] = dry_run(request.user, asked["q"])
    except (Refused, NotAllowed) as error:
        context |= {"problem": str(error), "status": 422}
    return _answer(request, context)


def _act(request: HttpRequest) -> str:
    form, act, actor = request.POST, request.POST.get("act", ""), actor_of(request)
    if act == "keep":
        start = bool(form.get("from_the_start"))
        rule = keep_rule(actor, form.get("name", ""), form.get("q", ""), form.get("reason", ""), from_the_start=start)
        return f"The rule “{rule.name}” looks at sessions from now on."
    number = form.get("rule", "")
    key = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else 0
    found = _listed(request).filter(pk=key).first()
    if found is None:
        raise Http404("There is no such rule.")
    if act in ("on", "off"):
        switch(found, actor, on=act == "on")
        return f"The rule “{found.name}” is {act}."
    if act == "delete":
        drop(found, actor)
        return "The rule is deleted. What it flagged stays."
    raise Refused("A rule can be kept, switched on and off, and deleted.")


def _listed(request: HttpRequest) -> QuerySet[FlagRule]:
    """Return the rules, whose queries name what they look for: for who sees every session, as for making one."""
    return FlagRule.objects.order_by("name") if scope_of(request.user).everything else FlagRule.objects.none()


def _answer(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    found = list(_listed(request))
    dry: DryRun | None = context.get("dry")
    if wants_json(request):
        data: dict[str, Any] = {
            "rules": [
                {"id": one.pk, "name": one.name, "query": one.query, "reason": one.reason, "on": one.is_on}
                for one in found
            ]
        }
        if dry is not None:
            sessions = [{"source": row.source, "session_id": row.session_id, "title": row.title} for row in dry.rows]
            data["would_flag"] = {"query": dry.query, "count": dry.count, "sessions": sessions}
        if "problem" in context:
            data["error"] = context["problem"]
        return JsonResponse(data, status=context["status"])
    context |= {
        "sees_all": scope_of(request.user).everything,
        "rules": [(one, list_address(Listing(query=one.query))) for one in found],
        "reasons": FlagReason.objects.filter(in_use=True),
        "all_url": list_address(Listing(query=dry.query)) if dry is not None else "",
        "name_characters": NAME_CHARACTERS,
        "query_characters": QUERY_CHARACTERS,
    }
    return render(request, TEMPLATE, context, status=context["status"])
