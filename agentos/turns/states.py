"""The states of a turn, and which follows which."""

from typing import Final

from django.db import models


class Status(models.TextChoices):
    """Where a turn is on its way from the question to the stored run."""

    QUEUED = "queued", "Waiting in line"
    RUNNING = "running", "Answering"
    WAITING = "waiting", "Waiting for a person"
    COMPLETED = "completed", "Answered"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Stopped"
    INTERRUPTED = "interrupted", "Interrupted"


# An interrupted turn may still end otherwise: its runner was only slow, and had just stored the run. A turn whose run
# waits for a person is over: whoever decides makes the next one.
_ENDS: Final = (Status.WAITING, Status.COMPLETED, Status.FAILED, Status.CANCELLED)
ALLOWED: Final[dict[Status, frozenset[Status]]] = {
    Status.QUEUED: frozenset({Status.RUNNING, Status.FAILED, Status.CANCELLED}),
    Status.RUNNING: frozenset({*_ENDS, Status.INTERRUPTED}),
    Status.INTERRUPTED: frozenset(_ENDS),
    Status.WAITING: frozenset(),
    Status.COMPLETED: frozenset(),
    # Its run may be stored although its source could not say so; that is looked at before it is sent again.
    Status.FAILED: frozenset({Status.WAITING, Status.COMPLETED, Status.CANCELLED}),
    Status.CANCELLED: frozenset(),
}
# How a turn ends whose run ended so.
OF_RUN: Final = {
    "COMPLETED": Status.COMPLETED,
    "ERROR": Status.FAILED,
    "CANCELLED": Status.CANCELLED,
    "PAUSED": Status.WAITING,
}
ACTIVE: Final = frozenset({Status.QUEUED, Status.RUNNING})
UNANSWERED: Final = frozenset({Status.FAILED, Status.CANCELLED, Status.INTERRUPTED})


def leading_to(status: Status) -> list[Status]:
    """Return the states from which a turn may get into `status`."""
    return [before for before, after in ALLOWED.items() if status in after]
