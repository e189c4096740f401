"""Django app configuration."""

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """See the package's docstring."""

    name = "agentos.jobs"

    def ready(self) -> None:
        """Make the acts of moderation known; look after jobs while sources are followed, and drop old lists."""
        from agentos.catalog import keeping
        from agentos.jobs import moderating  # noqa: F401  # registers its acts
        from agentos.jobs.pruning import prune
        from agentos.jobs.runner import add_chore, look
        from agentos.jobs.service import drop_drafts

        keeping.follow_up(look)
        add_chore(drop_drafts)
        add_chore(prune)
