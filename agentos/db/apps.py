"""Django app configuration."""

from django.apps import AppConfig


class DbConfig(AppConfig):
    """See the package's docstring."""

    name = "agentos.db"
