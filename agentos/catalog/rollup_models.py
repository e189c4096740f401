"""Tables of sums over the catalog: by what sessions have in common and day, in all, and by the hour.

They hold nothing that the catalog's sessions and runs do not say; `rollups.py` keeps them exact.
"""

from django.db import models

KEY_CHARACTERS = 500
LABEL_CHARACTERS = 200


class Sums(models.Model):
    """What is summed over sessions. Tokens and cost (dollars) are null when none is known.

    `failed_sessions` have at least one failed run. `runs` are those that are not inside others, for a model those it
    answered; `failed_runs` is counted for models alone. `cost_unknown`: sessions, for a model runs, without a cost.
    """

    sessions = models.BigIntegerField(default=0)
    failed_sessions = models.BigIntegerField(default=0)
    runs = models.BigIntegerField(default=0)
    failed_runs = models.BigIntegerField(default=0)
    calls = models.BigIntegerField(default=0)
    failed_calls = models.BigIntegerField(default=0)
    tokens = models.BigIntegerField(null=True)
    cost = models.FloatField(null=True)
    cost_unknown = models.BigIntegerField(default=0)
    last_seen = models.BigIntegerField(default=0)
    stored_bytes = models.BigIntegerField(default=0)
    media_bytes = models.BigIntegerField(default=0)
    history_bytes = models.BigIntegerField(default=0)

    class Meta:
        """Columns for the tables below."""

        abstract = True


class CatalogDay(Sums):
    """Sums of the sessions last updated on a day (UTC, counted from 1970) that have something in common.

    `kind` is one of `figures.KINDS`; `key` names the user, component, tool or model: JSON, so that none is not "".
    """

    day = models.BigIntegerField()
    kind = models.CharField(max_length=10)
    key = models.CharField(max_length=KEY_CHARACTERS)
    label = models.CharField(max_length=LABEL_CHARACTERS)

    class Meta:
        """Read by day, and by what it is about."""

        constraints = [models.UniqueConstraint(fields=["kind", "day", "key"], name="catalog_one_day_once")]
        indexes = [models.Index(fields=["kind", "key", "day"], name="catalog_day_key")]

    def __str__(self) -> str:
        """What it is about, and the day."""
        return f"{self.kind} {self.key[:80]} on day {self.day}"


class CatalogThing(Sums):
    """Sums over all days of a CatalogDay. `folded`: its label as it is looked for."""

    kind = models.CharField(max_length=10)
    key = models.CharField(max_length=KEY_CHARACTERS)
    label = models.CharField(max_length=LABEL_CHARACTERS)
    folded = models.CharField(max_length=LABEL_CHARACTERS)

    class Meta:
        """Found by its key, by the beginning of its label, and in the orders that lists begin with."""

        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="catalog_one_thing_once")]
        indexes = [
            models.Index(
                fields=["kind", "folded"],
                name="catalog_thing_begins",
                opclasses=["varchar_pattern_ops", "varchar_pattern_ops"],
            ),
            models.Index(fields=["kind", "sessions", "key"], name="catalog_thing_sessions"),
            models.Index(fields=["kind", "last_seen", "key"], name="catalog_thing_seen"),
        ]

    def __str__(self) -> str:
        """What it is about."""
        return f"{self.kind} {self.key[:80]}"


class CatalogHour(models.Model):
    """Sums of the runs created in an hour (UTC, counted from 1970).

    `runs`, `failed`, `durations` are of runs that are not inside others; tokens and cost (dollars) of all of them,
    `cost_unknown` counts those without a cost. `durations`: bucket of `hours.bucket_of` to number of runs.
    """

    hour = models.BigIntegerField(primary_key=True)
    runs = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(null=True)
    cached_tokens = models.BigIntegerField(null=True)
    output_tokens = models.BigIntegerField(null=True)
    tokens = models.BigIntegerField(null=True)
    cost = models.FloatField(null=True)
    cost_unknown = models.BigIntegerField(default=0)
    durations = models.JSONField(default=dict)

    def __str__(self) -> str:
        """The hour."""
        return f"hour {self.hour}"


class CatalogStale(models.Model):
    """A day (`grain` d) or hour (h) whose sums are out of date: triggers write it with every change.

    One place may be noted several times; a note is deleted in the transaction that makes the sums anew.
    """

    grain = models.CharField(max_length=1)
    at = models.BigIntegerField()

    class Meta:
        """Read by grain, newest first."""

        indexes = [models.Index(fields=["grain", "at"], name="catalog_stale_at")]

    def __str__(self) -> str:
        """What is out of date."""
        return f"{self.grain} {self.at}"


class RollupState(models.Model):
    """How fresh the sums are: `as_of` when nothing was out of date, `made_at` the last work, `took` its seconds."""

    as_of = models.DateTimeField(null=True)
    made_at = models.DateTimeField(null=True)
    took = models.FloatField(default=0)

    def __str__(self) -> str:
        """The moment."""
        return f"sums as of {self.as_of}"
