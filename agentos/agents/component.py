"""What agents, teams and workflows have in common: an id, a database, and the sessions they keep in it."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from agentos.agents.cache import SessionCache
from agentos.agents.identity import component_id, new_id
from agentos.agents.session_access import SessionAccess
from agentos.agents.state import change_between, lasting, starting_state
from agentos.db.base import BaseDb, SessionChange, StateChange
from agentos.db.writer_errors import SessionOwnedByOther
from agentos.records import TRANSIENT_STATE, TRANSIENT_WORKFLOW_STATE, Kind, Run, Session, SessionSummary

logger: Final = logging.getLogger("agentos")

OWNED: Final = "The session {id!r} belongs to another user, so it was neither read nor written."
ANONYMOUS: Final = (
    "The session {id!r} was begun without a user. Continue it without user_id, or give it to a user first: "
    "its user_id is set by db.upsert_session()."
)


@dataclass(kw_only=True)
class OpenSession:
    """A session as a run found it. `state` is the live state, `stored_state` what the database holds of it.

    `continued`: the paused run that is gone on with, which nobody else may go on with meanwhile.
    """

    session: Session
    state: dict[str, Any]
    stored_state: dict[str, Any]
    is_new: bool
    continued: str | None = None

    @property
    def session_id(self) -> str:
        """Id of the session."""
        return self.session.session_id or ""

    @property
    def user_id(self) -> str | None:
        """The user it belongs to."""
        return self.session.user_id


@dataclass(kw_only=True, eq=False, repr=False)
class SessionComponent(SessionAccess):
    """The options of every component that keeps sessions, under Agno's names.

    `db` is all it takes: with one, every run is stored in the session it belongs to. `session_state` is the state a
    new session begins with; a stored one wins over it unless `overwrite_db_session_state`. `cache_session` keeps a
    session between runs instead of reading it again, as long as nobody else writes to it. `debug_mode` logs more;
    `telemetry` is taken for the sake of Agno's programs: nothing is ever sent anywhere.
    """

    kind: ClassVar[Kind]

    id: str | None = None
    name: str | None = None
    db: BaseDb | None = None
    session_id: str | None = None
    user_id: str | None = None
    session_state: dict[str, Any] | None = None
    overwrite_db_session_state: bool = False
    cache_session: bool = False
    metadata: dict[str, Any] | None = None
    dependencies: dict[str, Any] | None = None
    stream: bool | None = None
    stream_events: bool | None = None
    store_events: bool = False
    events_to_skip: Sequence[str] | None = None
    store_media: bool = True
    telemetry: bool = True
    debug_mode: bool = False
    debug_level: int = 1
    _cache: SessionCache = field(default_factory=SessionCache, init=False)

    def __post_init__(self) -> None:
        """Give the component an id, as Agno does."""
        if self.id is None:
            self.id = component_id(self.name)
        if self.debug_mode:
            logger.setLevel(logging.DEBUG)

    @property
    def component_id(self) -> str:
        """The id under which its runs are stored."""
        return self.id or ""

    def component_data(self) -> dict[str, Any]:
        """Return what a new session keeps of this component in `agent_data`, `team_data` or `workflow_data` (§2.3)."""
        return {f"{self.kind}_id": self.component_id} | ({"name": self.name} if self.name else {})

    # --- the session of a run -----------------------------------------------------------------------------------
    def _open(
        self,
        session_id: str | None = None,
        user_id: str | None = None,
        session_state: Mapping[str, Any] | None = None,
        *,
        run_id: str | None = None,
    ) -> OpenSession:
        """Return the session to run in, as it is stored, or a new one that the first save will insert.

        Without an id the component's own is taken, or one is made and kept. Without a user the session's own is.

        Raises:
            SessionOwnedByOther: it is another user's, or nobody's while a user was named.
            SourceUnavailable: the database cannot be read.
        """
        session_id = session_id or self._own_session_id()
        user_id = user_id or self.user_id
        stored = self._load(session_id)
        if stored is not None:
            check_owner(stored, user_id)
        session = stored or self._new_session(session_id, user_id)
        stored_state = (stored.session_state or {}) if stored else {}
        overwrite = self.overwrite_db_session_state
        state = starting_state(self.session_state, stored_state, session_state, overwrite=overwrite)
        state.update(self._transient(session, run_id))
        return OpenSession(session=session, state=state, stored_state=stored_state, is_new=stored is None)

    def _opened(self, run_id: str, options: dict[str, Any]) -> OpenSession:
        """Open the session that a caller's options name, and take them out."""
        session_id, user_id = options.pop("session_id", None), options.pop("user_id", None)
        return self._open(session_id, user_id, options.pop("session_state", None), run_id=run_id)

    def _save(self, opened: OpenSession, runs: Sequence[Run], *, summary: SessionSummary | None = None) -> None:
        """Store what a run left: its runs (members first), the state it changed, a new summary. All of it or nothing.

        Raises:
            SessionOwnedByOther: the session was given to another user meanwhile.
            SourceUnavailable, InvalidRun and the writer's other errors: nothing was stored.
        """
        if self.db is None:
            return
        state = lasting(opened.state, self._transient_keys())
        changed = change_between(opened.stored_state, state)
        if changed and self.overwrite_db_session_state:
            changed = StateChange(state, whole=True)
        change = SessionChange(
            session=opened.session,
            runs=[run for run in runs if run is not None],
            state=changed,
            summary=summary,
            metadata=self.metadata,
            continued=frozenset(filter(None, [opened.continued])),
        )
        self.db.save(change)
        self._forget(opened.session_id)

    def _load(self, session_id: str) -> Session | None:
        """Return the session's row, from memory if it is cached and nobody has written to it since."""
        if self.db is None:
            return None
        if not self.cache_session:
            return self.db.load_session(session_id)
        return self._cache.load(self.db, session_id)

    def _forget(self, session_id: str) -> None:
        self._cache.forget(session_id)

    def _own_session_id(self) -> str:
        self.session_id = self.session_id or new_id()
        return self.session_id

    def _new_session(self, session_id: str, user_id: str | None) -> Session:
        values = {
            "session_id": session_id,
            "session_type": self.kind,
            f"{self.kind}_id": self.component_id,
            "user_id": user_id,
            "session_data": {},
            f"{self.kind}_data": self.component_data(),
            "metadata": self.metadata,
        }
        return Session.from_dict(values)

    def _transient_keys(self) -> frozenset[str]:
        return TRANSIENT_WORKFLOW_STATE if self.kind == "workflow" else TRANSIENT_STATE

    def _transient(self, session: Session, run_id: str | None) -> dict[str, Any]:
        """Return what the state holds for the time of a run only."""
        values = {
            "current_user_id": session.user_id,
            "current_session_id": session.session_id,
            "current_run_id": run_id,
        }
        return {key: value for key, value in values.items() if value is not None}


def check_owner(session: Session, user_id: str | None) -> None:
    """Refuse a user who is not the session's own: Agno would lose the run, or replace the session (format §5.3).

    Nobody in particular may continue any session, as in Agno; it then goes on as its owner's.

    Raises:
        SessionOwnedByOther: with a sentence that says what to do.
    """
    if user_id is not None and user_id != session.user_id:
        sentence = OWNED if session.user_id is not None else ANONYMOUS
        raise SessionOwnedByOther(sentence.format(id=session.session_id))
