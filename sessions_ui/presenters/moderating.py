"""What stands over a session as its page shows it, and the acts that can be done to it with what each will change."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.urls import reverse

from agentos.access.roles import AnyUser
from agentos.access.rules import SessionRow, scope_of
from agentos.catalog.keys import index_key
from agentos.catalog.marks import Marks
from agentos.catalog.models import CatalogSession
from agentos.deletion.purging import kept_for
from agentos.deletion.rules import can_erase
from agentos.masking import current
from agentos.moderation import measures
from agentos.moderation.acting import Actor
from agentos.moderation.models import Case, Flag, Measure, Note, Standing, Thumb
from agentos.moderation.obstacles import suspension_of
from agentos.moderation.reveals import can_see_secrets
from agentos.moderation.rules import can_annotate, can_flag, can_moderate
from agentos.redaction.rules import can_redact

Do = Callable[[Any, Actor, str], object]


@dataclass(frozen=True)
class ActForm:
    """A question before an act: what it changes, in sentences, and the word on its button."""

    title: str
    effects: tuple[str, ...]
    verb: str
    done: str
    do: Do
    needs_reason: bool = True


def _put(kind: Standing) -> Do:
    return lambda row, actor, reason: measures.put(row, kind, actor, reason)


def _lift(kind: Standing) -> Do:
    return lambda row, actor, reason: measures.lift(row, kind, actor, reason)


ACTS: Final = {
    "hold": ActForm(
        "Put this session on hold?",
        ("Nobody continues it, by page, API, command or worker; what is being answered is stopped.",
         "Its user reads “This conversation is paused”. Only moderators open it, and each opening is on record."),
        "Put on hold", "The session is on hold.", _put(Standing.HOLD),
    ),
    "release": ActForm(
        "Release the hold?", ("The session can be read and continued again, as before.",),
        "Release", "The hold is released.", _lift(Standing.HOLD),
    ),
    "hide": ActForm(
        "Hide this session?",
        ("Only moderators see that it exists. For all others it is in no list, count, search or export.",
         "It stays in its source as it is. “Show again” takes this back."),
        "Hide", "The session is hidden.", _put(Standing.HIDDEN),
    ),
    "show": ActForm(
        "Show this session again?", ("Whoever may see its user's sessions finds it as before.",),
        "Show again", "The session is shown again.", _lift(Standing.HIDDEN),
    ),
    "archive": ActForm(
        "Archive this session?",
        ("It is left out of lists, searches and sums until a query asks for it by is:archived.",
         "It can still be read and continued."),
        "Archive", "The session is archived.", _put(Standing.ARCHIVED), needs_reason=False,
    ),
    "unarchive": ActForm(
        "Take this session out of the archive?", ("It is in lists again.",),
        "Take out", "The session is out of the archive.", _lift(Standing.ARCHIVED), needs_reason=False,
    ),
    "delete": ActForm(
        "Delete this session?",
        ("It disappears for all but moderators, who can restore it until it goes for good.",
         "Nobody continues it; what is being answered is stopped. Nothing in its source changes yet."),
        "Delete", "The session is deleted. Moderators find it by is:deleted.", _put(Standing.DELETED),
    ),
    "restore": ActForm(
        "Restore this session?", ("It is there again as it was before.",),
        "Restore", "The session is restored.", _lift(Standing.DELETED),
    ),
    "take-over": ActForm(
        "Take this session over?",
        ("You answer in it yourself until you hand it back. Others send no messages.",
         "What is being answered is stopped."),
        "Take over", "You have taken the session over.", _put(Standing.TAKEOVER),
    ),
    "hand-back": ActForm(
        "Hand this session back?", ("The agent answers again.",),
        "Hand back", "The session is handed back.", _lift(Standing.TAKEOVER), needs_reason=False,
    ),
    "suspend": ActForm(
        "Suspend this user?",
        ("Nobody continues any session of this Agno user; what is being answered is stopped.",
         "They read that their account is suspended, not why. Their sessions can be read as before."),
        "Suspend", "The user is suspended.",
        lambda row, actor, reason: measures.suspend(row.user_id or "", actor, reason),
    ),
    "lift-suspension": ActForm(
        "Lift the suspension of this user?", ("Their sessions can be continued again.",),
        "Lift", "The suspension is lifted.",
        lambda row, actor, reason: measures.lift_suspension(row.user_id or "", actor, reason),
    ),
}  # fmt: skip
# Which act puts a measure up, and which lifts it, with how the menu calls them.
_MENU: Final = (
    ("held", ("hold", "Put on hold…"), ("release", "Release the hold…")),
    ("taken_over", ("take-over", "Take over…"), ("hand-back", "Hand back…")),
    ("archived", ("archive", "Archive…"), ("unarchive", "Take out of the archive…")),
    ("hidden", ("hide", "Hide…"), ("show", "Show again…")),
    ("deleted", ("delete", "Delete…"), ("restore", "Restore…")),
)


@dataclass(frozen=True)
class Over:
    """What stands over a session, as far as the reader is told. `menu`: acts of a moderator, with their words.

    `may_erase`: it is deleted, and the reader may delete it for good.
    `flag_url`: where the reader flags the session, "" if they may not.
    """

    marks: Marks
    measures: list[Measure] = field(default_factory=list)
    flags: list[Flag] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    thumbs: list[Thumb] = field(default_factory=list)
    case: Case | None = None
    is_starred: bool = False
    flag_url: str = ""
    may_annotate: bool = False
    menu: list[tuple[str, str]] = field(default_factory=list)
    may_redact: bool = False
    may_erase: bool = False
    may_see_secrets: bool = False

    @property
    def may_flag(self) -> bool:
        """Whether the reader may flag the session."""
        return bool(self.flag_url)

    @property
    def has_strip(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.measures or self.flags or self.notes or self.marks.tags)

    @property
    def goes_at(self) -> datetime | None:
        """When it goes for good by itself, if it is deleted; None if it does not."""
        kept = kept_for()
        deleted = next((one for one in self.measures if one.kind == Standing.DELETED), None)
        return deleted.at + kept if deleted is not None and kept is not None else None

    @property
    def hold(self) -> Measure | None:
        """The hold that stands."""
        return next((one for one in self.measures if one.kind == Standing.HOLD), None)


def over_session(user: AnyUser, row: CatalogSession) -> Over:
    """Return what stands over a session of the reader's. No statement where nothing does, but for a moderator's menu.

    Who reads only their own sessions is told of no flag and no note.
    """
    marks = Marks.of(row.marks)
    is_staff = scope_of(user).agno_user_id is None
    moderates = can_moderate(user, row)
    place: dict[str, Any] = {"subject__source": row.source, "subject__session_key": index_key(row.session_id)}
    stands = is_staff and (marks.held or marks.hidden or marks.archived or marks.taken_over or marks.deleted)
    flags = Flag.objects.filter(**place, is_open=True).order_by("pk") if is_staff and marks.flags else []
    notes = Note.objects.filter(**place, removed_at=None).order_by("pk") if is_staff and marks.notes else []
    return Over(
        marks,
        list(Measure.objects.filter(**place, lifted_at=None).order_by("pk")) if stands else [],
        [_masked(one, "note") for one in flags],
        [_masked(one, "text") for one in notes],
        list(Thumb.objects.filter(**place)) if marks.thumbs else [],
        Case.objects.unresolved().filter(**place).first() if moderates and marks.stored() else None,
        user.pk in marks.stars,
        reverse("flag", args=[row.source, row.quoted_id]) if can_flag(user, row) else "",
        can_annotate(user, row),
        _menu(row, marks) if moderates else [],
        can_redact(user, row),
        marks.deleted and can_erase(user, row),
        bool(current()) and can_see_secrets(user, row),
    )


def _masked(written: Any, name: str) -> Any:
    """Return a flag or a note as it is shown: colleagues may quote a secret."""
    setattr(written, name, current().masked(getattr(written, name)))
    return written


def _menu(row: CatalogSession, marks: Marks) -> list[tuple[str, str]]:
    found = [lifting if getattr(marks, name) else putting for name, putting, lifting in _MENU]
    if row.user_id:
        is_suspended = suspension_of(row.user_id) is not None
        found.append(
            ("lift-suspension", "Lift the user's suspension…") if is_suspended else ("suspend", "Suspend the user…")
        )
    return found


def as_data(row: SessionRow, over: Over) -> dict[str, Any]:
    """Return what stands over a session as JSON."""
    return {
        "source": row.source,
        "session_id": row.session_id,
        "tags": list(over.marks.tags),
        "starred": over.is_starred,
        "case": over.case.pk if over.case is not None else None,
        "standing": [
            {"kind": one.kind, "by": one.actor, "at": one.at.isoformat(), "reason": one.reason}
            for one in over.measures
        ],
        "flags": [
            {"id": one.pk, "reason": one.reason, "note": one.note, "run_id": one.run_id or None,
             "message": one.message, "by": one.actor, "at": one.at.isoformat()}
            for one in over.flags
        ],
        "notes": [
            {"id": one.pk, "text": one.text, "by": one.actor, "at": one.at.isoformat()} for one in over.notes
        ],
        "thumbs": [{"run_id": one.run_id, "up": one.is_up, "by": one.actor} for one in over.thumbs],
    }  # fmt: skip
