"""What everybody who carries a turn out is told of it."""

from dataclasses import asdict, dataclass
from typing import Any

from agentos.records import Session
from agentos.turns.models import Turn
from agentos.turns.turn_db import TurnDb

__all__ = ["Asked", "Frame"]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a run is told of itself: the session it is in and whose that is, its own id, and who had it made."""

    session_id: str
    run_id: str
    user_id: str | None
    metadata: dict[str, Any]

    def options(self) -> dict[str, Any]:
        """Return them as the arguments of `run` and `continue_run`."""
        return asdict(self)


@dataclass(frozen=True)
class Asked:
    """A turn while it is carried out: in which session, and what its run is told of itself."""

    turn: Turn
    session: Session
    db: TurnDb
    frame: Frame
