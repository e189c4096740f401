"""Saved views: the page that manages them, the form that saves one, and the address of each."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.views.decorators.http import require_http_methods

from agentos.access.rights import Right, has_right
from agentos.access.rules import NO_ROLE, NotAllowed
from agentos.audit.service import Target
from agentos.saved_views import service
from agentos.saved_views.models import NAME_CHARACTERS, SavedView
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import signed_in_user
from sessions_ui.presenters.saved_views import as_data, list_address, listing_of, parameters
from sessions_ui.recording import record_act

TEMPLATE = "sessions_ui/saved_views.html"
_RECORDED = {"share": "view.shared", "unshare": "view.unshared", "delete": "view.deleted"}
NOT_FOUND = "There is no such view, or it is not yours to see."


@require_http_methods(["GET", "HEAD", "POST"])
def views(request: HttpRequest) -> HttpResponse:
    """List the views the user may open, with a form that saves the list of the URL's query; take that form."""
    if request.method == "POST":
        return _save(request)
    user = signed_in_user(request)
    if wants_json(request):
        found = SavedView.objects.visible_to(user).own_first(user.pk)
        return JsonResponse({"views": [as_data(view, user) for view in found]})
    draft = _draft(listing_of(request.GET), "")
    if request.headers.get("HX-Target") == "sheet-content":
        return render(request, f"{TEMPLATE}#save", draft)
    return _page(request, draft if request.GET else {})


@require_http_methods(["GET", "HEAD", "POST"])
def view(request: HttpRequest, view_id: int) -> HttpResponse:
    """Go to the list as the view has it; change the view by POST, as `act` says."""
    user = signed_in_user(request)
    found = SavedView.objects.visible_to(user).select_related("owner").filter(pk=view_id).first()
    if found is None:
        raise Http404(NOT_FOUND)
    if request.method == "POST":
        return _change(request, user, found)
    return JsonResponse({"view": as_data(found, user)}) if wants_json(request) else redirect(list_address(found))


def _save(request: HttpRequest) -> HttpResponse:
    user, name, listing = signed_in_user(request), request.POST.get("name", ""), listing_of(request.POST)
    if not has_right(user, Right.READ):
        return _refused(request, NO_ROLE, 403)
    try:
        saved = service.save(user, name, listing, overwrite=bool(request.POST.get("overwrite")))
    except service.NameTaken as error:
        return _refused(request, str(error), 409, _draft(listing, name, taken=True))
    except service.Refused as error:
        return _refused(request, str(error), 422, _draft(listing, name))
    record_act(request, "view.saved", on=Target(object=f"view {saved.pk}"), details={"name": saved.name})
    return _done(request, user, saved, f"Saved as “{saved.name}”.", list_address(saved))


def _change(request: HttpRequest, user: User, found: SavedView) -> HttpResponse:
    """Carry out one act. Another's view can only be withdrawn, and only by an administrator."""
    act, view_id = request.POST.get("act", ""), found.pk
    if found.owner_id != user.pk and not (act == "unshare" and has_right(user, Right.WITHDRAW_VIEWS)):
        raise Http404(NOT_FOUND)
    try:
        done = _act(user, found, act, request.POST.get("name", ""))
    except NotAllowed as error:
        return _refused(request, str(error), 403)
    except service.NameTaken as error:
        return _refused(request, str(error).replace("Overwrite it, or choose", "Choose"), 409)
    except service.Refused as error:
        return _refused(request, str(error), 422)
    if act in _RECORDED:
        record_act(request, _RECORDED[act], on=Target(object=f"view {view_id}"), details={"name": found.name})
    return _done(request, user, found, done, resolve_url("views"))


def _act(user: User, found: SavedView, act: str, name: str) -> str:
    """Do it and return what was done, in words."""
    if act == "rename":
        return f"Renamed to “{service.rename(found, name).name}”."
    if act == "share":
        service.share(user, found)
        return f"“{found.name}” is shared: everybody who reads all sessions finds it beside their list."
    if act == "unshare":
        service.unshare(found)
        return f"“{found.name}” is not shared any more."
    if act == "delete":
        service.delete(found)
        return f"The view “{found.name}” is deleted. No session was touched."
    raise service.Refused("A view can be renamed, shared, unshared or deleted.")


def _done(request: HttpRequest, user: User, found: SavedView, sentence: str, address: str) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"view": as_data(found, user) if found.pk else None, "done": sentence})
    messages.success(request, sentence)
    return redirect(address)


def _refused(request: HttpRequest, sentence: str, status: int, draft: dict[str, Any] | None = None) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=status)
    return _page(request, {**(draft or {}), "problem": sentence}, status)


def _page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    user = signed_in_user(request)
    found = list(SavedView.objects.visible_to(user).own_first(user.pk))
    why_not = ""
    try:
        service.check_can_share(user)
    except NotAllowed as error:
        why_not = str(error)
    drawn = {
        "nav": "views",
        "own": [(one, list_address(one)) for one in found if one.owner_id == user.pk],
        "others": [(one, list_address(one)) for one in found if one.owner_id != user.pk],
        "why_not_share": why_not,
        "may_withdraw": has_right(user, Right.WITHDRAW_VIEWS),
    }
    return render(request, TEMPLATE, {**drawn, **context}, status=status)


def _draft(listing: service.Listing, name: str, *, taken: bool = False) -> dict[str, Any]:
    """Return what the form that saves a view shows."""
    return {
        "saving": listing,
        "fields": parameters(listing),
        "name": name,
        "taken": taken,
        "longest": NAME_CHARACTERS,
    }
