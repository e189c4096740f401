"""What is masked as a secret: kinds, rules, a box to try them. Changes are on record; what is tried is kept nowhere."""

from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from agentos.access.rules import NotAllowed
from agentos.masking.models import NAME_CHARACTERS, PATTERN_CHARACTERS, MaskRule
from agentos.moderation import secret_rules
from agentos.moderation.acting import Refused
from sessions_ui.context import fresh_states
from sessions_ui.middleware import wants_json
from sessions_ui.presenters.masking import choice
from sessions_ui.views.moderating import actor_of

TEMPLATE: Final = "sessions_ui/masking.html"
NOT_FOUND: Final = "There is no such rule."


@sensitive_post_parameters("text")
@require_http_methods(["GET", "HEAD", "POST"])
def masking(request: HttpRequest) -> HttpResponse:
    """Show what is masked. POST with `act`: try, keep, switch or drop a rule, choose kinds, leave them as_setting."""
    try:
        secret_rules.check_can_edit(request.user)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    form = request.POST
    if request.method != "POST":
        fresh_states(request.user)  # whoever looks here after a change has the catalog follow it
        return _shown(request, {"form": {}, "chosen": _rule(request.GET["edit"]) if "edit" in request.GET else None})
    try:
        if form.get("act") == "try":
            shown = secret_rules.tried(form.get("text", ""), form.get("pattern", ""))
            return _tried(request, shown)
        done = _act(request)
    except Refused as error:
        chosen = _rule(form["rule"]) if form.get("rule") else None
        return _shown(request, {"problem": str(error), "form": form, "chosen": chosen}, 422)
    if wants_json(request):
        return JsonResponse({"done": done, **choice().as_data()})
    messages.success(request, done)
    return redirect("masking")


def _act(request: HttpRequest) -> str:
    """Do what a form says; return it in words."""
    form, act, actor = request.POST, request.POST.get("act", ""), actor_of(request)
    if act == "kinds":
        secret_rules.choose(actor, form.getlist("kind"))
        return "The kinds are chosen. They hold from the next page on."
    if act == "as_setting":
        secret_rules.choose(actor, None)
        return "The setting says which kinds are masked."
    rule = _rule(form.get("rule", "")) if act != "keep" or form.get("rule") else None
    if act == "keep":
        is_on = rule is None or rule.is_on
        kept = secret_rules.keep(actor, form.get("name", ""), form.get("pattern", ""), on=is_on, rule=rule)
        return f"The rule “{kept.name}” is kept. It holds from the next page on."
    if act == "switch" and rule is not None:
        kept = secret_rules.keep(actor, rule.name, rule.pattern, on=not rule.is_on, rule=rule)
        return f"The rule “{kept.name}” is {'on' if kept.is_on else 'off'}."
    if act == "drop" and rule is not None:
        secret_rules.drop(actor, rule)
        return f"The rule “{rule.name}” is deleted. What it found is shown again."
    raise Refused("A rule is kept, switched or deleted; kinds are chosen, or left to the setting.")


def _rule(key: str) -> MaskRule:
    number = int(key) if key.isascii() and key.isdecimal() and len(key) < 18 else 0
    found = MaskRule.objects.filter(pk=number).first()
    if found is None:
        raise Http404(NOT_FOUND)
    return found


def _tried(request: HttpRequest, shown: str) -> HttpResponse:
    form = request.POST
    found = {"masked": shown, "finds": shown != form.get("text", "")}
    if wants_json(request):
        return JsonResponse(found)
    return _shown(request, {"form": form, "tried": found, "chosen": None})


def _shown(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    if wants_json(request):
        data = {"error": context["problem"]} if "problem" in context else choice().as_data()
        return JsonResponse(data, status=status)
    longest = {"name": NAME_CHARACTERS, "pattern": PATTERN_CHARACTERS, "text": secret_rules.MOST_TRIED}
    return render(
        request, TEMPLATE, {"nav": "settings", "choice": choice(), "longest": longest, **context}, status=status
    )
