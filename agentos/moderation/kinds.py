"""The kinds of measures: how each is told, what it asks for, and who hears of those that stop what runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.dispatch import Signal

from agentos.moderation.models import Standing

# Sent when nobody may continue sessions any more, with `sessions`: their sources and ids; of a user, with
# `agno_user_id`.
stopped: Final = Signal()


@dataclass(frozen=True)
class Kind:
    """How a measure is told: when it is put up, when it is lifted; whether it needs a reason, and stops what runs."""

    put: str
    lifted: str
    needs_reason: bool = True
    stops: bool = False


KINDS: Final = {
    Standing.HOLD: Kind("put the session on hold", "released the hold", stops=True),
    Standing.HIDDEN: Kind("hid the session", "showed the session again"),
    Standing.ARCHIVED: Kind("archived the session", "took the session out of the archive", needs_reason=False),
    Standing.TAKEOVER: Kind("took the session over", "handed the session back", stops=True),
    Standing.DELETED: Kind("deleted the session", "restored the session", stops=True),
}


def stop(*, sessions: Sequence[tuple[str, str]] = (), **of: Any) -> None:
    """Have what is being answered stopped: in these sessions, or of an Agno user."""
    stopped.send_robust(sender=None, sessions=sessions, **of)
