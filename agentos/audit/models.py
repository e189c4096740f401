"""The tables of the log. None has a foreign key: an entry outlives whomever and whatever it is about.

Django does not manage them after they were made, so that `manage.py flush` leaves them alone. Entries are written by
`chain.py` only; the model refuses to change or delete one, and triggers of the database refuse it too.
"""

import json
from collections.abc import Iterable
from typing import Any, Final, NoReturn, Self

from django.db import models

from agentos.audit.targets import target_key

HASH_CHARACTERS: Final = 64
NAME_CHARACTERS: Final = 200
TEXT_CHARACTERS: Final = 1_000
APPEND_ONLY: Final = "Entries of the audit log are only ever added, by agentos.audit.service."


class AppendOnly(TypeError):
    """Something tried to change the log."""

    def __init__(self) -> None:
        super().__init__(APPEND_ONLY)


class EntryQuerySet(models.QuerySet["Entry"]):
    """Questions to the log. What would change it is refused."""

    def about(self, source: str, session_id: str) -> Self:
        """Entries about one session, and those that showed something of it beside others."""
        key = target_key(source, session_id)
        shown = Shown.objects.filter(target_key=key).values("number")
        return self.filter(number__in=Entry.objects.filter(target_key=key).values("number").union(shown, all=True))

    def update(self, **values: Any) -> NoReturn:
        """Refused."""
        raise AppendOnly

    def delete(self) -> NoReturn:
        """Refused."""
        raise AppendOnly

    def bulk_create(self, *args: Any, **options: Any) -> NoReturn:
        """Refused."""
        raise AppendOnly

    def append(self, entries: Iterable["Entry"]) -> None:
        """Store entries that `chain.py` has linked."""
        super().bulk_create(entries)


class Entry(models.Model):
    """One act. `number` counts from 1 without gaps; `hash` covers every other column and the hash of the entry before.

    `at` is when it was done, which for a read may be a second before it was stored. `actor`: a name that outlives the
    account. `session_id` may be cut (`is_whole` says so); `target_key` stands for the whole. `before`, `after` and
    `details`: JSON, "" for nothing. `origin`: an address, or "command line".
    """

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    act = models.CharField(max_length=64)
    kind = models.CharField(max_length=16)
    actor = models.CharField(max_length=NAME_CHARACTERS)
    actor_id = models.BigIntegerField(null=True)
    source = models.CharField(max_length=64, blank=True)
    session_id = models.CharField(max_length=TEXT_CHARACTERS, blank=True)
    target_key = models.CharField(max_length=HASH_CHARACTERS, blank=True)
    run_id = models.CharField(max_length=NAME_CHARACTERS, blank=True)
    object = models.CharField(max_length=TEXT_CHARACTERS, blank=True)
    reason = models.CharField(max_length=TEXT_CHARACTERS, blank=True)
    origin = models.CharField(max_length=NAME_CHARACTERS, blank=True)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    details = models.TextField(blank=True)
    hash = models.CharField(max_length=HASH_CHARACTERS)

    objects = EntryQuerySet.as_manager()

    class Meta:
        """Read newest first: all, of one person, one act or kind, about one session, or of a time."""

        managed = False
        db_table = "audit_entry"
        indexes = [
            models.Index(fields=["actor", "number"], name="audit_by_actor"),
            models.Index(fields=["act", "number"], name="audit_by_act"),
            models.Index(fields=["kind", "number"], name="audit_by_kind"),
            models.Index(fields=["target_key", "number"], name="audit_by_target"),
            models.Index(fields=["at"], name="audit_by_time"),
        ]

    def __str__(self) -> str:
        """Number and act."""
        return f"{self.number} {self.act}"

    def save(self, *args: Any, **options: Any) -> NoReturn:
        """Refused."""
        raise AppendOnly

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        """Refused."""
        raise AppendOnly

    @property
    def facts(self) -> dict[str, Any]:
        """The details, {} for none."""
        found = json.loads(self.details) if self.details else {}
        return found if isinstance(found, dict) else {"value": found}

    @property
    def is_whole(self) -> bool:
        """Whether `session_id` is the session's id as it is, so that a link can be made of it."""
        return bool(self.target_key) and target_key(self.source, self.session_id) == self.target_key


class ShownQuerySet(models.QuerySet["Shown"]):
    """Only ever added to, with the entries."""

    def append(self, rows: Iterable["Shown"]) -> None:
        """Store rows; no statement for none."""
        super().bulk_create(rows)


class Shown(models.Model):
    """That the entry `number` showed something of a session, as a search does of many: only to find it by the session.

    The entry's own details name the sessions, under its hash.
    """

    number = models.BigIntegerField()
    target_key = models.CharField(max_length=HASH_CHARACTERS)

    objects = ShownQuerySet.as_manager()

    class Meta:
        """Found by session."""

        managed = False
        db_table = "audit_shown"
        indexes = [models.Index(fields=["target_key", "number"], name="audit_shown_by_target")]

    def __str__(self) -> str:
        """Which entry, and of what."""
        return f"{self.number} showed {self.target_key[:8]}"


class Head(models.Model):
    """The end of the chain, one row: whoever appends locks it. `counts`: entries by kind.

    `checked_at`, `checked_number`, `check_problem`: what `manage.py audit verify` found when it last ran.
    """

    number = models.BigIntegerField()
    hash = models.CharField(max_length=HASH_CHARACTERS)
    counts = models.JSONField(default=dict)
    checked_at = models.DateTimeField(null=True)
    checked_number = models.BigIntegerField(null=True)
    check_problem = models.TextField(blank=True)

    class Meta:
        """See the module's docstring."""

        managed = False
        db_table = "audit_head"

    def __str__(self) -> str:
        """As one keeps it elsewhere."""
        return f"{self.number}:{self.hash}"
