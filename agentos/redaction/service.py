"""Redacting one session: what it will change, and doing it, in the source and in every copy of ours."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction

from agentos.audit.models import Entry
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.db.sources import get_source
from agentos.db.writer import Writer
from agentos.db.writer_redact import survey
from agentos.jobs.sealing import fingerprint
from agentos.moderation.acting import Actor, Conflict, Refused, reason_of, record
from agentos.moderation.subjects import locked
from agentos.records import Redactor
from agentos.redaction import own, scrubbing
from agentos.redaction.acts import REDACTED
from agentos.redaction.rules import check_can_redact

SHORTEST: Final = 3
LONGEST: Final = 20_000
ACTIVE: Final = "Something is being answered in this session and may quote it. Stop it, or wait for its end."
NOTHING: Final = "That is nowhere in this session."
MOVED: Final = "The session has changed since you looked. Look again at what would be redacted now."


@dataclass(frozen=True)
class Target:
    """What is to be taken out. `what` names it in the audit log: “a text”, “a message”; `run_id`: whose it is.

    `texts`: those that were named word for word.
    """

    redactor: Redactor
    what: str
    run_id: str = ""
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preview:
    """How often it stands where, in words; `kept`: in ids and names, where it stays; `logged`: in the audit log."""

    places: dict[str, int]
    kept: int
    logged: int

    @property
    def count(self) -> int:
        """How often in all."""
        return sum(self.places.values())

    @property
    def seen(self) -> str:
        """What tells that a later look found the same."""
        return hashlib.sha256(json.dumps([sorted(self.places.items()), self.kept]).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Outcome:
    """What was done; `left`: sentences about files in which old bytes could not be overwritten yet."""

    count: int
    left: list[str]


def check_text(text: str) -> str:
    """Return a text that may be redacted. Raises `Refused` if it is too short or too long for that."""
    if len(text.strip()) < SHORTEST:
        raise Refused(f"A text to redact has at least {SHORTEST} characters: a shorter one is in half of all words.")
    if len(text) > LONGEST:
        raise Refused(f"A text to redact has at most {LONGEST:,} characters. A whole message has a form of its own.")
    return text.replace("\r\n", "\n")


def preview(row: CatalogSession, target: Target) -> Preview:
    """Look what redacting would change; nothing is changed.

    Raises:
        SourceError: the source cannot be read.
    """
    found = survey(get_source(row.source), row.session_id, target.redactor.fresh())
    ours = target.redactor.fresh()
    own.look_through(row.source, row.session_id, ours, write=False)
    own.look_beside(ours, write=False)
    return Preview(_ordered(found.taken + ours.taken), found.kept + ours.kept, _logged(row, target))


def redact(row: CatalogSession, target: Target, actor: Actor, reason: str, seen: str) -> Outcome:
    """Take it out of the source, then out of our own tables, and make the catalog's rows of the session anew.

    If it ends in between, what is left is found by doing it again. `seen`: the preview that was confirmed.

    Raises:
        Refused: something is being answered, there is nothing to redact, or the reason will not do.
        Conflict: there is now something else to redact than was seen.
        NotAllowed, SourceError: by whom it cannot be, or the source cannot be written to.
    """
    check_can_redact(actor.person, row)
    why = reason_of(reason)
    if target.redactor.needles.are_in(why):
        raise Refused("The reason holds what is to be redacted, and reasons are kept.")
    if own.active(row.source, row.session_id):
        raise Refused(ACTIVE)
    found = preview(row, target)
    if not found.count:
        raise Refused(NOTHING)
    if found.seen != seen:
        raise Conflict(MOVED)
    source = get_source(row.source)
    taken, tables = _in_source(Writer(source), row.session_id, target)
    with transaction.atomic():
        beside = target.redactor.fresh()
        own.look_beside(beside, write=True)
        count = _in_ours(row, target, actor, why, taken + beside.taken)
    refresh_session(source, row.session_id)
    return Outcome(count, scrubbing.scrub_after(source, tables))


def found_in(row: CatalogSession, target: Target) -> tuple[int, int]:
    """Return how often it stands in one of many sessions, and in how many ids and names, where it stays.

    Raises:
        SourceError: the source cannot be read.
    """
    found, ours = survey(get_source(row.source), row.session_id, target.redactor.fresh()), target.redactor.fresh()
    own.look_through(row.source, row.session_id, ours, write=False)
    return found.taken.total() + ours.taken.total(), found.kept + ours.kept


def take_out(row: CatalogSession, target: Target, actor: Actor, why: str) -> int:
    """Take it out of one of many sessions, in a transaction of the caller's; return how often it stood there.

    It may have been taken out of the source before: then ours are brought into step. Files are not overwritten yet.

    Raises:
        Refused: something is being answered.
        SourceError: the source cannot be written to.
    """
    if own.active(row.source, row.session_id):
        raise Refused(ACTIVE)
    source = get_source(row.source)
    taken, _ = _in_source(Writer(source), row.session_id, target)
    count = _in_ours(row, target, actor, why, taken)
    refresh_session(source, row.session_id)
    return count


def _in_source(writer: Writer, session_id: str, target: Target) -> tuple[Counter[str], set[str]]:
    """Take it out until nothing is found: a run that another program stored meanwhile may hold it as well."""
    taken: Counter[str] = Counter()
    tables: set[str] = set()
    for _ in range(5):
        done, touched = writer.redact(session_id, target.redactor.fresh())
        taken, tables = taken + done.taken, tables | touched
        if not done.taken:
            break
    return taken, tables


def _in_ours(row: CatalogSession, target: Target, actor: Actor, why: str, taken: Counter[str]) -> int:
    """Take it out of our own tables and put on record what was taken out, there and before; return how often."""
    ours = target.redactor.fresh()
    own.look_through(row.source, row.session_id, ours, write=True)
    _anew(row)
    _recorded(row, target, actor, why, taken + ours.taken)
    return (taken + ours.taken).total()


def _anew(row: CatalogSession) -> None:
    """Let the catalog forget the session, so that it is derived from what is stored now, and its words with it."""
    CatalogSession.objects.filter(source=row.source, session_key=row.session_key).delete()


def _recorded(row: CatalogSession, target: Target, actor: Actor, why: str, taken: Counter[str]) -> None:
    facts: dict[str, Any] = {"what": target.what, "count": sum(taken.values()), "places": _ordered(taken)}
    if target.texts:
        facts["fingerprint"] = " ".join(map(fingerprint, target.texts))
    subject = locked(row.source, row.session_id)
    record(REDACTED, actor, subject, done=f"redacted {target.what}", reason=why, run_id=target.run_id, **facts)


def _logged(row: CatalogSession, target: Target) -> int:
    """Return how many entries of the audit log about this session quote it: they are never changed."""
    entries = Entry.objects.about(row.source, row.session_id).values_list("reason", "details")
    return sum(target.redactor.needles.are_in(f"{reason}\n{details}") for reason, details in entries)


def _ordered(places: Counter[str]) -> dict[str, int]:
    return {place: number for place, number in sorted(places.items()) if number}
