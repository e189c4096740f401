"""What pages with a query box answer alike."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from agentos.catalog.query.listing import ListQuery


def broken_as_data(query: ListQuery) -> JsonResponse:
    """Answer 400 with what is wrong with a broken query, and where."""
    text, error = query.broken[0].text, query.broken[0].error
    place = {"query": text, "start": error.start, "length": error.length}
    return JsonResponse({"error": error.sentence, **place}, status=HTTPStatus.BAD_REQUEST)


def page_or_list(
    request: HttpRequest, template: str, context: dict[str, Any], address: str, asked: str
) -> HttpResponse:
    """Render the page, or its partial `list` alone for htmx, which then shows the one URL of the state, `asked`."""
    if request.headers.get("HX-Target") != "list" or request.headers.get("HX-History-Restore-Request") == "true":
        return render(request, template, context)
    response = render(request, f"{template}#list", context)
    response.headers["HX-Push-Url"] = address + (asked if asked != "?" else "")
    return response
