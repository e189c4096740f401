"""Django app configuration."""

from django.apps import AppConfig


class TurnsConfig(AppConfig):
    """See the package's docstring."""

    name = "agentos.turns"
