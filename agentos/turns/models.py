"""Our own tables of turns: the request itself, and the log of events that browsers read from any point."""

import hashlib
import uuid
from typing import Self

from django.conf import settings
from django.db import models

from agentos.turns.states import ACTIVE, UNANSWERED, Status


def session_key(source_name: str, session_id: str) -> str:
    """Return a short stand-in for a session in an index: its own id may be too long for one."""
    return hashlib.sha256(f"{source_name}\n{session_id}".encode("utf-8", "surrogatepass")).hexdigest()


class TurnQuerySet(models.QuerySet["Turn"]):
    """Turns by what matters to a runner or a page."""

    def of_session(self, source_name: str, session_id: str) -> Self:
        """Those of one session, oldest first."""
        return self.filter(session_key=session_key(source_name, session_id)).order_by("created_at", "id")

    def active(self) -> Self:
        """Those that wait or run."""
        return self.filter(status__in=ACTIVE)

    def active_or_last(self) -> Self:
        """Those that wait or run, and the last one whatever it does; for the turns of one session."""
        last = self.order_by("-created_at", "-id").values("pk")[:1]
        return self.filter(models.Q(status__in=ACTIVE) | models.Q(pk__in=last))


_TurnManager = models.Manager.from_queryset(TurnQuerySet)


class TurnManager(_TurnManager["Turn"]):
    """Leaves attachments in the database until they are asked for: they may be megabytes."""

    def get_queryset(self) -> TurnQuerySet:
        """Return all turns."""
        return TurnQuerySet(self.model, using=self._db).defer("attachments")


class Turn(models.Model):
    """One request to continue a session. Its id becomes the run's id, unless it goes on with a run there is."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    source = models.TextField()
    session_id = models.TextField()
    session_key = models.CharField(max_length=64)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="turns")
    # Who asked, in words that outlive the account.
    actor = models.TextField()
    # In whose session the person acts, "" in their own, and why.
    acting_for = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    # What is asked for, see `kinds.py`; what it needs besides the message. `options["run_id"]`: a run to go on with.
    kind = models.CharField(max_length=20, default="message")
    options = models.JSONField(default=dict)
    # Who is to answer, as `choosing.py` names them; empty for whoever is first in its order.
    answerer = models.CharField(max_length=60, blank=True)
    # The message, or what is asked for in words for people.
    message = models.TextField()
    # Media as Agno has them: {"images": […], "files": […]}.
    attachments = models.JSONField(default=dict)
    status = models.CharField(max_length=11, choices=Status.choices, default=Status.QUEUED)
    idempotency_key = models.CharField(max_length=64)
    # Set once the run is stored.
    run_id = models.TextField(blank=True)
    # Who answers, known once it runs.
    answering = models.TextField(blank=True)
    model = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    cancel_requested = models.BooleanField(default=False)
    # A sentence for the person, when it did not end well.
    problem = models.TextField(blank=True)
    last_seq = models.PositiveIntegerField(default=0)
    # The turn that did not end well and is sent again by this one.
    retry_of = models.OneToOneField("self", on_delete=models.SET_NULL, null=True, related_name="retried_by")
    # Its log was shortened; see `retention.py`.
    is_pruned = models.BooleanField(default=False)

    objects = TurnManager()

    class Meta:
        """Constraints that hold whatever the processes do."""

        constraints = [
            models.UniqueConstraint(fields=["user", "idempotency_key"], name="one_turn_per_key"),
            models.UniqueConstraint(
                fields=["session_key"], condition=models.Q(status=Status.RUNNING), name="one_running_turn_per_session"
            ),
        ]
        indexes = [
            models.Index(fields=["session_key", "created_at"], name="turns_of_session"),
            models.Index(fields=["user", "created_at"], name="turns_of_person"),
            models.Index(fields=["created_at"], condition=models.Q(status__in=ACTIVE), name="active_turns"),
            models.Index(fields=["finished_at"], condition=models.Q(is_pruned=False), name="turns_to_prune"),
        ]

    def __str__(self) -> str:
        """Name it in a log."""
        return f"{self.status} turn of {self.actor}"

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs, so that there is something to come."""
        return self.status in ACTIVE

    @property
    def aimed_at(self) -> str:
        """The id that its run has, or will have."""
        run_id = self.options.get("run_id")
        return run_id if isinstance(run_id, str) and run_id else str(self.pk)

    @property
    def may_be_retried(self) -> bool:
        """Whether it ended without an answer in the session."""
        return self.status in UNANSWERED


class ActingReason(models.Model):
    """Why somebody acts in the session of somebody else: asked for once, and kept with each turn from then on."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    session_key = models.CharField(max_length=64)
    reason = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """A person has one reason for a session."""

        constraints = [models.UniqueConstraint(fields=["user", "session_key"], name="one_reason_per_session")]

    def __str__(self) -> str:
        """The reason itself."""
        return self.reason


class TurnEvent(models.Model):
    """One entry of a turn's log. Content and reasoning events hold what was added, `payload["text"]`.

    The payload of a step is described by `steps.step_of`.
    """

    class Kind(models.TextChoices):
        """What an event tells."""

        STARTED = "started"
        CONTENT = "content"
        REASONING = "reasoning"
        STEP = "step"
        STATUS = "status"
        ERROR = "error"
        DONE = "done"

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=9, choices=Kind.choices)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """A sequence number is given once."""

        constraints = [models.UniqueConstraint(fields=["turn", "seq"], name="one_event_per_seq")]

    def __str__(self) -> str:
        """Name it in a log."""
        return f"{self.seq} {self.kind}"


class KeptSession(models.Model):
    """A session whose runs are a list that Agno 2 writes as a whole, with what it was when it was last looked at.

    `mark`: as `db.Stamp` has it, "" to be looked at whatever it is. `known`: [run id, status] of its runs, in order.
    `next_look_at`: None while nothing is kept that could be put back.
    """

    source = models.TextField()
    session_id = models.TextField()
    session_key = models.CharField(max_length=64, unique=True)
    mark = models.TextField(blank=True)
    known = models.JSONField(default=list)
    changed_at = models.DateTimeField(auto_now_add=True)
    next_look_at = models.DateTimeField(null=True)

    class Meta:
        """Found by when they are due."""

        indexes = [models.Index(fields=["next_look_at"], name="kept_sessions_due")]

    def __str__(self) -> str:
        """Name it in a log."""
        return f"{self.session_id} of {self.source}"


class KeptRun(models.Model):
    """A run that a turn stored, as it stored it: what is put back when another program writes over it.

    `text`: the run as JSON, "" once it is not put back any more. `seen_at`: when it was first found in its session.
    """

    session = models.ForeignKey(KeptSession, on_delete=models.CASCADE, related_name="runs")
    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="+")
    run_id = models.TextField()
    status = models.CharField(max_length=20, blank=True)
    # ASCII JSON: PostgreSQL's own type of it refuses what some runs hold.
    text = models.TextField(blank=True)
    kept_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)
    put_back_at = models.DateTimeField(null=True)
    times_put_back = models.PositiveIntegerField(default=0)
    # Why it could not be put back, in a sentence.
    problem = models.TextField(blank=True)

    class Meta:
        """A run is kept once, and found by when it was put back."""

        constraints = [models.UniqueConstraint(fields=["session", "run_id"], name="one_kept_run")]
        indexes = [
            models.Index(fields=["put_back_at"], condition=models.Q(put_back_at__isnull=False), name="runs_put_back"),
            models.Index(fields=["kept_at"], condition=~models.Q(text=""), name="kept_runs_to_drop"),
        ]

    def __str__(self) -> str:
        """Name it in a log."""
        return f"{self.run_id} in {self.session_id}"
