"""Django app configuration."""

from django.apps import AppConfig


class TurnsConfig(AppConfig):
    """See the package's docstring."""

    name = "agentos.turns"

    def ready(self) -> None:
        """Stop what is being answered where nobody may continue any more; look for lost runs with every look."""
        from agentos.catalog import keeping
        from agentos.moderation.measures import stopped
        from agentos.turns.lost import look_due
        from agentos.turns.stopping import stop_answering

        stopped.connect(stop_answering, dispatch_uid="turns")
        keeping.follow_up(look_due)
