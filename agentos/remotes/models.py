"""What was last learnt of each remote server, for pages and runners of every process."""

from typing import Any

from django.db import models


class RemoteState(models.Model):
    """One row a remote. It may be about a remote that is not configured any more: only configured ones are read."""

    name = models.CharField(max_length=40, primary_key=True)
    # The address it was looked at by: a row about another one says nothing.
    url = models.TextField()
    # When somebody began to look, and when somebody came back with what is here.
    looked_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    # A sentence, "" while it answers; since when it does not.
    problem = models.TextField(blank=True)
    down_since = models.DateTimeField(null=True)
    # Of the last time it answered: milliseconds, and what it said. `serves`: {kind, id, name, model, db_id} each.
    latency = models.PositiveIntegerField(null=True)
    os_id = models.TextField(blank=True)
    version = models.TextField(blank=True)
    # Whether it runs everything as the user of its key.
    isolates_users = models.BooleanField(default=False)
    serves = models.JSONField(default=list)

    def __str__(self) -> str:
        """Name it in a log."""
        return self.name

    def component(self, kind: str, component_id: str) -> dict[str, Any] | None:
        """Return what it said of one of its agents, teams or workflows, None when it has no such."""
        return next((one for one in self.serves if (one["kind"], one["id"]) == (kind, component_id)), None)
