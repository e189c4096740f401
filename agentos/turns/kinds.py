"""What a turn may ask for: each kind in one entry, from what is checked when it is sent to how it is carried out.

Everything else about turns (the line, the log, retries, storing) is the same for all of them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from agentos.access.rights import AnyUser
from agentos.access.rules import SessionRow, check_can_continue, check_can_speak
from agentos.records.events import RunOutputEvent
from agentos.turns import decisions, regenerating, speaking
from agentos.turns.answerers import Answerer
from agentos.turns.errors import BadRequest
from agentos.turns.frames import Asked
from agentos.turns.models import Turn

__all__ = ["KINDS", "Kind", "TurnKind", "kind_of"]

# Characters of a message.
MAX_MESSAGE: Final = 100_000


class Kind(StrEnum):
    """The names of the kinds, as `Turn.kind` has them."""

    MESSAGE = speaking.MESSAGE
    DECISION = "decision"
    REGENERATE = "regenerate"
    OPERATOR = speaking.OPERATOR


@dataclass(frozen=True)
class TurnKind:
    """One kind. `check` refuses a turn with BadRequest before it is stored: it looks at the turn alone.

    `carry_out` asks the answerer and yields the events of the run, which is stored when they end. It raises
    CannotAnswer when the session, as it is by then, has no place for what was asked. `check_may` raises NotAllowed for
    a person who may not ask for it, or not any more.
    """

    check: Callable[[Turn], None]
    carry_out: Callable[[Asked, Answerer], Iterator[RunOutputEvent]]
    check_may: Callable[[AnyUser, SessionRow], None] = check_can_continue


def _check_message(turn: Turn) -> None:
    if not turn.message and not any(turn.attachments.values()):
        raise BadRequest("The message is empty.")
    if len(turn.message) > MAX_MESSAGE:
        raise BadRequest(f"The message has {len(turn.message):,} characters; {MAX_MESSAGE:,} can be sent at once.")


def _say(asked: Asked, who: Answerer) -> Iterator[RunOutputEvent]:
    return who.run(asked.turn.message, asked.turn.attachments, asked.frame)


KINDS: Final[Mapping[str, TurnKind]] = {
    Kind.MESSAGE: TurnKind(_check_message, _say),
    Kind.DECISION: TurnKind(decisions.check, decisions.carry_out),
    Kind.REGENERATE: TurnKind(regenerating.check, regenerating.carry_out),
    Kind.OPERATOR: TurnKind(speaking.check, _say, check_can_speak),
}


def kind_of(turn: Turn) -> TurnKind:
    """Return the turn's kind.

    Raises:
        BadRequest: there is none of this name.
    """
    try:
        return KINDS[turn.kind]
    except KeyError:
        raise BadRequest(f"A turn cannot be of the kind {turn.kind!r}.") from None
