"""The door to the log: `record` an act at once, or `note` a read, which is stored within a second."""

from collections.abc import Sequence
from typing import Any, Final

from agentos.audit.chain import Draft, append
from agentos.audit.models import Entry
from agentos.audit.notes import notes
from agentos.audit.targets import NOTHING, Target

__all__ = ["COMMAND_LINE", "Draft", "Target", "note", "record", "record_all"]

COMMAND_LINE: Final = "command line"


def record(
    act: str,
    *,
    actor: str,
    actor_id: int | None,
    on: Target | None = None,
    reason: str = "",
    before: Any = None,
    after: Any = None,
    details: dict[str, Any] | None = None,
    origin: str = "",
) -> Entry:
    """Put an act on record and return its entry; in the transaction of the change, as the last thing in it.

    `actor` is a name (a user's, a rule's, "command line"), `actor_id` the user's key or None. `before` and `after` are
    JSON of what changed. `origin` is an address, or "command line". Texts are cut and made fit for one line.

    Raises:
        UnknownAct: nobody registered the act.
    """
    draft = Draft(act, actor, actor_id, on or NOTHING, reason, before, after, details, origin)
    return append([draft])[0]


def record_all(drafts: Sequence[Draft]) -> list[Entry]:
    """Put many acts on record at once, in their order: one lock and few statements for all of them."""
    return append(drafts) if drafts else []


def note(
    act: str,
    *,
    actor: str,
    actor_id: int | None,
    on: Target | None = None,
    details: dict[str, Any] | None = None,
    origin: str = "",
    shown: Sequence[Target] = (),
) -> None:
    """Put a read on record without a statement in its request; `notes.py` says when, and what is coalesced.

    `shown`: sessions of which it showed something, beside what it was about; `chain.MOST_SHOWN` of them are named.
    """
    notes.add(Draft(act, actor, actor_id, on or NOTHING, details=details, origin=origin, shown=tuple(shown)))
