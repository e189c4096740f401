"""Who may take sessions out and in: `check_can_x` raises with a sentence to show, `can_x` is a boolean."""

from collections.abc import Iterable

from agentos.access.rights import AnyUser, Right
from agentos.access.rules import NotAllowed, check_has, check_reads, scope_of
from agentos.db.sources import Source

BELONGS_TO_OTHERS = (
    "This file holds runs or a session of another user than yours, or of nobody. You can import only your own."
)


def check_can_export(user: AnyUser) -> None:
    """Raise `NotAllowed` unless the user may have sessions that they see as files, their own ones too."""
    check_reads(user)
    check_has(user, Right.EXPORT, "export sessions")


def can_export(user: AnyUser) -> bool:
    """Whether `check_can_export` lets the user through."""
    try:
        check_can_export(user)
    except NotAllowed:
        return False
    return True


def check_can_import(user: AnyUser, source: Source | None = None, user_ids: Iterable[str | None] = ()) -> None:
    """Raise `NotAllowed` unless the user may import, into this source if one is given, what names these Agno users.

    An operator may import everything; one who is bound to an Agno user, what is all that user's.
    """
    check_reads(user)
    check_has(user, Right.IMPORT, "import sessions")
    if source is not None and source.read_only:
        raise NotAllowed(f"The source {source.name} is opened read-only, so nothing can be imported into it.")
    scope = scope_of(user)
    if not all(scope.covers(user_id, source.name if source else "") for user_id in user_ids):
        raise NotAllowed(BELONGS_TO_OTHERS)


def can_import(user: AnyUser, source: Source | None = None, user_ids: Iterable[str | None] = ()) -> bool:
    """Whether `check_can_import` lets the user through."""
    try:
        check_can_import(user, source, user_ids)
    except NotAllowed:
        return False
    return True
