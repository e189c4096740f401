"""Asking for a look: at a session, a run or a message, by a person or by a rule. The first flag opens a case."""

from dataclasses import dataclass
from typing import Final

from django.db import IntegrityError, transaction

from agentos.access.rules import SessionRow
from agentos.catalog.keys import clean, one_line
from agentos.moderation.acting import Actor, Conflict, Refused, ago, note_of, record, tell
from agentos.moderation.cases import open_for
from agentos.moderation.models import NAME_CHARACTERS, Flag, FlagReason, FlagRule, Subject
from agentos.moderation.rules import check_can_flag, check_can_moderate
from agentos.moderation.subjects import locked, tell_catalog

DEFAULT_HOURS: Final = 24
LONGEST_DUE_HOURS: Final = 24 * 90


@dataclass(frozen=True)
class Spot:
    """What in a session is meant: all of it, a run, or a message of a run by its number."""

    run_id: str = ""
    message: int | None = None

    @property
    def key(self) -> str:
        """As the tables compare it."""
        return Flag.key_of(self.run_id, self.message)


WHOLE: Final = Spot()


def flag(row: SessionRow, actor: Actor, reason: str, note: str = "", spot: Spot = WHOLE, title: str = "") -> Flag:
    """Flag a place in a session; its case is opened if there is none. `title`: what the queue calls the case.

    Raises:
        Conflict: this person has flagged this place already.
        Refused: no such reason, or too long a note.
    """
    check_can_flag(actor.person, row)
    chosen = FlagReason.objects.filter(name=clean(reason), in_use=True).first()
    if chosen is None:
        raise Refused("Choose a reason from the list.")
    words = note_of(note, required=False)
    with transaction.atomic():
        subject = locked(row.source, row.session_id)
        mine = Flag.objects.filter(subject=subject, by=actor.person, place_key=spot.key, is_open=True).first()
        if mine is not None:
            raise Conflict(f"You flagged this {ago(mine.at)}: {mine.reason}.")
        return _put(subject, actor, chosen.name, chosen.due_hours, spot=spot, note=words, title=title)


def flag_by_rule(source: str, session_id: str, rule: FlagRule, title: str = "") -> Flag | None:
    """Flag a session in the name of a rule; None if the rule has flagged it before."""
    hours = FlagReason.objects.filter(name=rule.reason).values_list("due_hours", flat=True).first()
    with transaction.atomic():
        subject = locked(source, session_id)
        if Flag.objects.filter(subject=subject, rule=rule).exists():
            return None
        actor = Actor(f"Rule “{rule.name}”")
        return _put(subject, actor, rule.reason, hours or DEFAULT_HOURS, rule=rule, title=title)


def take_back(flag: Flag, actor: Actor) -> None:
    """Take a flag back: one's own, or as a moderator anybody's. The case stays: somebody may be at it."""
    if flag.by_id != actor.person.pk:
        check_can_moderate(actor.person)
    with transaction.atomic():
        subject = Subject.objects.select_for_update().get(pk=flag.subject_id)
        if not Flag.objects.filter(pk=flag.pk, is_open=True).update(is_open=False):
            raise Conflict("The flag was taken back or settled already.")
        tell_catalog(subject)
        record("flag.take_back", actor, subject, done=f"took back the flag “{flag.reason}”", flag=flag.pk)


def _put(
    subject: Subject,
    actor: Actor,
    reason: str,
    hours: int,
    *,
    spot: Spot = WHOLE,
    note: str = "",
    rule: FlagRule | None = None,
    title: str = "",
) -> Flag:
    case = open_for(subject, one_line(title, 200), hours)
    place = {"run_id": spot.run_id, "message": spot.message, "place_key": spot.key}
    put = Flag.objects.create(subject=subject, case=case, reason=reason, note=note, rule=rule, **place, **actor.fields)
    tell(case, "flag.put", actor, f"flagged it: {reason}", one_line(note, 200))
    tell_catalog(subject)
    record("flag.put", actor, subject, reason=reason, flag=put.pk, case=case.pk)
    return put


def keep_reason(
    actor: Actor, name: str, due_hours: int, reason: FlagReason | None = None, *, in_use: bool = True
) -> None:
    """Add a reason to the list, or change one: name, hours, whether it can be chosen. Old flags keep their words.

    Raises:
        Refused: no name, one that is there already, or hours that make no sense.
    """
    check_can_moderate(actor.person)
    words = one_line(name, NAME_CHARACTERS)
    if not words:
        raise Refused("A reason needs a name.")
    if not 1 <= due_hours <= LONGEST_DUE_HOURS:
        raise Refused(f"A case is due within 1 to {LONGEST_DUE_HOURS:,} hours.")
    kept = reason or FlagReason(position=FlagReason.objects.count())
    kept.name, kept.due_hours, kept.in_use = words, due_hours, in_use
    try:
        with transaction.atomic():
            kept.save()
            record("reason.keep", actor, None, name=words, hours=due_hours, in_use=in_use)
    except IntegrityError:
        raise Refused(f"There is a reason named “{words}” already.") from None
