"""The rules of retention."""

from typing import ClassVar

from django.db import models

from agentos.moderation.models import NAME_CHARACTERS, ByPerson


class RetentionRule(ByPerson):
    """What happens to sessions that match a query once they are so old. Off until somebody switches it on.

    `counted_from`: whether they are old by their last update or by their beginning. `ran_at`: when it last began a job.
    """

    class Act(models.TextChoices):
        """By its name among the acts of jobs."""

        ARCHIVE = "archive", "Archive"
        DELETE = "delete", "Delete"

    class CountedFrom(models.TextChoices):
        """What the days are counted from."""

        UPDATED = "updated", "since their last update"
        CREATED = "created", "since they began"

    name = models.CharField(max_length=NAME_CHARACTERS, unique=True)
    query = models.TextField(blank=True)
    days = models.PositiveIntegerField()
    counted_from = models.CharField(max_length=10, choices=CountedFrom, default=CountedFrom.UPDATED)
    act = models.CharField(max_length=10, choices=Act)
    is_on = models.BooleanField(default=False)
    ran_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)

    class Meta:
        """By name."""

        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        """Its name."""
        return self.name
