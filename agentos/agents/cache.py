"""Sessions kept between runs, as long as they are what the database holds."""

from threading import Lock

from agentos.db.base import BaseDb
from agentos.records import Session


class SessionCache:
    """At most one session row by id, each with the version it was read at.

    The version is asked for before the row: a write between the two makes the next question read again, never keep
    something old. So a cached session costs one small question where Agno asks none, and nobody's write is lost.
    """

    # Sessions held at once; a component that serves many is not meant to hold them all.
    LIMIT = 128

    def __init__(self) -> None:
        self._held: dict[str, tuple[str, Session]] = {}
        self._lock = Lock()

    def load(self, db: BaseDb, session_id: str) -> Session | None:
        """Return the session as it is now, None if there is none."""
        version = db.session_version(session_id)
        if version is None:
            self.forget(session_id)
            return None
        with self._lock:
            held = self._held.get(session_id)
        if held and held[0] == version:
            return held[1]
        session = db.load_session(session_id)
        if session is not None:
            with self._lock:
                self._held.pop(session_id, None)
                self._held[session_id] = version, session
                while len(self._held) > self.LIMIT:
                    del self._held[next(iter(self._held))]
        return session

    def forget(self, session_id: str) -> None:
        """Read it anew next time."""
        with self._lock:
            self._held.pop(session_id, None)
