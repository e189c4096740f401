"""Django app configuration."""

from django.apps import AppConfig


class ModerationConfig(AppConfig):
    """See the package's docstring."""

    name = "agentos.moderation"

    def ready(self) -> None:
        """Tell the catalog what stands over sessions, the rules who may not continue; look at what is new."""
        from agentos.access.rules import add_obstacle
        from agentos.catalog import keeping, marks
        from agentos.moderation.obstacles import why_not_continued
        from agentos.moderation.subjects import marks_of
        from agentos.moderation.watching import run_due

        marks.register(marks_of)
        keeping.follow_up(run_due)
        add_obstacle(why_not_continued)
