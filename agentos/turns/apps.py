"""Django app configuration."""

from django.apps import AppConfig


class TurnsConfig(AppConfig):
    """See the package's docstring."""

    name = "agentos.turns"

    def ready(self) -> None:
        """Stop what is being answered where nobody may continue any more."""
        from agentos.moderation.measures import stopped
        from agentos.turns.stopping import stop_answering

        stopped.connect(stop_answering, dispatch_uid="turns")
