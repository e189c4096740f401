"""The tables of moderation. Nothing here refers to the catalog, which can be thrown away and made anew.

A session is known by its source and its id; `Subject` is the one row that stands for it, and everything put over the
session refers to that row. Whoever writes locks it first, so what is done to one session happens in one order.
"""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from agentos.catalog.fields import IdField
from agentos.catalog.keys import index_key, quote_id
from agentos.masking import current
from agentos.moderation.states import UNRESOLVED, Outcome, State

NAME_CHARACTERS = 80
NOTE_CHARACTERS = 4_000
REASON_CHARACTERS = 1_000
TAG_CHARACTERS = 60
QUERY_CHARACTERS = 4_000


class Subject(models.Model):
    """One session as moderation knows it."""

    source = models.CharField(max_length=64)
    session_id = IdField()
    session_key = models.CharField(max_length=200)

    class Meta:
        """One row a session."""

        constraints = [models.UniqueConstraint(fields=["source", "session_key"], name="moderation_one_subject")]

    def __str__(self) -> str:
        """Where it is."""
        return f"{self.source}/{self.session_id[:80]}"

    @property
    def quoted_id(self) -> str:
        """The session id as it stands in URLs."""
        return quote_id(self.session_id)


class ByPerson(models.Model):
    """Something that a person did, or a rule. `actor` is the name in words, which outlives the account."""

    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    actor = models.CharField(max_length=200)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Each model has a table of its own."""

        abstract = True


class Place(models.Model):
    """A session, or a run in it, or a message of that run by its number. One without an id is "~3", its place."""

    subject = models.ForeignKey(Subject, models.CASCADE, related_name="%(class)ss")
    run_id = IdField(blank=True, default="")
    message = models.PositiveIntegerField(null=True)
    place_key = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        """Each model has a table of its own."""

        abstract = True

    @property
    def quoted_run_id(self) -> str:
        """The run's id as it stands in URLs."""
        return self.run_id if self.run_id.startswith("~") else quote_id(self.run_id)

    @classmethod
    def key_of(cls, run_id: str, message: int | None) -> str:
        """Return the value of `place_key`: "" for the session itself."""
        return index_key(run_id) + (f"#{message}" if message is not None else "") if run_id else ""


class FlagReason(models.Model):
    """One reason of the list that flags choose from. Flags keep its name. `due_hours`: until a case is due."""

    name = models.CharField(max_length=NAME_CHARACTERS, unique=True)
    due_hours = models.PositiveIntegerField(default=24)
    position = models.PositiveIntegerField(default=0)
    in_use = models.BooleanField(default=True)

    class Meta:
        """In their order."""

        ordering = ["position", "name"]

    def __str__(self) -> str:
        """Its name."""
        return self.name


class CaseQuerySet(models.QuerySet["Case"]):
    """Questions to the cases."""

    def unresolved(self) -> Self:
        """Those that somebody has to see to."""
        return self.filter(state__in=UNRESOLVED)

    def by_due(self) -> Self:
        """The most urgent first."""
        return self.order_by("due_at", "pk")


class Case(models.Model):
    """What has to be decided about a session, from its first flag to an outcome. A session has one unresolved case.

    `version` grows with each change of state: a form says which one its reader saw.
    """

    subject = models.ForeignKey(Subject, models.CASCADE, related_name="cases")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    title = models.CharField(max_length=200)
    assignee = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="cases")
    opened_at = models.DateTimeField(auto_now_add=True)
    claimed_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True)
    version = models.PositiveIntegerField(default=1)

    objects = CaseQuerySet.as_manager()

    class Meta:
        """One unresolved case a session; the queue is read by due time, what is resolved from the latest."""

        constraints = [
            models.UniqueConstraint(
                fields=["subject"], condition=~Q(state=State.RESOLVED), name="moderation_one_open_case"
            )
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], condition=~Q(state=State.RESOLVED), name="moderation_queue"),
            models.Index(fields=["-resolved_at", "-id"], name="moderation_resolved"),
        ]

    def __str__(self) -> str:
        """Its number."""
        return f"Case {self.pk}"


class CaseEvent(ByPerson):
    """One line of a case's history: what somebody did, in words that follow their name."""

    case = models.ForeignKey(Case, models.CASCADE, related_name="events")
    act = models.CharField(max_length=30)
    done = models.CharField(max_length=200)
    reason = models.CharField(max_length=REASON_CHARACTERS, blank=True)

    class Meta:
        """In the order of the happening."""

        indexes = [models.Index(fields=["case", "id"], name="moderation_history")]

    def __str__(self) -> str:
        """The line."""
        return f"{self.actor} {self.done}"

    @property
    def shown_reason(self) -> str:
        """The reason with what looks like a secret masked."""
        return current().masked(self.reason)


class FlagRule(ByPerson):
    """A query that flags what it finds among sessions that are new or have changed. Each session once.

    `seen_until`: up to when sessions' rows were derived that the rule has looked at.
    """

    name = models.CharField(max_length=NAME_CHARACTERS, unique=True)
    query = models.TextField()
    reason = models.CharField(max_length=NAME_CHARACTERS)
    is_on = models.BooleanField(default=True)
    seen_until = models.DateTimeField()
    problem = models.TextField(blank=True)

    def __str__(self) -> str:
        """Its name."""
        return self.name


class Flag(ByPerson, Place):
    """Something a person or a rule wants looked at. Open until its case is resolved or it is taken back."""

    reason = models.CharField(max_length=NAME_CHARACTERS)
    note = models.CharField(max_length=NOTE_CHARACTERS, blank=True)
    rule = models.ForeignKey(FlagRule, models.SET_NULL, null=True, related_name="flags")
    case = models.ForeignKey(Case, models.CASCADE, related_name="flags")
    is_open = models.BooleanField(default=True)

    class Meta:
        """A rule flags a session once; a person has one open flag a place."""

        constraints = [
            models.UniqueConstraint(
                fields=["rule", "subject"], condition=Q(rule__isnull=False), name="moderation_rule_once"
            ),
            models.UniqueConstraint(
                fields=["by", "subject", "place_key"],
                condition=Q(is_open=True, by__isnull=False),
                name="moderation_flag_once",
            ),
        ]

    def __str__(self) -> str:
        """Its reason."""
        return self.reason

    @property
    def shown_note(self) -> str:
        """The note with what looks like a secret masked: colleagues may quote one."""
        return current().masked(self.note)


class Standing(models.TextChoices):
    """What may stand over a session until it is lifted."""

    HOLD = "hold", "On hold"
    HIDDEN = "hidden", "Hidden"
    ARCHIVED = "archived", "Archived"
    TAKEOVER = "takeover", "Taken over"
    DELETED = "deleted", "Deleted"


class Measure(ByPerson):
    """Something that stands over a session, from when to when, by whom and why. At most one of a kind stands."""

    subject = models.ForeignKey(Subject, models.CASCADE, related_name="measures")
    kind = models.CharField(max_length=10, choices=Standing)
    reason = models.CharField(max_length=REASON_CHARACTERS, blank=True)
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=200, blank=True)
    lift_reason = models.CharField(max_length=REASON_CHARACTERS, blank=True)

    class Meta:
        """One of a kind."""

        constraints = [
            models.UniqueConstraint(
                fields=["subject", "kind"], condition=Q(lifted_at__isnull=True), name="moderation_one_of_a_kind"
            )
        ]

    def __str__(self) -> str:
        """What stands."""
        return f"{self.get_kind_display()} by {self.actor}"


class Opening(ByPerson):
    """That a moderator opened a session on hold: for which case, or for what other reason."""

    subject = models.ForeignKey(Subject, models.CASCADE, related_name="openings")
    case = models.ForeignKey(Case, models.SET_NULL, null=True, related_name="openings")
    reason = models.CharField(max_length=REASON_CHARACTERS, blank=True)

    class Meta:
        """The last one of a person is looked for."""

        indexes = [models.Index(fields=["subject", "by", "-at"], name="moderation_openings")]

    def __str__(self) -> str:
        """Who opened it."""
        return f"opened by {self.actor}"


class Reveal(ByPerson):
    """That a person had the masked secrets of a session shown, and why."""

    subject = models.ForeignKey(Subject, models.CASCADE, related_name="reveals")
    reason = models.CharField(max_length=REASON_CHARACTERS)

    class Meta:
        """The last one of a person is looked for."""

        indexes = [models.Index(fields=["subject", "by", "-at"], name="moderation_reveals")]

    def __str__(self) -> str:
        """Who had them shown."""
        return f"shown to {self.actor}"


class Tag(ByPerson):
    """A word that people put on a session, beside those of its metadata. Whoever sees the session sees it."""

    subject = models.ForeignKey(Subject, models.CASCADE, related_name="tags")
    name = models.CharField(max_length=TAG_CHARACTERS)

    class Meta:
        """A tag is on a session once."""

        constraints = [models.UniqueConstraint(fields=["subject", "name"], name="moderation_tag_once")]

    def __str__(self) -> str:
        """The word."""
        return self.name


class Note(ByPerson, Place):
    """A remark for colleagues. Taken back, it stays in the table and is shown nowhere."""

    text = models.TextField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        """Read by session."""

        indexes = [models.Index(fields=["subject", "id"], name="moderation_notes")]

    def __str__(self) -> str:
        """How it begins."""
        return self.text[:80]


class Star(models.Model):
    """A session that a person wants to find again. Their own affair."""

    subject = models.ForeignKey(Subject, models.CASCADE, related_name="stars")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="stars")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Once."""

        constraints = [models.UniqueConstraint(fields=["subject", "user"], name="moderation_star_once")]

    def __str__(self) -> str:
        """Whose star it is."""
        return f"star of {self.user}"


class Thumb(ByPerson, Place):
    """What a person thinks of a run's answer."""

    is_up = models.BooleanField()

    class Meta:
        """One opinion a person and run."""

        constraints = [models.UniqueConstraint(fields=["by", "subject", "place_key"], name="moderation_thumb_once")]

    def __str__(self) -> str:
        """Up or down."""
        return "up" if self.is_up else "down"


class Suspension(ByPerson):
    """An Agno user whose sessions nobody may continue, from when to when, by whom and why."""

    agno_user_id = IdField()
    user_key = models.CharField(max_length=200)
    reason = models.CharField(max_length=REASON_CHARACTERS)
    lifted_at = models.DateTimeField(null=True)
    lifted_by = models.CharField(max_length=200, blank=True)
    lift_reason = models.CharField(max_length=REASON_CHARACTERS, blank=True)

    class Meta:
        """One a user."""

        constraints = [
            models.UniqueConstraint(
                fields=["user_key"], condition=Q(lifted_at__isnull=True), name="moderation_one_suspension"
            )
        ]

    def __str__(self) -> str:
        """Who is suspended."""
        return f"{self.agno_user_id[:80]} is suspended"
