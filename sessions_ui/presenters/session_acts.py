"""What a user may do to a session, besides continuing it: for each act "" or the sentence that says why not."""

from collections.abc import Callable
from dataclasses import dataclass

from agentos.access.rights import AnyUser
from agentos.access.rules import NotAllowed, SessionRow, check_can_change_state, check_can_fork, check_can_name
from agentos.catalog.models import CatalogSession
from agentos.changes.naming import why_no_name, why_no_summary


@dataclass(frozen=True)
class SessionActs:
    """Why not, for each act; "" for what may be done."""

    rename: str
    auto_name: str
    summarise: str
    state: str
    fork: str


def acts_of(user: AnyUser, row: CatalogSession) -> SessionActs:
    """Return what this user may do to this session."""
    naming = _why_not(check_can_name, user, row)
    return SessionActs(
        rename=naming,
        auto_name=naming or why_no_name(row.session_type, row.component_id),
        summarise=naming or why_no_summary(row.session_type, row.component_id),
        state=_why_not(check_can_change_state, user, row),
        fork=_why_not(check_can_fork, user, row),
    )


def _why_not(check: Callable[[AnyUser, SessionRow], None], user: AnyUser, row: CatalogSession) -> str:
    try:
        check(user, row)
    except NotAllowed as error:
        return str(error)
    return ""
