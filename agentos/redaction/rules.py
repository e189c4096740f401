"""Who may redact. The rule is a pair: `check_can_redact()` raises with a sentence, `can_redact()` is a boolean."""

from agentos.access.rights import AnyUser, Right
from agentos.access.rules import NotAllowed, SessionRow, check_has, check_reads, check_sees
from agentos.db.sources import get_source


def check_can_redact(user: AnyUser, row: SessionRow) -> None:
    """Raise `NotAllowed` unless the user may take things out of it: a moderator, if the source can be written to."""
    check_reads(user)
    check_has(user, Right.REDACT, "redact sessions")
    check_sees(user, row)
    try:
        source = get_source(row.source)
    except KeyError:
        raise NotAllowed(f"The source {row.source} is not configured any more.") from None
    if source.read_only:
        raise NotAllowed(f"The source {row.source} is opened read-only, so nothing can be redacted in it.")


def can_redact(user: AnyUser, row: SessionRow) -> bool:
    """Whether `check_can_redact` lets the user through."""
    try:
        check_can_redact(user, row)
    except NotAllowed:
        return False
    return True
