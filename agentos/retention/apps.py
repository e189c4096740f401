"""Django app configuration."""

from django.apps import AppConfig


class RetentionConfig(AppConfig):
    """See the package's docstring."""

    name = "agentos.retention"

    def ready(self) -> None:
        """Have the rules looked at now and then."""
        from agentos.jobs.runner import add_chore
        from agentos.retention.service import run_due

        add_chore(run_due)
