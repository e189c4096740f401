"""Acts on one session: flags, holds and the like, tags, notes, stars, thumbs; by forms with pages of their own."""

from typing import Any, Final

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from agentos.access.rules import NotAllowed
from agentos.catalog.keys import unquote_id
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.windows import find_run
from agentos.db.errors import SourceError
from agentos.deletion.erasing import contents
from agentos.deletion.purging import kept_for
from agentos.moderation import flags, remarks
from agentos.moderation.acting import Actor, Conflict, Refused
from agentos.moderation.flags import Spot
from agentos.moderation.models import NOTE_CHARACTERS, TAG_CHARACTERS, Case, Flag, FlagReason, Note
from agentos.moderation.openings import open_held
from agentos.moderation.rules import can_moderate, check_can_annotate, check_can_flag, check_can_moderate
from agentos.moderation.subjects import find
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import get_session_or_404, may_read, signed_in_user
from sessions_ui.presenters.jobs import Figure, figures
from sessions_ui.presenters.moderating import ACTS, ActForm, as_data, over_session
from sessions_ui.recording import origin

ACT: Final = "sessions_ui/moderate.html"
FLAG: Final = "sessions_ui/flag.html"
REMARKS: Final = "sessions_ui/remarks.html"
HELD: Final = "sessions_ui/on_hold.html"
METHODS: Final = ["GET", "HEAD", "POST"]


def actor_of(request: HttpRequest) -> Actor:
    """Return who acts."""
    return Actor.of(signed_in_user(request), origin(request))


@require_http_methods(METHODS)
def moderate(request: HttpRequest, source: str, qid: str, act: str) -> HttpResponse:
    """Ask before one of the acts of `ACTS`, with what it changes and why; carry it out by POST."""
    row, form = get_session_or_404(request, source, qid, unread=True), ACTS.get(act)
    if form is None:
        raise Http404("There is no such act.")
    _checked(check_can_moderate, request, row)
    context: dict[str, Any] = {"nav": "sessions", "row": row, "form": form, "act": act, "next": next_page(request, row)}
    if act == "delete":
        context |= {"figures": _held(row), "kept": kept_for()}
    if request.method != "POST":
        return _shown(request, ACT, context, {"act": act, "effects": form.effects})
    return _done(request, row, ACT, context, lambda: _carried_out(request, row, form))


def _held(row: CatalogSession) -> list[Figure]:
    """Return what goes with a session later, if its source can be read now."""
    try:
        return figures(contents([row])[0])
    except (SourceError, KeyError):
        return []


def _carried_out(request: HttpRequest, row: CatalogSession, form: ActForm) -> str:
    form.do(row, actor_of(request), request.POST.get("reason", ""))
    return form.done


@require_http_methods(METHODS)
def flag(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Ask why a session, a run (`?run=`) or a message of it (`&message=`) is to be looked at; POST flags it.

    POST with `act=take_back` and a `flag` takes one back.
    """
    row = get_session_or_404(request, source, qid, unread=True)
    _checked(check_can_flag, request, row)
    asked = request.POST if request.method == "POST" else request.GET
    run, spot = _spot(row, asked)
    context = {
        "nav": "sessions", "row": row, "run": run, "spot": spot, "next": next_page(request, row), "asked": asked,
        "reasons": FlagReason.objects.filter(in_use=True), "longest": NOTE_CHARACTERS,
    }  # fmt: skip
    if request.method != "POST":
        return _shown(request, FLAG, context, as_data(row, over_session(request.user, row)))
    return _done(request, row, FLAG, context, lambda: _flagged(request, row, spot))


def _flagged(request: HttpRequest, row: CatalogSession, spot: Spot) -> str:
    if request.POST.get("act") == "take_back":
        flags.take_back(_of_session(Flag, row, request.POST.get("flag", "")), actor_of(request))
        return "The flag is taken back."
    chosen, note = request.POST.get("reason", ""), request.POST.get("note", "")
    case = flags.flag(row, actor_of(request), chosen, note, spot, row.title).case
    return f"Flagged. It is case {case.pk} in the review queue."


@require_http_methods(METHODS)
def session_remarks(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Show tags and notes of a session with their forms; POST does what `act` says: `tag`, `note`, `star`, `thumb` …"""
    row = get_session_or_404(request, source, qid, unread=True)
    context: dict[str, Any] = {
        "nav": "sessions", "row": row, "next": next_page(request, row), "over": over_session(request.user, row),
        "tag_characters": TAG_CHARACTERS, "longest": NOTE_CHARACTERS, "asked": request.POST,
    }  # fmt: skip
    if request.method != "POST":
        if not wants_json(request):
            _checked(check_can_annotate, request, row)
        return _shown(request, REMARKS, context, as_data(row, context["over"]))
    return _done(request, row, REMARKS, context, lambda: _remarked(request, row))


def _remarked(request: HttpRequest, row: CatalogSession) -> str:
    actor, form, act = actor_of(request), request.POST, request.POST.get("act", "")
    if act == "tag":
        return f"Tagged “{remarks.tag(row, actor, form.get('tag', '')).name}”."
    if act == "untag":
        remarks.untag(row, actor, form.get("tag", ""))
        return "The tag is off."
    if act == "note":
        remarks.note(row, actor, form.get("text", ""), _spot(row, form)[1])
        return "The note is kept, for colleagues only."
    if act == "remove_note":
        remarks.remove_note(_of_session(Note, row, form.get("note", "")), actor)
        return "The note is taken back."
    if act in ("star", "unstar"):
        remarks.star(row, actor, on=act == "star")
        return "Starred." if act == "star" else "Not starred any more."
    if act == "thumb":
        way, _, named = form.get("thumb", "").partition(" ")
        up = {"up": True, "down": False}.get(way)
        remarks.thumb(row, actor, _place(row, named, "")[1].run_id, up)
        return "Your opinion is kept." if up is not None else "Your opinion is taken back."
    raise Refused("A session can be tagged, noted, starred and rated here.")


@require_http_methods(["POST"])
def open_on_hold(request: HttpRequest, source: str, qid: str) -> HttpResponse:
    """Open a session on hold for its reader, for a `case` or for a `reason`."""
    row = get_session_or_404(request, source, qid, unread=True)
    number = request.POST.get("case", "")
    case = Case.objects.filter(pk=int(number)).first() if number.isascii() and number.isdecimal() else None
    try:
        open_held(row, actor_of(request), case, request.POST.get("reason", ""))
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    except Refused as error:
        if wants_json(request):
            return JsonResponse({"error": str(error)}, status=422)
        return on_hold(request, row, str(error), 422)
    return JsonResponse({"opened": True}) if wants_json(request) else redirect(next_page(request, row))


def on_hold(request: HttpRequest, row: CatalogSession, problem: str = "", status: int = 403) -> HttpResponse:
    """Say that a session is on hold; ask a moderator for which case they open it."""
    context: dict[str, Any] = {"nav": "sessions", "row": row, "problem": problem, "next": request.get_full_path()}
    if request.method == "POST":
        context["next"] = next_page(request, row)
    if can_moderate(request.user, row) and not may_read(request.user, row):
        subject = find(row.source, row.session_id)
        context |= {"may_open": True, "cases": Case.objects.filter(subject=subject).order_by("-pk")[:10]}
    context["over"] = over_session(request.user, row)
    return render(request, HELD, context, status=status)


def _spot(row: CatalogSession, asked: QueryDict) -> tuple[CatalogRun | None, Spot]:
    """Return the run and the place that a form or URL names. Raises Http404 for a run that is not the session's."""
    return _place(row, asked.get("run", ""), asked.get("message", ""))


def _place(row: CatalogSession, quoted: str, number: str) -> tuple[CatalogRun | None, Spot]:
    named = unquote_id(quoted)
    if not named:
        return None, Spot()
    run = find_run(row, named)
    if run is None:
        raise Http404("There is no such run in this session.")
    message = int(number) if number.isascii() and number.isdecimal() and len(number) < 7 else None
    return run, Spot(run.run_id or f"~{run.ordinal}", message)


def _of_session(model: Any, row: CatalogSession, number: str) -> Any:
    """Return a flag or note of this session by its key. Raises Http404 for any other."""
    subject = find(row.source, row.session_id)
    found = model.objects.filter(
        subject=subject, pk=int(number) if number.isdecimal() and len(number) < 19 else 0
    ).first()
    if found is None or subject is None:
        raise Http404("There is no such thing on this session.")
    return found


def _checked(check: Any, request: HttpRequest, row: CatalogSession) -> None:
    try:
        check(request.user, row)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None


def next_page(request: HttpRequest, row: CatalogSession) -> str:
    """Return where to go afterwards: what the form says if it is a page of ours, else the session."""
    asked = request.POST.get("next") or request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if asked.startswith("/") and is_ours else resolve_url("session", row.source, row.quoted_id)


def _shown(request: HttpRequest, template: str, context: dict[str, Any], data: dict[str, Any]) -> HttpResponse:
    if wants_json(request):
        return JsonResponse(data)
    fragment = "#sheet" if request.headers.get("HX-Target") == "sheet-content" else ""
    return render(request, template + fragment, context)


def _done(request: HttpRequest, row: CatalogSession, template: str, context: dict[str, Any], do: Any) -> HttpResponse:
    """Do it, and say so; or show the form again with why it was not done."""
    try:
        sentence = do()
    except NotAllowed as error:
        return _refused(request, template, context, str(error), 403)
    except Conflict as error:
        return _refused(request, template, context, str(error), 409)
    except Refused as error:
        return _refused(request, template, context, str(error), 422)
    if wants_json(request):
        row.refresh_from_db(fields=["marks", "aside"])
        return JsonResponse({"done": sentence, **as_data(row, over_session(request.user, row))})
    messages.success(request, sentence)
    return redirect(context["next"])


def _refused(request: HttpRequest, template: str, context: dict[str, Any], sentence: str, status: int) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=status)
    return render(request, template, {**context, "problem": sentence}, status=status)
