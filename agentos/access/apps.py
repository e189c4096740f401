"""Django app configuration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccessConfig(AppConfig):
    """See the package's docstring."""

    name = "agentos.access"

    def ready(self) -> None:
        """Have the rights made after each `manage.py migrate`."""
        from agentos.access.roles import make_rights

        post_migrate.connect(make_rights, sender=self)
