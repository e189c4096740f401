"""A person speaks in the agent's place: what they write is a run of the session's component with one assistant message.

Agno reads it into the history of the next run as it does any answer, with no input before it, like the introductions
it writes itself (format §4). That a person wrote it, the run's metadata say, for whoever reads the database; a page
believes only our own table of turns.
"""

import time
import uuid
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from django.db.models import Q

from agentos.db.changes import SessionChange
from agentos.records import BadRun, ByPerson, Run, Session, names_people, parse_run
from agentos.records.events import RunOutputEvent
from agentos.records.hands import ABOUT, SPOKEN_BY
from agentos.turns.answerers import Answerer, Media
from agentos.turns.errors import BadRequest
from agentos.turns.frames import Frame
from agentos.turns.models import Turn
from agentos.turns.turn_db import TurnDb

# The kind of such a turn, and of one that asks as the user.
OPERATOR: Final = "operator"
MESSAGE: Final = "message"
MOST: Final = 32_000


class Human(Answerer):
    """The person who sent the turn: their message is the answer."""

    model_id = ""
    tells = stores_by_db = True
    has_program = False

    def __init__(self, turn: Turn, session: Session, db: TurnDb) -> None:
        self.label, self._session, self._db = turn.actor, session, db

    def run(self, message: str, attachments: Media, frame: Frame) -> Iterator[RunOutputEvent]:
        """Store the message as a run. There is nothing to wait for, so there are no events."""
        self._db.save(SessionChange(session=self._session, runs=[self._spoken(message, frame)]))
        yield from ()

    def continue_run(self, run: Run, frame: Frame) -> Iterator[RunOutputEvent]:
        """A person has no run to go on with."""
        raise NotImplementedError

    def cancel(self, run_id: str) -> None:
        """There is no time to stop it in."""

    def _spoken(self, message: str, frame: Frame) -> Run:
        now = int(time.time())
        kind = self._session.session_type if self._session.session_type in ("team", "workflow") else "agent"
        about = {**frame.metadata.get(ABOUT, {}), SPOKEN_BY: self.label}
        raw: dict[str, Any] = {
            "run_id": frame.run_id,
            f"{kind}_id": self._session.component_id or "",
            f"{kind}_name": self._session.component_name,
            "session_id": frame.session_id,
            "content": message,
            "content_type": "str",
            "metadata": {**frame.metadata, ABOUT: about},
            "status": "COMPLETED",
            "created_at": now,
        }
        if kind != "workflow":
            raw["messages"] = [
                {
                    "id": str(uuid.uuid4()),
                    "role": "assistant",
                    "content": message,
                    "from_history": False,
                    "stop_after_tool_call": False,
                    "created_at": now,
                }
            ]
        if frame.user_id is not None:
            raw["user_id"] = frame.user_id
        made = parse_run({key: value for key, value in raw.items() if value is not None})
        assert isinstance(made, Run)  # noqa: S101  # built here
        return made


def check(turn: Turn) -> None:
    """Refuse a message of a person that is empty, too long, or has files, for which an answer has no place."""
    if not turn.message:
        raise BadRequest("The message is empty.")
    if len(turn.message) > MOST:
        raise BadRequest(f"The message has {len(turn.message):,} characters; {MOST:,} can be sent as an operator.")
    if any(turn.attachments.values()):
        raise BadRequest("An answer has no place for files. Take them out, or send them as the user.")


def known(source_name: str, session_id: str, runs: Iterable[Run | BadRun]) -> dict[str, ByPerson]:
    """Return what people wrote of which of the runs, by their ids, as our own table has it.

    No statement if no run says that somebody did.
    """
    ids = [run.run_id for run in runs if isinstance(run, Run) and run.run_id and names_people(run)]
    return people_in(source_name, session_id, ids) if ids else {}


def people_in(source_name: str, session_id: str, run_ids: Collection[str] | None = None) -> dict[str, ByPerson]:
    """Return what people wrote of these runs of a session, None for all of them, by their ids; one statement."""
    by_people = Q(kind=OPERATOR) | Q(kind=MESSAGE) & ~Q(acting_for="")
    turns = Turn.objects.of_session(source_name, session_id).filter(by_people).exclude(run_id="")
    if run_ids is not None:
        turns = turns.filter(run_id__in=run_ids)
    return {
        run_id: ByPerson(answered=actor) if kind == OPERATOR else ByPerson(asked=actor)
        for run_id, kind, actor in turns.values_list("run_id", "kind", "actor")
    }
