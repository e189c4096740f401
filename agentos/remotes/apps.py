"""Django app configuration."""

from django.apps import AppConfig


class RemotesConfig(AppConfig):
    """See the package's docstring."""

    name = "agentos.remotes"
