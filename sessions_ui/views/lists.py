"""What pages with a query box answer alike."""

from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from agentos.access.rules import scope_of
from agentos.catalog import rollups
from agentos.catalog.query.listing import ListQuery


def broken_as_data(query: ListQuery) -> JsonResponse:
    """Answer 400 with what is wrong with a broken query, and where."""
    text, error = query.broken[0].text, query.broken[0].error
    place = {"query": text, "start": error.start, "length": error.length}
    return JsonResponse({"error": error.sentence, **place}, status=HTTPStatus.BAD_REQUEST)


def kept_as_of(request: HttpRequest, query: ListQuery) -> datetime | None:
    """Return as of when the kept sums answer a page, None if it has to be summed up now.

    They hold what everybody did, so they answer only who may see all of it and narrows nothing.
    """
    if not scope_of(request.user).everything or query.node is not None or query.broken:
        return None
    return rollups.as_of()


def page_or_list(
    request: HttpRequest, template: str, context: dict[str, Any], address: str, asked: str
) -> HttpResponse:
    """Render the page, or its partial `list` alone for htmx, which then shows the one URL of the state, `asked`."""
    if request.headers.get("HX-Target") != "list" or request.headers.get("HX-History-Restore-Request") == "true":
        return render(request, template, context)
    response = render(request, f"{template}#list", context)
    response.headers["HX-Push-Url"] = address + (asked if asked != "?" else "")
    return response
