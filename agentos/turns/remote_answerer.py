"""An agent, team or workflow of a remote AgentOS server as the one who answers: it writes the session, we listen."""

import base64
import json
import time
from collections.abc import Generator, Iterator, Sequence
from typing import Any, Final

from django.conf import settings

from agentos.agents.answers import apply_answers
from agentos.db.connections import give_back
from agentos.db.sources import SourceError
from agentos.db.sql import SqlDb
from agentos.records import Run, Session
from agentos.records.events import RunOutputEvent
from agentos.remotes.api import Api, Upload, runs_path
from agentos.remotes.errors import RemoteError
from agentos.remotes.listening import Listening, NotStopped, Post
from agentos.remotes.remote import Remote
from agentos.turns.answerers import Answerer, Media
from agentos.turns.errors import CannotAnswer, Stopped
from agentos.turns.frames import Frame
from agentos.turns.intake import Intake

__all__ = ["RemoteAnswerer"]

# Seconds a server has to store a run that has ended, and between two looks whether it has.
_STORES: Final = 15.0
_LOOK, _TICK = 1.0, 0.2
_FINAL: Final = frozenset({"COMPLETED", "ERROR", "CANCELLED", "PAUSED"})
_ANSWERED: Final = frozenset({"COMPLETED", "PAUSED"})
# What a server answers that does not know how to take a run up, or the run.
_KNOWS_NO_RESUME: Final = frozenset({404, 405, 501})
_TICKS: Final = RunOutputEvent.from_dict({})

NO_FILES: Final = "The server {name} takes no files for a workflow. Send the message without them."
NOT_HERE: Final = (
    "The server {name} answered, but its run is not in the source {source}: it keeps its sessions in another database. "
    "The answer is kept here."
)
NOT_OVER: Final = (
    "The server {name} said that the run is over, but the source {source} does not. What came is kept here."
)
UNREAD: Final = "{count} events of the server {name} could not be read and were left out."
TAKEN_UP: Final = "The server {name} was answering this already: its run is gone on with, and not begun again."
RESUMED: Final = "The connection to the server {name} broke and was taken up again."


class RemoteAnswerer(Answerer):
    """One component of one server, in one session. `serves`: what the server says of it.

    `earlier`: ids of the runs that were begun for the same message and not seen to end, the last one first. A run goes
    on at its server when our process dies, and its tools are not to be called twice.
    """

    tells = has_program = True

    def __init__(
        self,
        remote: Remote,
        serves: dict[str, Any],
        session: Session,
        db: SqlDb,
        intake: Intake,
        earlier: Sequence[str] = (),
    ) -> None:
        self._session_type = session.session_type or serves["kind"]
        self.label, self.model_id = f"{serves['name'] or serves['id']}, on {remote.name}", serves["model"]
        self._remote, self._kind, self._component_id = remote, serves["kind"], serves["id"]
        self._db_id = serves["db_id"] or None
        self._session_id, self._user_id = session.session_id or "", session.user_id
        self._db, self._intake = db, intake
        self._earlier = earlier
        self._listening: Listening | None = None
        self._paused_before = False

    def knows_session(self) -> bool:
        """Whether the database that the server writes to has this session, with this user.

        A key that may run but not read leaves it open: then the answer is yes.

        Raises:
            RemoteError: the server cannot be asked.
        """
        try:
            return Api(self._remote).knows_session(self._session_type, self._session_id, self._user_id, self._db_id)
        except RemoteError as error:
            if error.status == 403:
                return True
            raise

    def run(self, message: str, attachments: Media, frame: Frame) -> Iterator[RunOutputEvent]:
        """Have it run, in the background of its server: a line that breaks does not end it."""
        uploads = list(_uploads(attachments))
        if uploads and self._kind == "workflow":
            raise CannotAnswer(NO_FILES.format(name=self._remote.name))
        fields = self._fields(frame) | {
            # Servers take no empty message.
            "message": message or " ",
            "run_id": frame.run_id,
            "metadata": json.dumps(frame.metadata),
            "background": "true",
        }
        return self._taken_up_or_begun(Post(runs_path(self._kind, self._component_id), fields, uploads), frame)

    def continue_run(self, run: Run, frame: Frame) -> Iterator[RunOutputEvent]:
        """Have it go on with a paused run; a workflow's does not survive a broken line (Agno refuses that)."""
        self._paused_before = True
        background = self._kind != "workflow"
        fields = self._fields(frame) | _decisions(run) | ({"background": "true"} if background else {})
        path = f"{runs_path(self._kind, self._component_id)}/{run.run_id}/continue"
        return self._listened(Post(path, fields, background=background), frame)

    def cancel(self, run_id: str) -> None:
        """Have it stop. The server is asked by a thread: whoever wants it stopped does not wait."""
        if self._listening is not None:
            self._listening.stop()

    def _fields(self, frame: Frame) -> dict[str, str]:
        user = {"user_id": frame.user_id} if frame.user_id else {}
        return {"stream": "true", "session_id": frame.session_id} | user

    def _listened(self, post: Post, frame: Frame) -> Iterator[RunOutputEvent]:
        """Yield the run's events, and ticks until its run is stored.

        Raises:
            CannotAnswer: the server refused, was lost, or keeps its runs elsewhere.
            Stopped: it was asked to stop and does not.
        """
        listening = self._listening_to(frame.run_id, frame)
        yield from self._heard(listening, post)
        yield from self._until_stored(listening)

    def _listening_to(self, run_id: str, frame: Frame) -> Listening:
        self._listening = Listening(
            Api(self._remote),
            self._kind,
            self._component_id,
            session_id=frame.session_id,
            run_id=run_id,
            patience=settings.AGENTOS_REMOTE_TIMEOUT,
            is_over=lambda run_id: self._status(run_id) in _FINAL,
        )
        return self._listening

    def _heard(self, listening: Listening, post: Post) -> Iterator[RunOutputEvent]:
        """Yield what the server says, with its faults as sentences."""
        resumed = 0
        try:
            for event in listening.events(post):
                self._is_about(listening.run_id)
                if listening.resumed > resumed and event.event is not None:
                    self._intake.note(RESUMED.format(name=self._remote.name))
                    resumed = listening.resumed
                yield event
        except RemoteError as error:
            raise CannotAnswer(str(error)) from error
        except NotStopped as error:
            raise Stopped(str(error)) from error
        if listening.unread:
            self._intake.note(UNREAD.format(count=listening.unread, name=self._remote.name))

    def _is_about(self, run_id: str) -> None:
        self.run_id = self._intake.run_id = run_id

    # --- a run that was begun before --------------------------------------------------------------------------------
    def _taken_up_or_begun(self, post: Post, frame: Frame) -> Iterator[RunOutputEvent]:
        for run_id in self._earlier:
            if (yield from self._taken_up(run_id, frame)):
                return
        self._is_about(frame.run_id)
        yield from self._listened(post, frame)

    def _taken_up(self, run_id: str, frame: Frame) -> Generator[RunOutputEvent, None, bool]:
        """Go on with a run that was begun before; return whether there was one to go on with.

        One that failed or was stopped is none, nor one that is stored as under way and that its server does not know:
        that died with its server.

        Raises:
            CannotAnswer, Stopped: as `_listened`.
        """
        if self._status(run_id) not in _FINAL and (yield from self._goes_on(run_id, frame)):
            return True
        if self._status(run_id) not in _ANSWERED:
            return False
        self._is_about(run_id)
        self._intake.note(TAKEN_UP.format(name=self._remote.name))
        yield self._stored_answer(run_id)
        return True

    def _goes_on(self, run_id: str, frame: Frame) -> Generator[RunOutputEvent, None, bool]:
        """Listen to a run if its server says that it is under way, or ends; return whether it did."""
        listening, held, told = self._listening_to(run_id, frame), list[RunOutputEvent](), False
        try:
            for event in self._heard(listening, listening.resuming()):
                if told:
                    yield event
                elif listening.is_under_way or listening.ended:
                    told = True
                    self._intake.note(TAKEN_UP.format(name=self._remote.name))
                    yield from [*held, event]
                else:  # it may be all that was stored of a run that died with its server
                    held += [event] if event.event is not None else []
                    yield _TICKS
        except CannotAnswer as error:
            if isinstance(error.__cause__, RemoteError) and error.__cause__.status in _KNOWS_NO_RESUME:
                return False
            raise
        if told:
            yield from self._until_stored(listening)
        return told

    def _stored_answer(self, run_id: str) -> RunOutputEvent:
        run = self._db.get_run(run_id)
        text = run.content_text if isinstance(run, Run) else ""
        return RunOutputEvent.from_dict({"event": "RunContent", "run_id": run_id, "content": text})

    # --- the run in the source ------------------------------------------------------------------------------------
    def _until_stored(self, listening: Listening) -> Iterator[RunOutputEvent]:
        """Yield ticks until the source has the run as one that is over.

        Raises:
            CannotAnswer: it does not come to be there.
        """
        began = time.monotonic()
        while True:
            status = self._status(listening.run_id)
            went_on = not self._paused_before or "Paused" in listening.ended or not listening.ended
            if status in _FINAL and (status != "PAUSED" or went_on):
                return
            # A run whose line was lost may go on.
            patience = _STORES if listening.ended or status is None else settings.AGENTOS_REMOTE_TIMEOUT
            if time.monotonic() - began > patience:
                raise CannotAnswer(self._missing(listening, status))
            until = time.monotonic() + _LOOK
            while time.monotonic() < until:
                time.sleep(_TICK)
                yield _TICKS

    def _missing(self, listening: Listening, status: str | None) -> str:
        """Return in a sentence why the turn has no run to show."""
        about = {"name": self._remote.name, "source": self._db.source.name}
        if listening.lost is not None and not listening.ended:
            return f"{listening.lost} What had arrived is kept here."
        if status is None and listening.error:  # Agno 2 keeps no run of a workflow that fails
            return f"The run failed on the server {self._remote.name}: {listening.error[:500]}"
        return (NOT_HERE if status is None else NOT_OVER).format(**about)

    def _status(self, run_id: str) -> str | None:
        """Return the status of the run in our source; None when it is not in this session, or cannot be read now."""
        try:
            run = self._db.get_run(run_id)
        except SourceError:
            return None
        finally:
            give_back(self._db.source)  # the server may take minutes
        return run.status if isinstance(run, Run) and run.session_id == self._session_id else None


def _uploads(attachments: Media) -> Iterator[Upload]:
    """Yield media in Agno's stored form as files: the content of texts is text, of all else base64."""
    for kind, media in attachments.items():
        for number, medium in enumerate(media, 1):
            mime, content = str(medium.get("mime_type") or "application/octet-stream"), str(medium.get("content") or "")
            is_text = kind == "files" and mime.startswith("text/")
            data = content.encode("utf-8", "replace") if is_text else base64.b64decode(content)
            name = str(medium.get("filename") or f"{kind.removesuffix('s')}-{number}.{mime.rpartition('/')[2]}")
            yield name, data, mime


def _decisions(run: Run) -> dict[str, str]:
    """Return what was decided about a paused run in the form that the API takes for its kind (format §8.3)."""
    if run.kind == "workflow":
        return {"step_requirements": json.dumps([one.to_dict() for one in run.step_requirements])}
    if run.kind == "team":
        return {"requirements": json.dumps([one.to_dict() for one in run.requirements])}
    apply_answers(run.tools, run.requirements, ())
    return {"tools": json.dumps([tool.to_dict() for tool in run.tools])}
