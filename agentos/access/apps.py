"""Django app configuration."""

from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import post_migrate


class AccessConfig(AppConfig):
    """See the package's docstring."""

    name = "agentos.access"

    def ready(self) -> None:
        """Have the rights made after each `manage.py migrate`, and the settings looked at by `manage.py check`."""
        from agentos.access.roles import make_rights

        checks.register(_settings_are_right)
        post_migrate.connect(make_rights, sender=self)


def _settings_are_right(**_: Any) -> list[checks.CheckMessage]:
    from agentos.access.oidc import problems

    return [checks.Error(sentence, id="access.E001") for sentence in problems()]
