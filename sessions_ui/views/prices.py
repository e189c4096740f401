"""The price table: what models cost, for everybody to read and for administrators to keep."""

from typing import Any, Final

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agentos.access.rights import Right, has_right
from agentos.access.rules import NO_ROLE, NotAllowed, scope_of
from agentos.catalog.pricing import progress
from agentos.prices import service
from agentos.prices.models import Price
from sessions_ui.context import fresh_states
from sessions_ui.middleware import wants_json
from sessions_ui.permissions import signed_in_user
from sessions_ui.presenters import prices as presented
from sessions_ui.recording import origin

TEMPLATE: Final = "sessions_ui/prices.html"
NOT_FOUND: Final = "There is no such price."


@require_http_methods(["GET", "HEAD", "POST"])
def prices(request: HttpRequest) -> HttpResponse:
    """List the prices; take a row, the end of one, or a file with many, as the POST's `act` says."""
    user = signed_in_user(request)
    if not has_right(user, Right.READ):
        return _refused(request, NO_ROLE, 403)
    if request.method == "POST":
        return _change(request)
    if request.GET.get("format") == "csv":
        return _file()
    if wants_json(request):
        rows = [presented.as_data(price) for price in Price.objects.all()]
        return JsonResponse({"prices": rows, "currency": "USD", "per": "1,000,000 tokens"})
    fresh_states(request.user)  # whoever looks here after a change has its costs made
    return _page(request, {})


def _change(request: HttpRequest) -> HttpResponse:
    user, act = signed_in_user(request), request.POST.get("act", "")
    try:
        done = _act(request, act)
    except NotAllowed as error:
        return _refused(request, str(error), 403)
    except service.Refused as error:
        return _refused(request, str(error), 422)
    if wants_json(request):
        return JsonResponse({"done": done, "by": user.get_username()})
    messages.success(request, done)
    return redirect("prices")


def _act(request: HttpRequest, act: str) -> str:
    """Do it and return what was done, in words."""
    user, at = signed_in_user(request), origin(request)
    if act == "save":
        values = {name: request.POST.get(name, "") for name in service.COLUMNS}
        price = service.save(user, values, _named(request), origin=at)
        return f"Kept the price of “{price.model}”. Costs follow from it now."
    if act == "delete":
        price = _named(request) or _missing()
        service.delete(user, price, origin=at)
        return f"The price of “{price.model}” is deleted. Costs that followed from it are made anew."
    if act == "import":
        service.check_can_edit(user)
        return f"{service.import_csv(user, _text(request), origin=at):,} prices are kept."
    raise service.Refused("A price can be saved or deleted, and a file of prices imported.")


def _named(request: HttpRequest) -> Price | None:
    """Return the row that the form is about, None for a new one."""
    key = request.POST.get("price", "")
    if not key:
        return None
    found = Price.objects.filter(pk=int(key)).first() if key.isascii() and key.isdecimal() and len(key) < 18 else None
    return found or _missing()


def _missing() -> Price:
    raise Http404(NOT_FOUND)


def _text(request: HttpRequest) -> str:
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile) or not file.size or file.size > service.MOST_BYTES:
        raise service.Refused(f"Choose a CSV file of at most {service.MOST_BYTES:,} bytes.")
    try:
        return bytes(file.read()).decode()
    except UnicodeDecodeError:
        raise service.Refused("The file is not text in UTF-8.") from None


def _file() -> HttpResponse:
    answer = HttpResponse(service.written(Price.objects.all()), content_type="text/csv; charset=utf-8")
    answer.headers["Content-Disposition"] = 'attachment; filename="prices.csv"'
    return answer


def _refused(request: HttpRequest, sentence: str, status: int) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"error": sentence}, status=status)
    return _page(request, {"problem": sentence}, status)


def _page(request: HttpRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    user = signed_in_user(request)
    if not has_right(user, Right.READ):
        return render(request, TEMPLATE, {"nav": "settings", **context}, status=status)
    rows = list(Price.objects.all())
    key = request.POST.get("price") or request.GET.get("edit", "")
    chosen = next((row for row in rows if str(row.pk) == key), None)
    said: Any = request.POST if request.method == "POST" else request.GET
    values = service.as_texts(chosen) if chosen is not None and request.method != "POST" else said
    why_not, pace = "", progress()
    try:
        service.check_can_edit(user)
    except NotAllowed as error:
        why_not = str(error)
    drawn = {
        "nav": "settings",
        "lines": presented.lines(rows),
        "labels": presented.LABELS.values(),
        "chosen": chosen,
        "form": presented.form_of(values),
        "why_not": why_not,
        "repricing": "" if pace.is_done else f"{pace.share:.0%}",
        "unpriced": presented.unpriced() if scope_of(user).everything else [],
    }
    return render(request, TEMPLATE, {**drawn, **context}, status=status)
