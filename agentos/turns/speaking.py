"""A person speaks in the agent's place: what they write is a run of the session's component with one assistant message.

Agno reads it into the history of the next run as it does any answer, with no input before it, like the introductions
it writes itself (format §4). That a person wrote it, the run's metadata say, for whoever reads the database; a page
believes only our own table of turns.
"""

import time
import uuid
from collections.abc import Iterable, Iterator
from typing import Any, Final

from agentos.db.changes import SessionChange
from agentos.records import BadRun, Run, Session, parse_run
from agentos.records.events import RunOutputEvent
from agentos.turns.answerers import Answerer, Media
from agentos.turns.errors import BadRequest
from agentos.turns.frames import Frame
from agentos.turns.models import Turn
from agentos.turns.turn_db import TurnDb

# The kind of such a turn, and the name under which the run's metadata hold who spoke.
OPERATOR: Final = "operator"
ABOUT, SPOKEN_BY = "agentos_sessions", "spoken_by"
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


def claimed(run: Run | BadRun) -> str:
    """Return who spoke in a run by what its metadata say, which any program may write; "" for nobody."""
    metadata = run.raw.get("metadata") if isinstance(run, Run) else None
    about = metadata.get(ABOUT) if isinstance(metadata, dict) else None
    name = about.get(SPOKEN_BY) if isinstance(about, dict) else None
    return name if isinstance(name, str) else ""


def known(source_name: str, session_id: str, runs: Iterable[Run | BadRun]) -> dict[str, str]:
    """Return who spoke in which of the runs, as our own table has it; no statement if no run says that one did."""
    ids = [run.run_id for run in runs if isinstance(run, Run) and run.run_id and claimed(run)]
    if not ids:
        return {}
    turns = Turn.objects.of_session(source_name, session_id).filter(kind=OPERATOR, run_id__in=ids)
    return dict(turns.values_list("run_id", "actor"))
