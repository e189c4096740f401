"""The states of a job and of one of its items."""

from typing import Final

from django.db import models


class Status(models.TextChoices):
    """Where a job is."""

    DRAFT = "draft", "Not confirmed"
    QUEUED = "queued", "Waiting"
    RUNNING = "running", "Running"
    FINISHED = "finished", "Finished"
    CANCELLED = "cancelled", "Stopped"
    FAILED = "failed", "Broken off"


class Came(models.TextChoices):
    """What an item came to. `begun`: what it is about was noted, and it may be done or not."""

    WAITING = "waiting", "Waiting"
    BEGUN = "begun", "Begun"
    DONE = "done", "Done"
    UNCHANGED = "unchanged", "Unchanged"
    REFUSED = "refused", "Refused"
    FAILED = "failed", "Failed"


ACTIVE: Final = (Status.QUEUED, Status.RUNNING)
OVER: Final = (Status.FINISHED, Status.CANCELLED, Status.FAILED)
TO_DO: Final = (Came.WAITING, Came.BEGUN)
ENDS: Final = (Came.DONE, Came.UNCHANGED, Came.REFUSED, Came.FAILED)
