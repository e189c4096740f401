"""The tables of jobs. A job keeps ids and counts of sessions, never what was said in them."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from agentos.catalog.fields import IdField
from agentos.catalog.keys import quote_id
from agentos.jobs.states import ACTIVE, ENDS, OVER, TO_DO, Came, Status


class Job(models.Model):
    """One act on a frozen list of sessions.

    `actor`: who, in words that outlive the account. `is_ours`: no person asked for it but a rule or the command line,
    whose scope is everything. `chosen`: the query that was asked, "*" for none, "" for ticked sessions. `promised`:
    sums over the list when it was frozen; `sums`: of what was done. `runner`: who carries it out, anew each time it
    is taken up. `sealed`: what the act has to know and must not be kept (`sealing.py`), "" once the job is over.
    `pruned_at`: when its items went, of which the totals are left.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    act = models.CharField(max_length=40)
    options = models.JSONField(default=dict)
    sealed = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    chosen = models.TextField(blank=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="jobs")
    is_ours = models.BooleanField(default=False)
    actor = models.CharField(max_length=200)
    origin = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.DRAFT)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    promised = models.JSONField(default=dict)
    sums = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    runner = models.CharField(max_length=32, blank=True)
    cancel_requested = models.BooleanField(default=False)
    problem = models.TextField(blank=True)
    pruned_at = models.DateTimeField(null=True)

    class Meta:
        """Listed by time; the active ones are looked for all the time."""

        indexes = [
            models.Index(fields=["-created_at", "id"], name="jobs_by_time"),
            models.Index(fields=["user", "-created_at"], name="jobs_of_person"),
            models.Index(fields=["created_at"], condition=Q(status__in=ACTIVE), name="jobs_active"),
        ]

    def __str__(self) -> str:
        """Name it in a log."""
        return f"{self.act} of {self.total} sessions by {self.actor}"

    @property
    def over(self) -> int:
        """How many items came to an end."""
        return self.done + self.unchanged + self.refused + self.failed

    @property
    def left(self) -> int:
        """How many items did not."""
        return max(0, self.total - self.over)

    @property
    def share(self) -> int:
        """How far it is, in percent."""
        return 100 * self.over // self.total if self.total else 100

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.status in ACTIVE

    @property
    def is_draft(self) -> bool:
        """Whether nobody has confirmed it yet."""
        return self.status == Status.DRAFT

    @property
    def may_go_on(self) -> bool:
        """Whether it is over, and has sessions left, or some that failed."""
        return self.status in OVER and self.pruned_at is None and self.left + self.failed > 0

    @property
    def counts(self) -> list[tuple[str, str, int]]:
        """What items came to: name, word, how many."""
        return [(one.value, str(one.label), getattr(self, one.value)) for one in ENDS]


class JobItem(models.Model):
    """One session of a job. `created_at`: of the session, in unix seconds: one of another time is another session.

    `told`: numbers of what it holds, or of what was done; `note`: why not, in a sentence.
    """

    job = models.ForeignKey(Job, models.CASCADE, related_name="items")
    number = models.PositiveIntegerField()
    source = models.CharField(max_length=64)
    session_id = IdField()
    session_key = models.CharField(max_length=200)
    created_at = models.BigIntegerField(default=0)
    came = models.CharField(max_length=10, choices=Came, default=Came.WAITING)
    note = models.TextField(blank=True)
    told = models.JSONField(default=dict)

    class Meta:
        """In their order; those that wait are few to look through at the end of a long job."""

        constraints = [models.UniqueConstraint(fields=["job", "number"], name="jobs_one_number")]
        indexes = [
            models.Index(fields=["job", "number"], condition=Q(came__in=TO_DO), name="jobs_to_do"),
            models.Index(fields=["job", "came", "number"], name="jobs_report"),
        ]

    def __str__(self) -> str:
        """Which session, and what it came to."""
        return f"{self.source}/{self.session_id[:80]}: {self.came}"

    @property
    def quoted_id(self) -> str:
        """The session id as it stands in URLs."""
        return quote_id(self.session_id)
