"""The price table, and the mark by which everybody notices that it has changed."""

import datetime
from typing import Any, Final

from django.conf import settings
from django.db import models

NAME_CHARACTERS: Final = 120
ALWAYS: Final = datetime.date(1970, 1, 1)
"""The day of prices that hold from the beginning."""

PRICED: Final = ("input", "output", "cached", "cache_write", "reasoning", "audio_input", "audio_output")
"""The columns of prices, each in dollars for a million tokens."""


def _price() -> Any:
    return models.DecimalField(max_digits=14, decimal_places=6, null=True, blank=True)


class Price(models.Model):
    """What the models that `model` names cost from a day on (UTC), in dollars for a million tokens; None is not known.

    `model` and `provider` are names as runs hold them, where `*` stands for anything; a `provider` of "" is any.
    `cached_inside`: the provider counts tokens read from its cache among the input (OpenAI, Google), not beside it
    (Anthropic). `changed_by`: a name that outlives the account.
    """

    provider = models.CharField(max_length=NAME_CHARACTERS, blank=True)
    model = models.CharField(max_length=NAME_CHARACTERS)
    valid_from = models.DateField(default=ALWAYS)
    input = _price()
    output = _price()
    cached = _price()
    cache_write = _price()
    reasoning = _price()
    audio_input = _price()
    audio_output = _price()
    cached_inside = models.BooleanField(default=True)
    changed_by = models.CharField(max_length=200)
    changer = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        """One row for a model, a provider and a day."""

        constraints = [
            models.UniqueConstraint(fields=["provider", "model", "valid_from"], name="prices_one_row_a_day"),
        ]
        ordering = ["model", "provider", "-valid_from"]

    def __str__(self) -> str:
        """What it is of."""
        return f"{self.provider or 'any provider'}: {self.model} from {self.valid_from}"

    @property
    def holds_always(self) -> bool:
        """Whether it names no day."""
        return self.valid_from == ALWAYS


class PriceState(models.Model):
    """One row: `token` is another one after every change of the table, "" before the first."""

    token = models.CharField(max_length=32, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        """The mark."""
        return self.token
