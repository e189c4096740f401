"""Django app configuration."""

from django.apps import AppConfig


class DeletionConfig(AppConfig):
    """See the package's docstring."""

    name = "agentos.deletion"

    def ready(self) -> None:
        """Make the act known, and let what was deleted long ago go."""
        from agentos.deletion.erasing import ERASE
        from agentos.deletion.purging import purge_if_due
        from agentos.jobs.acts import register
        from agentos.jobs.runner import add_chore

        register(ERASE)
        add_chore(purge_if_due)
