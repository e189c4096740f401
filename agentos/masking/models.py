"""What administrators chose to be masked, beside the settings; and the mark by which everybody notices a change."""

from typing import ClassVar, Final

from django.db import models

NAME_CHARACTERS: Final = 80
PATTERN_CHARACTERS: Final = 200


class MaskRule(models.Model):
    """A company's own secret, by how it looks (`rules.py`). `changed_by`: a name that outlives the account."""

    name = models.CharField(max_length=NAME_CHARACTERS, unique=True)
    pattern = models.CharField(max_length=PATTERN_CHARACTERS)
    is_on = models.BooleanField(default=True)
    changed_by = models.CharField(max_length=200)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        """By name."""

        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        """Its name."""
        return self.name


class MaskState(models.Model):
    """One row: `token` is another one after every change, "" before the first.

    `kinds`: the kinds of secrets that are masked, None for those of the setting.
    """

    token = models.CharField(max_length=32, blank=True)
    kinds = models.JSONField(null=True)
    changed_by = models.CharField(max_length=200, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        """The mark."""
        return self.token
