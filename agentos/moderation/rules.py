"""Who may do what here. Each rule is a pair: `check_can_x()` raises with a sentence, `can_x()` is a boolean."""

from collections.abc import Callable

from agentos.access.roles import AnyUser, Role, has_role, role_of
from agentos.access.rules import NO_ROLE, NotAllowed, SessionRow, scope_of

MODERATORS_ONLY = "This is for moderators. Ask an administrator for the role."


def check_can_moderate(user: AnyUser, row: SessionRow | None = None) -> None:
    """Raise `NotAllowed` unless the user may decide about sessions: about this one, if one is given.

    It covers cases, holds, hiding, archiving, taking over, suspending, rules and reasons, and reading what is on hold.
    """
    if not has_role(user, Role.MODERATOR):
        raise NotAllowed(MODERATORS_ONLY if role_of(user) else NO_ROLE)
    _check_scope(user, row)


def check_can_flag(user: AnyUser, row: SessionRow | None = None) -> None:
    """Raise `NotAllowed` unless the user may ask for a look at a session: whoever reads not only their own."""
    if role_of(user) is None:
        raise NotAllowed(NO_ROLE)
    if scope_of(user).agno_user_id is not None:
        raise NotAllowed("Your account shows the sessions of one user. Flags are for the people who look after them.")
    _check_scope(user, row)


def check_can_annotate(user: AnyUser, row: SessionRow | None = None) -> None:
    """Raise `NotAllowed` unless the user may put tags and notes on a session: an operator."""
    check_can_flag(user, row)
    if not has_role(user, Role.OPERATOR):
        raise NotAllowed("A viewer reads sessions. Ask an administrator for the operator role to add tags and notes.")


def check_can_rate(user: AnyUser, row: SessionRow | None = None) -> None:
    """Raise `NotAllowed` unless the user may star a session and give thumbs: whoever sees it."""
    if role_of(user) is None:
        raise NotAllowed(NO_ROLE)
    _check_scope(user, row)


def can_moderate(user: AnyUser, row: SessionRow | None = None) -> bool:
    """Whether `check_can_moderate` lets the user through."""
    return _passes(check_can_moderate, user, row)


def can_flag(user: AnyUser, row: SessionRow | None = None) -> bool:
    """Whether `check_can_flag` lets the user through."""
    return _passes(check_can_flag, user, row)


def can_annotate(user: AnyUser, row: SessionRow | None = None) -> bool:
    """Whether `check_can_annotate` lets the user through."""
    return _passes(check_can_annotate, user, row)


def can_rate(user: AnyUser, row: SessionRow | None = None) -> bool:
    """Whether `check_can_rate` lets the user through."""
    return _passes(check_can_rate, user, row)


def _passes(check: Callable[[AnyUser, SessionRow | None], None], user: AnyUser, row: SessionRow | None) -> bool:
    try:
        check(user, row)
    except NotAllowed:
        return False
    return True


def _check_scope(user: AnyUser, row: SessionRow | None) -> None:
    if row is not None and not scope_of(user).covers_row(row):
        raise NotAllowed("This session belongs to another user.")
