"""What every act needs: who acts, a reason that is fit to be kept, what is said when somebody was first, the record."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib.auth.models import User
from django.utils import timezone

from agentos.access.rules import NotAllowed
from agentos.audit import service as audit
from agentos.catalog.keys import clean
from agentos.moderation import acts  # noqa: F401  # what is recorded has to be registered
from agentos.moderation.models import NOTE_CHARACTERS, REASON_CHARACTERS, Case, CaseEvent, Subject

SHORTEST_REASON: Final = 5


class Refused(Exception):
    """It cannot be done so; `str()` is a plain sentence that says why."""


class Conflict(Refused):
    """Somebody was first; `str()` says who did what, and when."""


@dataclass(frozen=True)
class Actor:
    """Who acts: a person, or a rule or the command line, which have no `user`. `origin`: from which address."""

    name: str
    user: User | None = None
    origin: str = ""

    @classmethod
    def of(cls, user: User, origin: str = "") -> "Actor":
        """Return the actor that a signed-in person is."""
        return cls(user.get_username(), user, origin)

    @property
    def person(self) -> User:
        """The person who acts. Raises `NotAllowed` for a rule or the command line: this is for people."""
        if self.user is None:
            raise NotAllowed("This is done by people.")
        return self.user

    @property
    def fields(self) -> dict[str, Any]:
        """Who, as the tables keep it."""
        return {"by": self.user, "actor": self.name[:200]}


def reason_of(text: str, *, required: bool = True) -> str:
    """Return a reason on one line, fit to be kept. Raises `Refused` if it says too little or too much."""
    words = " ".join(clean(text).split())
    if required and len(words) < SHORTEST_REASON:
        raise Refused(f"Say why in at least {SHORTEST_REASON} characters: it is kept with what was done.")
    if len(words) > REASON_CHARACTERS:
        raise Refused(f"A reason has at most {REASON_CHARACTERS:,} characters; this one has {len(words):,}.")
    return words


def note_of(text: str, *, required: bool = True) -> str:
    """Return a longer text with its lines. Raises `Refused` if there is none, or too much."""
    words = clean(text.replace("\r\n", "\n")).strip()
    if required and not words:
        raise Refused("The note is empty.")
    if len(words) > NOTE_CHARACTERS:
        raise Refused(f"A note has at most {NOTE_CHARACTERS:,} characters; this one has {len(words):,}.")
    return words


def ago(moment: datetime) -> str:
    """Return how long ago something happened, in words for a sentence."""
    minutes = int((timezone.now() - moment).total_seconds() // 60)
    if minutes < 1:
        return "just now"
    if minutes < 90:
        return f"{minutes} min ago"
    hours = minutes // 60
    return f"{hours} h ago" if hours < 48 else f"{hours // 24} days ago"


def record(
    act: str,
    actor: Actor,
    subject: Subject | None,
    *,
    done: str = "",
    reason: str = "",
    run_id: str = "",
    before: str | None = None,
    after: str | None = None,
    **details: Any,
) -> None:
    """Put an act into the audit log, and into the history of the session's open case; the last thing of a change.

    `done`: how the history tells it, behind the actor's name; "" for what is no part of a case.
    """
    case = Case.objects.unresolved().filter(subject=subject).first() if subject is not None and done else None
    if case is not None:
        tell(case, act, actor, done, reason)
    on = audit.Target(subject.source, subject.session_id, run_id) if subject is not None else audit.Target()
    audit.record(
        act,
        actor=actor.name,
        actor_id=actor.user.pk if actor.user else None,
        on=on,
        reason=reason,
        before=before,
        after=after,
        details=details,
        origin=actor.origin,
    )


def tell(case: Case, act: str, actor: Actor, done: str, reason: str = "") -> None:
    """Add a line to the history of a case."""
    CaseEvent.objects.create(case=case, act=act, done=done[:200], reason=reason, **actor.fields)
