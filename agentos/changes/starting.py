"""New sessions: with whom, for whom, in which source."""

from dataclasses import dataclass
from typing import Any, Final

from agentos.access.rights import AnyUser
from agentos.access.rules import scope_of
from agentos.agents import registry
from agentos.agents.component import SessionComponent
from agentos.catalog.keys import index_key
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.db.reader import Reader
from agentos.db.source import Source
from agentos.db.sources import SourceError, get_source
from agentos.db.writer import Writer
from agentos.db.writer_rules import KINDS
from agentos.records import Session

# Sessions that are looked through for components, those updated last, and components that are offered.
_LOOKED_AT: Final = 2_000
MOST_CHOICES: Final = 200
LONGEST_USER_ID: Final = 1_000


class CannotStart(Exception):
    """The session cannot be begun as it was asked for; `str()` is a sentence that says why."""


@dataclass(frozen=True)
class Choice:
    """Somebody to begin a session with. `is_registered`: it answers itself; else it is rebuilt from the session."""

    kind: str
    id: str
    name: str | None
    is_registered: bool

    @property
    def value(self) -> str:
        """What a form sends for it."""
        return f"{self.kind}/{self.id}"

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or self.id


def choices(user: AnyUser) -> list[Choice]:
    """Return whom this user may begin a session with: those registered here, then those of the sessions they see.

    Whoever was granted certain components is told of no others.
    """
    found: dict[tuple[str, str], Choice] = {}
    granted = scope_of(user).components
    for one in registry.registered():
        if not granted or (one.kind, one.id) in granted:
            found[one.kind, one.id] = Choice(one.kind, one.id, one.name, True)
    rows = CatalogSession.objects.visible_to(user).exclude(component_id=None).order_by("-updated_at", "-id")
    seen = rows.values_list("session_type", "component_id", "component_name")[:_LOOKED_AT]
    for kind, component_id, name in seen:
        if kind in KINDS and component_id and len(found) < MOST_CHOICES:
            found.setdefault((kind, component_id), Choice(kind, component_id, name, False))
    return list(found.values())


def chosen(user: AnyUser, value: str) -> Choice:
    """Return the choice that a form names, be it offered or not.

    Raises:
        CannotStart: there is no such component, or it is in no session that the user sees.
    """
    kind, _, component_id = value.partition("/")
    if one := registry.find(kind, component_id):
        return Choice(one.kind, one.id, one.name, True)
    row = _latest(user, kind, component_id)
    if row is None:
        raise CannotStart("Choose an agent, a team or a workflow of those that are known here.")
    return Choice(kind, component_id, row.component_name, False)


def start(user: AnyUser, source: Source, choice: Choice, user_id: str | None, session_id: str, name: str = "") -> None:
    """Store a session without runs under the id `session_id`, which nobody may have used; `user_id` None: anonymous.

    Whoever calls has looked at the right to do so.

    Raises:
        CannotStart: the user's id cannot be stored.
        AlreadyStored: a session of this id is there.
        SourceError: the source cannot be written to.
    """
    if user_id is not None and (len(user_id) > LONGEST_USER_ID or "\0" in user_id):
        raise CannotStart(f"The user id is longer than {LONGEST_USER_ID:,} characters, or cannot be stored.")
    values = {
        "session_id": session_id,
        "session_type": choice.kind,
        f"{choice.kind}_id": choice.id,
        f"{choice.kind}_data": _data(user, choice),
        "user_id": user_id,
        "session_data": {"session_name": name} if name else {},
    }
    Writer(source).create_session(Session.from_dict(values))
    refresh_session(source, session_id)


def _data(user: AnyUser, choice: Choice) -> dict[str, Any]:
    """Return what a new session keeps of its component (format §2.3): as it is registered, else as last stored."""
    known: dict[str, Any] = {f"{choice.kind}_id": choice.id} | ({"name": choice.name} if choice.name else {})
    if found := registry.find(choice.kind, choice.id):
        if isinstance(found.component, SessionComponent):
            return found.component.component_data()
        model = getattr(found.component, "model", None)
        kept = {key: str(getattr(model, key)) for key in ("id", "name", "provider") if getattr(model, key, None)}
        return known | ({"model": kept} if kept else {})
    row = _latest(user, choice.kind, choice.id)
    if row is None:
        return known
    try:
        stored = Reader(get_source(row.source)).session(row.session_id)
    except (KeyError, SourceError):
        return known
    data = stored.raw.get(f"{choice.kind}_data") if stored else None
    return data if isinstance(data, dict) else known


def _latest(user: AnyUser, kind: str, component_id: str) -> CatalogSession | None:
    rows = CatalogSession.objects.visible_to(user).filter(session_type=kind, component_key=index_key(component_id))
    return rows.filter(component_id=component_id).order_by("-updated_at", "-id").first()
