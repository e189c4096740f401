"""Two plain answers for whatever watches the process. They say nothing about sources or data."""

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import Group
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
@login_not_required
def livez(request: HttpRequest) -> HttpResponse:
    """Say that the process answers at all."""
    return HttpResponse("ok", content_type="text/plain")


@require_safe
@login_not_required
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether our own database is there and migrated; a source that is down makes nothing unready."""
    try:
        Group.objects.exists()
    except Error:
        return HttpResponse("our database does not answer", content_type="text/plain", status=503)
    return HttpResponse("ok", content_type="text/plain")
