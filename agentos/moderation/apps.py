"""Django app configuration."""

from django.apps import AppConfig


class ModerationConfig(AppConfig):
    """See the package's docstring."""

    name = "agentos.moderation"

    def ready(self) -> None:
        """Tell those below what stands over sessions: the catalog for its rows, the rules for who may continue."""
        from agentos.access.rules import add_obstacle
        from agentos.catalog import marks
        from agentos.moderation.obstacles import why_not_continued
        from agentos.moderation.subjects import marks_of

        marks.register(marks_of)
        add_obstacle(why_not_continued)
