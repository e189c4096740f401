"""Who answers a turn: the component of this process that the session belongs to, else one rebuilt from the session."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from agentos.agents import registry
from agentos.agents.cancelling import cancel_run
from agentos.db.sql import SqlDb
from agentos.records import File, Image, Run, Session
from agentos.records.events import RunOutputEvent
from agentos.turns import answering
from agentos.turns.frames import Frame
from agentos.turns.intake import Intake
from agentos.turns.models import Turn

__all__ = ["Answerer", "answerer"]

Media = Mapping[str, list[dict[str, Any]]]


class Answerer(ABC):
    """Who answers in a session. Whatever is asked, the run is stored when the events end.

    `label`, `model_id`: what people call it and its model, "" for unknown. `tells`: its events say what it said;
    otherwise the intake has heard that already. `has_program`: its own tools, members and steps are there, so that it
    can do what a paused run waits to do.
    """

    label: str
    model_id: str
    tells: bool
    has_program: bool

    @abstractmethod
    def run(self, message: str, attachments: Media, frame: Frame) -> Iterator[RunOutputEvent]:
        """Answer a message, with images and files in Agno's stored form; yield the run's events."""

    @abstractmethod
    def continue_run(self, run: Run, frame: Frame) -> Iterator[RunOutputEvent]:
        """Go on with a paused run; yield its events from there on.

        `run`: as it is stored, with the answers written into its requirements, step requirements and error
        requirements. What is not answered pauses it again.
        """

    @abstractmethod
    def cancel(self, run_id: str) -> object:
        """Ask a run to stop, from any thread."""


class RegisteredAnswerer(Answerer):
    """A component that AGENTOS_AGENTS names."""

    tells = has_program = True

    def __init__(self, found: registry.Registered, db: SqlDb) -> None:
        self.label, self.model_id = found.name or found.id, found.model_id
        self._found, self._db = found, db

    def run(self, message: str, attachments: Media, frame: Frame) -> Iterator[RunOutputEvent]:
        """Have it run."""
        return self._found.run(message, db=self._db, attachments=attachments, **frame.options())

    def continue_run(self, run: Run, frame: Frame) -> Iterator[RunOutputEvent]:
        """Have it go on."""
        return self._found.continue_run(run, db=self._db, **frame.options())

    def cancel(self, run_id: str) -> None:
        """Have it stop."""
        self._found.cancel(run_id)


class RebuiltAnswerer(Answerer):
    """One of our own that stands in for whoever the session belongs to: the same model, without tools."""

    tells = has_program = False

    def __init__(self, session: Session, db: SqlDb, intake: Intake) -> None:
        who = answering.rebuilt(session, db, intake.watch)
        self.label, self.model_id, self._component = who.stored.label, who.model.id, who.component

    def run(self, message: str, attachments: Media, frame: Frame) -> Iterator[RunOutputEvent]:
        """Run it."""
        options: dict[str, Any] = {
            **frame.options(),
            "images": [Image.from_dict(image) for image in attachments.get("images", ())],
            "files": [File.from_dict(file) for file in attachments.get("files", ())],
        }
        events: Iterator[RunOutputEvent] = self._component.run(message, stream=True, **options)
        return events

    def continue_run(self, run: Run, frame: Frame) -> Iterator[RunOutputEvent]:
        """Go on with the run."""
        return registry.own_continuation(self._component, run, stream=True, **frame.options())

    def cancel(self, run_id: str) -> None:
        """Stop the run."""
        cancel_run(run_id)


def answerer(turn: Turn, session: Session, db: SqlDb, intake: Intake) -> Answerer:
    """Return who answers this turn; `db` keeps what comes of it.

    Raises:
        SourceUnavailable: the source cannot be read.
    """
    session = _as_of_run(session, turn.options.get("component"))
    if found := registry.find(session.session_type, session.component_id):
        return RegisteredAnswerer(found, db)
    return RebuiltAnswerer(session, db, intake)


def _as_of_run(session: Session, component: dict[str, Any] | None) -> Session:
    """Return the session as one of the component that a run to go on with is of: others may run in it, too."""
    if component is None or (component.get("kind"), component.get("id")) == (
        session.session_type,
        session.component_id,
    ):
        return session
    kind = component.get("kind")
    return Session.from_dict(
        {**session.raw, "session_type": kind, f"{kind}_id": component.get("id"), f"{kind}_data": None}
    )
