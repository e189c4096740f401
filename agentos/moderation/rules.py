"""Who may do what here. Each rule is a pair: `check_can_x()` raises with a sentence, `can_x()` is a boolean."""

from collections.abc import Callable

from agentos.access.rights import AnyUser, Right, rights_of
from agentos.access.rules import NotAllowed, SessionRow, check_has, check_reads, check_sees


def check_can_moderate(user: AnyUser, row: SessionRow | None = None) -> None:
    """Raise `NotAllowed` unless the user may decide about sessions: about this one, if one is given.

    It covers cases, holds, hiding, archiving, taking over, suspending, rules and reasons, and reading what is on hold.
    """
    check_reads(user)
    check_has(user, Right.MODERATE, "decide about sessions")
    check_sees(user, row)


def check_can_flag(user: AnyUser, row: SessionRow | None = None) -> None:
    """Raise `NotAllowed` unless the user may ask for a look at a session: whoever reads not only their own."""
    check_reads(user)
    if rights_of(user).agno_user_id is not None:
        raise NotAllowed("Your account shows the sessions of one user. Flags are for the people who look after them.")
    check_has(user, Right.FLAG, "flag sessions")
    check_sees(user, row)


def check_can_annotate(user: AnyUser, row: SessionRow | None = None) -> None:
    """Raise `NotAllowed` unless the user may put tags and notes on a session: an operator."""
    check_can_flag(user, row)
    check_has(user, Right.ANNOTATE, "add tags and notes")


def check_can_rate(user: AnyUser, row: SessionRow | None = None) -> None:
    """Raise `NotAllowed` unless the user may star a session and give thumbs: whoever sees it."""
    check_reads(user)
    check_sees(user, row)


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
