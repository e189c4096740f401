"""Django app configuration."""

from django.apps import AppConfig


class RedactionConfig(AppConfig):
    """See the package's docstring."""

    name = "agentos.redaction"

    def ready(self) -> None:
        """Make the act on many sessions known."""
        from agentos.jobs.acts import register
        from agentos.redaction.bulk import REDACT

        register(REDACT)
