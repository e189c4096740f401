"""Roles and what each may do; a company makes its own here."""

from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agentos.access import groups
from agentos.access.people import Manager, Refused
from agentos.access.rules import NotAllowed
from sessions_ui.middleware import wants_json
from sessions_ui.presenters.people import rights_table
from sessions_ui.views.people import manager_or_404

TEMPLATE: Final = "sessions_ui/roles.html"


@require_http_methods(["GET", "HEAD", "POST"])
def roles(request: HttpRequest) -> HttpResponse:
    """Show which role gives which rights; POST keeps or deletes the role it names, for a `reason`."""
    manager = manager_or_404(request)
    if request.method != "POST":
        return _page(request)
    try:
        done = _change(request, manager)
    except NotAllowed as error:
        return _page(request, str(error), 403)
    except Refused as error:
        return _page(request, str(error), 422)
    if wants_json(request):
        return _page(request)
    messages.success(request, done)
    return redirect("roles")


def _change(request: HttpRequest, manager: Manager) -> str:
    form = request.POST
    name, reason = form.get("name", ""), form.get("reason", "")
    if form.get("act") == "drop":
        groups.drop(manager, name, reason)
        return f"The role {name} is deleted."
    return f"The role {groups.keep(manager, name, form.getlist('right'), reason).name} is kept."


def _page(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
    found = groups.kept()
    if wants_json(request):
        data = [{"name": one.name, "rights": sorted(one.rights), "people": one.people} for one in found]
        return JsonResponse({"roles": data} | ({"error": problem} if problem else {}), status=status)
    edited = request.GET.get("edit", "")
    chosen = next((one for one in found if one.name == edited), None)
    typed = request.POST.getlist("right") if problem else [*chosen.rights] if chosen else []
    context = {
        "nav": "people",
        "roles": found,
        "rights": rights_table(found),
        "chosen": chosen,
        "name": request.POST.get("name", "") if problem else chosen.name if chosen else "",
        "typed": set(typed),
        "reason": request.POST.get("reason", ""),
        "problem": problem,
    }
    return render(request, TEMPLATE, context, status=status)
