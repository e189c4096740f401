"""A session as a file, and a file as a session."""

from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.signing import BadSignature, Signer
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from agentos.access.rules import NotAllowed
from agentos.audit.service import Target
from agentos.catalog.keys import quote_id
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.db.sources import Source, SourceError, all_sources
from agentos.masking import current
from agentos.moderation.reveals import can_see_secrets
from agentos.transfer.formats import Format, file_name, formats
from agentos.transfer.importing import NotImportable, Preview, import_session, preview
from agentos.transfer.incoming import BadFile
from agentos.transfer.options import MOST_HISTORY, PURPOSES, Options
from agentos.transfer.rules import check_can_import
from agentos.turns.speaking import people_in
from sessions_ui import uploads
from sessions_ui.context import sources_offered
from sessions_ui.permissions import check_exports, get_session_or_404, signed_in_user
from sessions_ui.recording import record_act, target_of
from sessions_ui.streaming.transfer import transfer_stream
from sessions_ui.views.session import fetch

EXPORT, IMPORT = "sessions_ui/session_export.html", "sessions_ui/import.html"
# Longer ids are refused: no form has to hold them.
_LONGEST_ID = 10_000
_TOO_LARGE = f"The file is larger than {uploads.LIMIT // 1_000_000} MB. `manage.py import_session` takes larger ones."
_signer = Signer(salt="sessions_ui.import")


@require_safe
def export(request: HttpRequest, source: str, qid: str) -> HttpResponseBase:
    """Send one session in the form asked for; without one ask which."""
    row = get_session_or_404(request, source, qid)
    check_exports(request)
    wanted = request.GET.get("format", "")
    if not wanted:
        return _question(request, row)
    form, options = formats().get(wanted), _options(request, row)
    if form is None or options is None:
        return _question(request, row, "This form of export, or one of its options, is not known. Choose among these.")
    try:
        row, _, reader = fetch(row)
    except SourceError as error:
        return _question(request, row, str(error), status=503)
    record_act(request, "session.exported", on=target_of(row), details={"format": wanted, "secrets": options.secrets})
    return _file(request, row, form, form.write(reader.source, row.session_id, options))


def _options(request: HttpRequest, row: CatalogSession) -> Options | None:
    """Return what is asked for; secrets only if the reader has had them shown. None for what there is not."""
    purpose, history = request.GET.get("for", PURPOSES[0]), request.GET.get("history", "0")
    if purpose not in PURPOSES or not (history.isascii() and history.isdigit() and int(history[:4]) <= MOST_HISTORY):
        return None
    is_exact = request.GET.get("format") == "json"
    secrets = row.shows_secrets and (is_exact or request.GET.get("secrets") == "1")
    return Options(purpose, int(history[:4]), secrets, people_in)  # type: ignore[arg-type]  # one of them


def _file(request: HttpRequest, row: CatalogSession, form: Format, pieces: Any) -> StreamingHttpResponse:
    return StreamingHttpResponse(
        transfer_stream(request, row, pieces),
        content_type=form.content_type,
        headers={
            "Content-Disposition": f'attachment; filename="{file_name(row.session_id, form)}"',
            "Cache-Control": "no-store, no-transform",
            "X-Accel-Buffering": "no",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _question(request: HttpRequest, row: CatalogSession, problem: str = "", status: int = 200) -> HttpResponse:
    context = {"nav": "sessions", "row": row, "most_history": MOST_HISTORY, "problem": problem}
    context |= {"masks": bool(current()), "may_see_secrets": can_see_secrets(request.user, row)}
    return render(request, EXPORT, context, status=400 if problem and status == 200 else status)


@csrf_exempt  # until the length was looked at: the token is in the form, all of which is read for it
@require_http_methods(["GET", "HEAD", "POST"])
def import_page(request: HttpRequest) -> HttpResponse:
    """Take a file, show what it would store, and store it once that was confirmed."""
    if uploads.is_too_large(request):
        return _form(request, [_TOO_LARGE], status=413)
    return _import_page(request)


@csrf_protect
def _import_page(request: HttpRequest) -> HttpResponse:
    try:
        check_can_import(request.user)
        if request.method != "POST":
            return _form(request)
        return _confirmed(request) if request.POST.get("token") else _uploaded(request)
    except NotAllowed as error:
        return _form(request, [str(error)], status=403)
    except NotImportable as error:
        return _form(request, error.problems, status=400)
    except (BadFile, SourceError) as error:
        return _form(request, [str(error)], status=400)


def _uploaded(request: HttpRequest) -> HttpResponse:
    """Keep the file and show what it would store."""
    upload = request.FILES.get("file")
    if upload and (upload.size or 0) > uploads.LIMIT:
        raise BadFile(_TOO_LARGE)
    if not isinstance(upload, UploadedFile):
        raise BadFile("Choose a file that was exported as exact JSON.")
    source, new_id = _target(request, request.POST.get("source", "")), request.POST.get("session_id", "").strip()
    if len(new_id) > _LONGEST_ID:
        raise BadFile("The new id is too long.")
    name = uploads.keep(signed_in_user(request).pk, upload)
    path = uploads.kept(signed_in_user(request).pk, name)
    found = _checked(request, path, source, new_id or None)
    token = _signer.sign_object([name, source.name, new_id])
    return render(request, IMPORT, {"nav": "sessions", "found": found, "token": token})


def _confirmed(request: HttpRequest) -> HttpResponse:
    """Store what was shown, and show the session."""
    try:
        name, source_name, new_id = _signer.unsign_object(request.POST["token"])
    except (BadSignature, ValueError):
        raise BadFile("This confirmation is not valid. Choose the file again.") from None
    path, source = uploads.kept(signed_in_user(request).pk, name), _target(request, source_name)
    found = _checked(request, path, source, new_id or None)
    if path is None:
        raise BadFile("The file is not kept any more. Choose it again.")
    masked_too = request.POST.get("masked") == "1"
    with path.open("rb") as file:
        stored = import_session(file, source, new_id or None, expected=found, masked_too=masked_too)
    path.unlink(missing_ok=True)
    details = {"masked": True} if stored.is_masked else None
    record_act(request, "session.imported", on=Target(source.name, stored.session_id), details=details)
    refresh_session(source, stored.session_id)
    return redirect("session", source.name, quote_id(stored.session_id))


def _checked(request: HttpRequest, path: Path | None, source: Source, new_id: str | None) -> Preview:
    """Return what the file would store, as far as the user may.

    Raises:
        BadFile, NotAllowed, SourceError: it is not kept any more, or may not be taken in.
    """
    if path is None:
        raise BadFile("The file is not kept any more. Choose it again.")
    with path.open("rb") as file:
        found = preview(file, source, new_id)
    check_can_import(request.user, source, found.user_ids)
    return found


def _target(request: HttpRequest, name: str) -> Source:
    """Return the source that a form names; a read-only one that the user may not know of is not there for them."""
    source = next((one for one in all_sources() if one.name == name), None)
    if source is None or (source.read_only and source not in sources_offered(request.user)):
        raise BadFile("There is no source of this name.")
    check_can_import(request.user, source)
    return source


def _form(request: HttpRequest, problems: list[str] | None = None, status: int = 200) -> HttpResponse:
    context = {
        "nav": "sessions",
        "problems": problems or [],
        "sources": [] if status in (403, 413) else [one for one in sources_offered(request.user) if not one.read_only],
        "limit": uploads.LIMIT // 1_000_000,
    }
    return render(request, IMPORT, context, status=status)
