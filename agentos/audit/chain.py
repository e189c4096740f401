"""Appending: each entry's hash covers the hash of the one before, and one writer at a time holds the end.

The end is a row that is locked for the rest of the transaction (SQLite has one writer anyhow). An act that is recorded
in the transaction of its change is there exactly if the change is. Record last: the lock is held until that transaction
ends.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from agentos.audit.acts import find
from agentos.audit.models import NAME_CHARACTERS, TEXT_CHARACTERS, Entry, Head, Shown
from agentos.audit.targets import NOTHING, Target, target_key
from agentos.audit.texts import bounded, stored_json

# Sessions that one entry may name as shown; of each so many characters of its id, and of what stands for it.
MOST_SHOWN: Final = 50
_SHOWN_CHARACTERS, _SHOWN_KEY = 40, 32
GENESIS: Final = "0" * 64
# What a hash begins with, so that another form of entry can never be taken for one of this form.
_FORM: Final = "agentos-audit-1"


class UnknownAct(ValueError):
    """Nobody registered an act of this name."""


class NoHead(RuntimeError):
    """The row that holds the end of the chain is gone, so nothing can be appended."""


@dataclass(frozen=True)
class Draft:
    """An act before it has its place in the chain. `shown`: sessions of which it showed something beside `on`."""

    act: str
    actor: str
    actor_id: int | None = None
    on: Target = NOTHING
    reason: str = ""
    before: Any = None
    after: Any = None
    details: dict[str, Any] | None = None
    origin: str = ""
    at: datetime | None = None
    shown: tuple[Target, ...] = ()


def append(drafts: Sequence[Draft]) -> list[Entry]:
    """Store the acts, in their order, at the end of the chain; return their entries.

    Raises:
        UnknownAct: an act was not registered; nothing is stored.
        NoHead: see there.
    """
    entries = [_entry(draft) for draft in drafts]
    with transaction.atomic():
        head = Head.objects.select_for_update().first()
        if head is None:
            raise NoHead("The end of the audit log is missing. Run: manage.py audit verify")
        for entry in entries:
            head.number += 1
            entry.number = head.number
            entry.hash = head.hash = entry_hash(entry, head.hash)
        head.counts = dict(Counter(head.counts) + Counter(entry.kind for entry in entries))
        Entry.objects.all().append(entries)
        Shown.objects.all().append(_shown(drafts, entries))
        head.save(update_fields=["number", "hash", "counts"])
    return entries


def entry_hash(entry: Entry, previous: str) -> str:
    """Return the hash of an entry behind one with the hash `previous`: SHA-256 over all columns in one JSON list."""
    columns = [
        _FORM, previous, entry.number, entry.at.astimezone(UTC).isoformat(timespec="microseconds"), entry.act,
        entry.kind, entry.actor, entry.actor_id, entry.source, entry.session_id, entry.target_key, entry.run_id,
        entry.object, entry.reason, entry.origin, entry.before, entry.after, entry.details,
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(columns, ensure_ascii=True, separators=(",", ":")).encode()).hexdigest()


def _shown(drafts: Sequence[Draft], entries: Sequence[Entry]) -> list[Shown]:
    """Return where the entries are found by the sessions they showed."""
    return [
        Shown(number=entry.number, target_key=key)
        for draft, entry in zip(drafts, entries, strict=True)
        for key in dict.fromkeys(target_key(one.source, one.session_id) for one in draft.shown[:MOST_SHOWN])
    ]


def _details(draft: Draft) -> dict[str, Any] | None:
    """Return the details with the sessions that were shown: ids cut, beside the beginning of what stands for them."""
    if not draft.shown:
        return draft.details
    shown = [
        {
            "source": bounded(one.source, 64),
            "session_id": bounded(one.session_id, _SHOWN_CHARACTERS),
            "key": target_key(one.source, one.session_id)[:_SHOWN_KEY],
        }
        for one in draft.shown[:MOST_SHOWN]
    ]
    return {**(draft.details or {}), "shown": shown}


def _entry(draft: Draft) -> Entry:
    act, on = find(draft.act), draft.on
    if act is None:
        raise UnknownAct(f"{draft.act} is no act that can be recorded. Register it in agentos.audit.acts.")
    return Entry(
        at=draft.at or timezone.now(),
        act=act.name,
        kind=act.kind,
        actor=bounded(draft.actor, NAME_CHARACTERS),
        actor_id=draft.actor_id,
        source=bounded(on.source, 64),
        session_id=bounded(on.session_id, TEXT_CHARACTERS),
        target_key=target_key(on.source, on.session_id) if on.session_id else "",
        run_id=bounded(on.run_id, NAME_CHARACTERS),
        object=bounded(on.object, TEXT_CHARACTERS),
        reason=bounded(draft.reason, TEXT_CHARACTERS),
        origin=bounded(draft.origin, NAME_CHARACTERS),
        before=stored_json(draft.before),
        after=stored_json(draft.after),
        details=stored_json(_details(draft)),
    )
