"""Who may redact. The rule is a pair: `check_can_redact()` raises with a sentence, `can_redact()` is a boolean."""

from agentos.access.rights import AnyUser, Right
from agentos.access.rules import NotAllowed, SessionRow, check_has, check_reads, check_sees
from agentos.db.sources import get_source


def check_can_redact(user: AnyUser, row: SessionRow | None = None) -> None:
    """Raise `NotAllowed` unless the user may take things out of it: a moderator, if the source can be written to.

    Without a session: unless they may in some.
    """
    check_reads(user)
    check_has(user, Right.REDACT, "redact sessions")
    check_sees(user, row)
    if row is None:
        return
    if why := why_not_in(row.source):
        raise NotAllowed(why)


def why_not_in(name: str) -> str:
    """Return a sentence why nothing can be redacted in a source, "" if it can."""
    try:
        source = get_source(name)
    except KeyError:
        return f"The source {name} is not configured any more."
    return f"The source {name} is opened read-only, so nothing can be redacted in it." if source.read_only else ""


def can_redact(user: AnyUser, row: SessionRow) -> bool:
    """Whether `check_can_redact` lets the user through."""
    try:
        check_can_redact(user, row)
    except NotAllowed:
        return False
    return True
