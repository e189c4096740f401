"""Listening to a run of a remote server: its events in order and once each, through lines that drop, until it ends.

A run in the background goes on when its line breaks (format §8.3), numbers its events, and `/resume` sends those that
were missed. The stream is read in a thread of its own, as a model's is: whoever waits can look around meanwhile.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from agentos.llm.base import MAX_ANSWER
from agentos.llm.connection import Connection, Interrupted
from agentos.records.events import RunOutputEvent
from agentos.remotes.api import Api, Upload, runs_path
from agentos.remotes.errors import RemoteError, explain
from agentos.remotes.reading import is_end, read_event

logger = logging.getLogger(__name__)

__all__ = ["Listening", "NotStopped", "Post"]

# Seconds between two ticks while nothing arrives.
_TICK: Final = 0.25
# Seconds of silence after which the line of a run that can be resumed is taken for dead.
_SILENCE: Final = 30.0
# Seconds: between attempts to take a broken line up again, and how long a server has to obey, or to hang up at the end.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 8.0
GRACE: Final = 10.0
_HANGS_UP: Final = 3.0
# Seconds after which a run is not listened to any more, whatever it sends.
_LONGEST: Final = 3600.0
_TICKS: Final = RunOutputEvent.from_dict({})
_END: Final = object()
_UNREAD: Final = object()

Arrivals = queue.Queue[Any]


class NotStopped(Exception):
    """The server was asked to stop a run and did not; `str()` is a sentence."""


@dataclass(frozen=True)
class Post:
    """A request that is answered with a stream of events. `background`: its run survives a broken line."""

    path: str
    fields: dict[str, str]
    uploads: list[Upload] = field(default_factory=list)
    background: bool = True


class Listening:
    """One run, from the request that begins it, or goes on with it.

    `run_id`: the id we asked for; the server's own, once it names another. `is_over()` tells from the database whether
    a run whose stream just ended is through. `patience`: seconds without a sign of life until it is given up.
    After `events`: `ended` is the name of the event that ended the run, "" for none; `error` what it failed with;
    `lost` why listening ended before the run did; `unread` how many events could not be read, `resumed` how often
    the line was taken up again. `is_under_way`: the server said so of a run that was taken up.
    """

    def __init__(
        self,
        api: Api,
        kind: str,
        component_id: str,
        *,
        session_id: str,
        run_id: str,
        patience: float,
        is_over: Callable[[str], bool],
    ) -> None:
        self.run_id, self.ended, self.error = run_id, "", ""
        self.lost: RemoteError | None = None
        self.unread = self.resumed = 0
        self.is_under_way = False
        self._api, self._kind, self._component_id, self._session_id = api, kind, component_id, session_id
        self._patience, self._is_over = patience, is_over
        self._what = f"the {kind} {component_id}"
        self._last_index = -1
        self._size = 0
        self._begun = self._resumable = self._is_replay = False
        self._ended_at = 0.0
        self._asked_to_stop = 0.0
        self._lock = threading.Lock()
        self._asking: threading.Thread | None = None

    def events(self, post: Post) -> Iterator[RunOutputEvent]:
        """Send the request and yield the run's events; an event without a name is a tick: nothing new.

        Raises:
            RemoteError: the server refused, or cannot be reached: nothing was begun.
            NotStopped: it did not stop when it was asked to.
        """
        self._started = self._heard = time.monotonic()
        self._resumable = post.background
        pause = _FIRST_PAUSE
        while True:
            before = self._last_index
            fault = yield from self._listen(post)
            if self.ended or (fault is None and self._is_over(self.run_id)):
                return
            if not self._begun and fault is not None and (fault.unreachable or fault.status) and not self.resumed:
                raise fault
            if not self._may_resume(fault):
                self.lost = self.lost or fault or RemoteError(_BROKE_OFF.format(self._api.remote.name))
                return
            pause = _FIRST_PAUSE if self._last_index > before else min(2 * pause, _LONGEST_PAUSE)
            yield from self._wait(pause)
            self.resumed += 1
            post = self.resuming()

    def stop(self) -> None:
        """Ask the server to stop the run, from any thread and at once; the answer is not waited for here."""
        with self._lock:
            self._asked_to_stop = self._asked_to_stop or time.monotonic()
            if self._asking is None:
                self._asking = threading.Thread(target=self._ask, name="remote-cancel", daemon=True)
                self._asking.start()

    def _ask(self) -> None:
        try:
            self._api.cancel(self._kind, self._component_id, self.run_id, self._session_id)
        except Exception as error:
            logger.warning("The run %s could not be stopped: %s", self.run_id, error)
            with self._lock:
                self._asking = None  # whoever wants it stopped asks again

    # --- one connection -------------------------------------------------------------------------------------------
    def _listen(self, post: Post) -> Generator[RunOutputEvent, None, RemoteError | None]:
        """Yield what one request brings; return what broke it off, None when the server ended it."""
        connection, arrivals = Connection(), queue.Queue[Any](maxsize=16)
        reader = threading.Thread(
            target=self._read, args=(post, connection, arrivals), name="remote-stream", daemon=True
        )
        reader.start()
        try:
            while True:
                try:
                    arrived = arrivals.get(timeout=_TICK)
                except queue.Empty:
                    arrived = _TICKS
                if arrived is _END or isinstance(arrived, RemoteError):
                    return arrived if isinstance(arrived, RemoteError) else None
                if isinstance(arrived, RunOutputEvent):
                    yield from self._take(arrived, is_first=not self.resumed)
                else:
                    self.unread += 1
                if fault := self._out_of_time():
                    return fault
        finally:
            connection.close()

    def _read(self, post: Post, connection: Connection, arrivals: Arrivals) -> None:
        """Put each event of the stream into `arrivals`, then the error or the end; the thread's whole life."""
        silence = min(_SILENCE, self._patience) if post.background else self._patience
        try:
            with self._api.stream(
                post.path, post.fields, connection, silence=silence, what=self._what, uploads=post.uploads
            ) as stream:
                for sse in stream:
                    connection.put(arrivals, read_event(sse.event, sse.data) or _UNREAD)
            connection.put(arrivals, _END)
        except Interrupted:
            return
        except Exception as error:  # handed to whoever waits
            if not isinstance(error, RemoteError):
                logger.exception("The stream of the run %s cannot be read", self.run_id)
            connection.put(arrivals, explain(self._api.remote, error), quietly=True)

    def _take(self, event: RunOutputEvent, *, is_first: bool) -> Iterator[RunOutputEvent]:
        """Yield the event if it is new; notice what it says of the run as a whole."""
        name = event.event
        if name is None:
            yield event
            return
        if name in _FRAMES:
            self._frame(name)
            return
        self._heard = time.monotonic()
        index = event.raw.get("event_index")
        if isinstance(index, int):
            if index <= self._last_index:
                return
            self._last_index = index
        elif not is_first and not is_end(event):
            return  # whether it was heard before cannot be told
        if not self._begun:
            self._begun = True
            self.run_id = event.run_id or self.run_id
        if is_end(event) and event.run_id in (self.run_id, None):
            self.ended, self._ended_at = self.ended or name, self._ended_at or time.monotonic()
            self.error = self.error or str(event.raw.get("content") or event.error or "")
        self._measure(event)
        yield event

    def _frame(self, name: str) -> None:
        """Take in what only a resumed stream sends: how the server stands to the run."""
        if name in ("subscribed", "catch_up"):
            self._heard, self._begun, self.is_under_way = time.monotonic(), True, True
        elif name in ("error", "stream_expired"):
            self._resumable = False
        self._is_replay = name == "replay"  # of a run that is not under way any more

    def _measure(self, event: RunOutputEvent) -> None:
        if event.is_content:
            self._size += len(str(event.content or "")) + len(event.reasoning_content or "")
        if self._size > MAX_ANSWER:
            self._resumable = False
            self.stop()
            self.lost = RemoteError(f"The answer was stopped at {MAX_ANSWER // 2**20} MB. Ask for a shorter one.")

    def _out_of_time(self) -> RemoteError | None:
        """Return why this connection is not listened to any longer, if so.

        Raises:
            NotStopped: the run goes on though it was to stop.
        """
        now, name = time.monotonic(), self._api.remote.name
        if self.lost is not None:
            return self.lost
        if self._asked_to_stop and now - self._asked_to_stop > GRACE and not self.ended:
            raise NotStopped(f"The server {name} did not stop the run within {GRACE:.0f} s; it may go on there.")
        if self.ended and now - self._ended_at > _HANGS_UP:
            return RemoteError("")  # all was said, and the server keeps the line open
        if now - self._heard > self._patience or now - self._started > _LONGEST:
            self._resumable = False
            self.stop()
            waited = self._patience if now - self._started <= _LONGEST else _LONGEST
            self.lost = RemoteError(_GIVEN_UP.format(name, waited))
        return self.lost

    # --- a broken line ----------------------------------------------------------------------------------------------
    def _may_resume(self, fault: RemoteError | None) -> bool:
        if not self._resumable or (self._is_replay and fault is None):
            return False
        if self.resumed and fault is not None and fault.status in (404, 405, 501):
            return False
        return self._out_of_time() is None

    def resuming(self) -> Post:
        """Return the request that takes the run up after the last event that was heard, or from its beginning."""
        fields = {"session_id": self._session_id}
        fields |= {"last_event_index": str(self._last_index)} if self._last_index >= 0 else {}
        return Post(f"{runs_path(self._kind, self._component_id)}/{quote(self.run_id, safe='')}/resume", fields)

    def _wait(self, seconds: float) -> Iterator[RunOutputEvent]:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(_TICK)
            yield _TICKS


_FRAMES: Final = frozenset({"catch_up", "replay", "subscribed", "stream_expired", "error"})
_BROKE_OFF: Final = "The server {} ended its answer before the run was through."
_GIVEN_UP: Final = "The server {} has not been heard of for {:.0f} s, so it is not waited for any longer."
