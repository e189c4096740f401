"""Who answers a turn: the component of this process that the session belongs to, else one rebuilt from the session."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from agentos.agents import registry
from agentos.agents.cancelling import cancel_run
from agentos.db.sql import SqlDb
from agentos.records import File, Image, Session
from agentos.records.events import RunOutputEvent
from agentos.turns.answering import rebuilt
from agentos.turns.intake import Intake
from agentos.turns.models import Turn

__all__ = ["Answerer", "answerer"]


@dataclass(frozen=True)
class Answerer:
    """Who answers. `events` yields those of the run, which is stored when they end; `cancel` asks it to stop.

    `label`, `model_id`: what people call it and its model, "" for unknown. `tells`: its events say what it said;
    otherwise the intake has heard that already.
    """

    label: str
    model_id: str
    events: Callable[[], Iterator[RunOutputEvent]]
    cancel: Callable[[str], object]
    tells: bool


def answerer(turn: Turn, session: Session, db: SqlDb, intake: Intake) -> Answerer:
    """Return who answers this turn; `db` keeps what comes of it.

    Raises:
        SourceUnavailable: the source cannot be read.
    """
    options: dict[str, Any] = {
        "run_id": str(turn.pk),
        "session_id": turn.session_id,
        "user_id": session.user_id,
        "metadata": {"agentos_sessions": {"continued_by": turn.actor}},
    }
    if found := registry.find(session.session_type, session.component_id):
        return Answerer(
            found.name or found.id,
            found.model_id,
            lambda: found.run(turn.message, db=db, attachments=turn.attachments, **options),
            found.cancel,
            tells=True,
        )
    who = rebuilt(session, db, intake.watch)
    options["images"] = [Image.from_dict(image) for image in turn.attachments.get("images", ())]
    options["files"] = [File.from_dict(file) for file in turn.attachments.get("files", ())]
    return Answerer(
        who.stored.label,
        who.model.id,
        lambda: who.component.run(turn.message, stream=True, **options),
        cancel_run,
        tells=False,
    )
