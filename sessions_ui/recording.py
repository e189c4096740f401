"""Putting what a request does on record: who it is and where it comes from are taken from the request."""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest

from agentos.access.roles import AnyUser
from agentos.audit import service
from agentos.audit.models import Entry
from agentos.audit.service import Target
from agentos.catalog.models import CatalogSession

# Set by the middleware that reads bearer tokens.
TOKEN_ATTRIBUTE = "api_token_id"  # noqa: S105  # no secret


def target_of(row: CatalogSession, run_id: str = "") -> Target:
    """Return a session, or a run of it, as what something is done to."""
    return Target(row.source, row.session_id, run_id)


def record_act(
    request: HttpRequest,
    act: str,
    *,
    on: Target | None = None,
    reason: str = "",
    before: Any = None,
    after: Any = None,
    details: dict[str, Any] | None = None,
) -> Entry:
    """Put what the request's user did on record, at once; last in the transaction of the change, if there is one."""
    facts = {"reason": reason, "before": before, "after": after, "details": details}
    return service.record(act, on=on, **facts, **who(request))


def note_read(
    request: HttpRequest,
    act: str,
    *,
    on: Target | None = None,
    details: dict[str, Any] | None = None,
    shown: Sequence[Target] = (),
) -> None:
    """Put on record, within a second, what the request's user reads. It costs the request no statement.

    `shown`: sessions of which it shows something beside.
    """
    service.note(act, on=on, details=details, shown=shown, **who(request))


def who(request: HttpRequest) -> dict[str, Any]:
    """Return the actor, their key and the origin, as `record` takes them."""
    user: AnyUser | None = getattr(request, "user", None)
    name = user.get_username() if user is not None else ""
    return {"actor": name or "nobody", "actor_id": user.pk if user is not None else None, "origin": origin(request)}


def origin(request: HttpRequest) -> str:
    """Return the address the request came from, and the number of the API token it was sent with, if it was."""
    address = request.META.get("REMOTE_ADDR", "") or "unknown"
    token = getattr(request, TOKEN_ATTRIBUTE, None)
    return f"{address}, token {token}" if token else address
