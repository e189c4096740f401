"""The people of this program: who they are, what they may do and see, and all that changes it."""

from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agentos.access import people as acts
from agentos.access.managing import can_manage_people
from agentos.access.people import Manager, Refused
from agentos.access.rules import NotAllowed
from agentos.management.people import link_url
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import NO_PAGE, signed_in_user
from sessions_ui.presenters import people as presented
from sessions_ui.recording import origin

LIST: Final = "sessions_ui/people.html"
PERSON: Final = "sessions_ui/person.html"
# What came of an act: a sentence, and the address of a link that was made, which is shown once.
Done = tuple[str, str]


def manager_or_404(request: HttpRequest) -> Manager:
    """Return the request's user as who manages people; for others these pages are not there. Raises Http404."""
    if not can_manage_people(request.user):
        raise Http404(NO_PAGE)
    return Manager(signed_in_user(request), origin(request))


@require_http_methods(["GET", "HEAD", "POST"])
def people(request: HttpRequest) -> HttpResponse:
    """List the people; POST makes an account with a `name` and a `role`, and shows its first sign-in link."""
    manager = manager_or_404(request)
    if request.method != "POST":
        return _list(request)
    try:
        made = acts.create(manager, request.POST.get("name", "").strip(), request.POST.get("role", ""))
        address = link_url(acts.issue_link(manager, made), f"{request.scheme}://{request.get_host()}")
    except NotAllowed as error:
        return _list(request, str(error), 403)
    except Refused as error:
        return _list(request, str(error), 422)
    return _person(request, manager, made.pk, (f"The account {made.get_username()} is there.", address), status=201)


@require_http_methods(["GET", "HEAD", "POST"])
def person(request: HttpRequest, user_id: int) -> HttpResponse:
    """Show one person; POST with `act` changes something about them, for a `reason`."""
    manager = manager_or_404(request)
    if request.method != "POST":
        return _person(request, manager, user_id)
    found = User.objects.filter(pk=user_id).first()
    if found is None:
        raise Http404(NO_PAGE)
    try:
        done = _act(request, manager, found)
    except NotAllowed as error:
        return _person(request, manager, user_id, problem=str(error), status=403)
    except Refused as error:
        return _person(request, manager, user_id, problem=str(error), status=422)
    if done[1] or wants_json(request):
        return _person(request, manager, user_id, done)
    messages.success(request, done[0])
    return redirect("person", user_id)


def _act(request: HttpRequest, manager: Manager, found: User) -> Done:
    """Do what the form says; return what came of it. Raises as `agentos.access.people` does."""
    act = _ACTS.get(request.POST.get("act", ""))
    if act is None:
        raise Refused("Say what is to be changed.")
    return act(request, manager, found)


def _role(request: HttpRequest, manager: Manager, found: User) -> Done:
    acts.change_role(manager, found, request.POST.get("role", ""), _reason(request))
    return f"{found.get_username()} is {request.POST['role']} now, and has to sign in again.", ""


def _grant(request: HttpRequest, manager: Manager, found: User) -> Done:
    kind, value = request.POST.get("kind", ""), request.POST.get("value", "")
    acts.grant(manager, found, kind, value, _reason(request))
    return f"What {found.get_username()} sees is changed.", ""


def _ungrant(request: HttpRequest, manager: Manager, found: User) -> Done:
    number = request.POST.get("grant", "")
    key = int(number) if number.isascii() and number.isdecimal() and len(number) < 19 else 0
    acts.ungrant(manager, found, key, _reason(request))
    return f"What {found.get_username()} sees is changed.", ""


def _bind(request: HttpRequest, manager: Manager, found: User) -> Done:
    acts.bind(manager, found, request.POST.get("agno_user_id", ""), _reason(request))
    return f"Whose sessions {found.get_username()} sees is changed.", ""


def _off(request: HttpRequest, manager: Manager, found: User) -> Done:
    acts.switch_off(manager, found, _reason(request))
    return f"The account {found.get_username()} is switched off.", ""


def _on(request: HttpRequest, manager: Manager, found: User) -> Done:
    acts.switch_on(manager, found, _reason(request))
    return f"The account {found.get_username()} is switched on.", ""


def _sign_out(request: HttpRequest, manager: Manager, found: User) -> Done:
    return f"{found.get_username()} is signed out of {_counted(acts.sign_out(manager, found), 'browser')}.", ""


def _tokens(request: HttpRequest, manager: Manager, found: User) -> Done:
    return f"Took back {_counted(acts.revoke_tokens(manager, found), 'token')}.", ""


def _links(request: HttpRequest, manager: Manager, found: User) -> Done:
    return f"Took back {_counted(acts.revoke_links(manager, found), 'link')}.", ""


def _link(request: HttpRequest, manager: Manager, found: User) -> Done:
    address = link_url(acts.issue_link(manager, found), f"{request.scheme}://{request.get_host()}")
    return "The link is made. It is shown this once.", address


_ACTS: Final[dict[str, Callable[[HttpRequest, Manager, User], Done]]] = {
    "role": _role,
    "grant": _grant,
    "ungrant": _ungrant,
    "bind": _bind,
    "switch_off": _off,
    "switch_on": _on,
    "sign_out": _sign_out,
    "revoke_tokens": _tokens,
    "revoke_links": _links,
    "issue_link": _link,
}


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _list(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
    find, after = (request.GET.get(name, "").replace("\0", "")[:200] for name in ("find", "after"))
    show = request.GET.get("show", "active")
    found = presented.listed(find.strip(), show if show in presented.SHOWS else "active", after)
    if wants_json(request):
        data: dict[str, Any] = {"people": [line.as_data for line in found.lines], "next": found.next or None}
        return JsonResponse(data | ({"error": problem} if problem else {}), status=status)
    context = {
        "nav": "people",
        "lines": found.lines,
        "find": find,
        "show": show,
        "shows": presented.SHOWS,
        "next": found.next,
        "is_later_page": bool(after),
        "roles": presented.role_names(),
        "asked": {"name": request.POST.get("name", ""), "role": request.POST.get("role", "viewer")},
        "problem": problem,
    }
    return render(request, LIST, context, status=status)


def _person(
    request: HttpRequest, manager: Manager, key: int, done: Done = ("", ""), problem: str = "", status: int = 200
) -> HttpResponse:
    found = presented.person(manager.user, key)
    if found is None:
        raise Http404(NO_PAGE)
    sentence, address = done
    if wants_json(request):
        told = {"done": sentence, "link": address, "error": problem}
        data = {"person": found.as_data} | {name: value for name, value in told.items() if value}
        return JsonResponse(data, status=status)
    context = {
        "nav": "people",
        "page": found,
        "line": found.line,
        "person": found.line.user,
        "is_self": found.line.user.pk == manager.user.pk,
        "done": sentence,
        "link": address,
        "problem": problem,
        "asked": request.POST if problem else {},
    }
    return render(request, PERSON, context, status=status)
