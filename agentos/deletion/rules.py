"""Who may delete for good. The pair `check_can_erase` raises with a sentence, `can_erase` is a boolean."""

from agentos.access.rights import AnyUser, Right
from agentos.access.rules import NotAllowed, SessionRow, check_has, check_reads, check_sees


def check_can_erase(user: AnyUser, row: SessionRow | None = None) -> None:
    """Raise `NotAllowed` unless the user may delete sessions for good: this one, if one is given."""
    check_reads(user)
    check_has(user, Right.ERASE, "delete sessions for good")
    check_sees(user, row)


def can_erase(user: AnyUser, row: SessionRow | None = None) -> bool:
    """Whether `check_can_erase` lets the user through."""
    try:
        check_can_erase(user, row)
    except NotAllowed:
        return False
    return True
