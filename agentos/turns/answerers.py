"""Who answers in a session: what is asked of all of them, and those that do so in this process."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

from agentos.agents import registry
from agentos.agents.cancelling import cancel_run
from agentos.db.sql import SqlDb
from agentos.llm import Delta, DemoModel, Model
from agentos.records import Run, Session
from agentos.records.events import RunOutputEvent
from agentos.turns import answering
from agentos.turns.frames import Frame
from agentos.turns.going_on import GoingOn
from agentos.turns.intake import Intake

__all__ = ["Answerer", "Media", "RebuiltAnswerer", "RegisteredAnswerer"]

Media = Mapping[str, list[dict[str, Any]]]


class Answerer(ABC):
    """Who answers in a session. Whatever is asked, the run is stored when the events end.

    `label`, `model_id`: what people call it and its model, "" for unknown. `tells`: its events say what it said;
    otherwise the intake has heard that already. `has_program`: its own tools, members and steps are there, so that it
    can do what a paused run waits to do. `stores_by_db`: it stores by the turn's database, and reads its history there.
    `can_go_on`: it may be shown a piece of an answer that broke off, to add the rest. `run_id`: the run that it made,
    where that is another than was asked for.
    """

    label: str
    model_id: str
    tells: bool
    has_program: bool
    stores_by_db: bool = False
    can_go_on: bool = False
    run_id: str = ""

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
        self._found, self._db, self.stores_by_db = found, db, found.vendor == "agentos"

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
    stores_by_db = True

    def __init__(self, session: Session, db: SqlDb, intake: Intake, before: Delta | None = None) -> None:
        """`before`: what had arrived of the answer that is to be gone on with."""

        def watched(model: Model) -> Model:
            return intake.watch(model) if before is None else GoingOn(intake.watch(model), before, intake.add)

        who = answering.rebuilt(session, db, watched)
        self.label, self.model_id, self._component = who.stored.label, who.model.id, who.component
        self.can_go_on = not isinstance(who.model, DemoModel)  # which says the same, whatever came before

    def run(self, message: str, attachments: Media, frame: Frame) -> Iterator[RunOutputEvent]:
        """Run it."""
        events: Iterator[RunOutputEvent] = self._component.run(
            message, stream=True, **registry.own_media(attachments), **frame.options()
        )
        return events

    def continue_run(self, run: Run, frame: Frame) -> Iterator[RunOutputEvent]:
        """Go on with the run."""
        return registry.own_continuation(self._component, run, stream=True, **frame.options())

    def cancel(self, run_id: str) -> None:
        """Stop the run."""
        cancel_run(run_id)
