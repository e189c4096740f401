"""Tags, notes, stars and thumbs: what people add to a session without deciding about it."""

from typing import Final

from django.db import transaction
from django.utils import timezone

from agentos.access.rules import SessionRow
from agentos.catalog.keys import one_line
from agentos.moderation.acting import Actor, Conflict, Refused, note_of, record
from agentos.moderation.flags import Spot
from agentos.moderation.models import TAG_CHARACTERS, Note, Star, Subject, Tag, Thumb
from agentos.moderation.rules import check_can_annotate, check_can_moderate, check_can_rate
from agentos.moderation.subjects import locked, tell_catalog

MOST_TAGS: Final = 30


def word_of(name: str) -> str:
    """Return a tag as it is kept: on one line, without commas. Raises `Refused` for no usable word."""
    word = one_line(name.replace(",", " "), TAG_CHARACTERS + 1)
    if not word or len(word) > TAG_CHARACTERS:
        raise Refused(f"A tag has 1 to {TAG_CHARACTERS} characters.")
    return word


def tag(row: SessionRow, actor: Actor, name: str) -> Tag:
    """Put a tag on a session; one that is there already stays. Raises `Refused` for no usable word, or too many."""
    check_can_annotate(actor.person, row)
    word = word_of(name)
    with transaction.atomic():
        subject = locked(row.source, row.session_id)
        if subject.tags.count() >= MOST_TAGS:
            raise Refused(f"A session has at most {MOST_TAGS} tags of people.")
        made, is_new = Tag.objects.get_or_create(subject=subject, name=word, defaults=actor.fields)
        if is_new:
            tell_catalog(subject)
            record("tag.put", actor, subject, done=f"tagged it “{word}”", tag=word)
    return made


def untag(row: SessionRow, actor: Actor, name: str) -> None:
    """Take a tag off that a person put on; one of the metadata stays. Taking off what is not there does nothing."""
    check_can_annotate(actor.person, row)
    with transaction.atomic():
        subject = locked(row.source, row.session_id)
        if Tag.objects.filter(subject=subject, name=name).delete()[0]:
            tell_catalog(subject)
            record("tag.take_off", actor, subject, done=f"took off the tag “{name}”", tag=name)


def note(row: SessionRow, actor: Actor, text: str, spot: Spot | None = None) -> Note:
    """Keep a remark for colleagues; those who read only their own sessions never see it."""
    check_can_annotate(actor.person, row)
    words, at = note_of(text), spot or Spot()
    with transaction.atomic():
        subject = locked(row.source, row.session_id)
        place = {"run_id": at.run_id, "message": at.message, "place_key": at.key}
        made = Note.objects.create(subject=subject, text=words, **place, **actor.fields)
        tell_catalog(subject)
        record("note.put", actor, subject, done="wrote a note", note=made.pk)
    return made


def remove_note(note: Note, actor: Actor) -> None:
    """Take a note back: one's own, or as a moderator anybody's."""
    person = actor.person
    if note.by_id != person.pk:
        check_can_moderate(person)
    with transaction.atomic():
        subject = Subject.objects.select_for_update().get(pk=note.subject_id)
        if not Note.objects.filter(pk=note.pk, removed_at=None).update(removed_at=timezone.now()):
            raise Conflict("The note was taken back already.")
        tell_catalog(subject)
        record("note.take_back", actor, subject, done="took a note back", note=note.pk)


def star(row: SessionRow, actor: Actor, *, on: bool) -> None:
    """Star a session for oneself, or not any more."""
    person = actor.person
    check_can_rate(person, row)
    with transaction.atomic():
        subject = locked(row.source, row.session_id)
        if on:
            Star.objects.get_or_create(subject=subject, user=person)
        else:
            Star.objects.filter(subject=subject, user=person).delete()
        tell_catalog(subject)


def thumb(row: SessionRow, actor: Actor, run_id: str, up: bool | None) -> None:
    """Say what one thinks of a run's answer: up, down, or (None) nothing any more. The last word of a person counts."""
    person = actor.person
    check_can_rate(person, row)
    if not run_id:
        raise Refused("A thumb is for a run.")
    spot = Spot(run_id)
    with transaction.atomic():
        subject = locked(row.source, row.session_id)
        mine = Thumb.objects.filter(subject=subject, by=person, place_key=spot.key)
        if up is None:
            mine.delete()
        elif not mine.update(is_up=up, at=timezone.now()):
            Thumb.objects.create(subject=subject, run_id=run_id, place_key=spot.key, is_up=up, **actor.fields)
        tell_catalog(subject)
        record("thumb.give", actor, subject, run_id=run_id, thumb={True: "up", False: "down", None: "none"}[up])
