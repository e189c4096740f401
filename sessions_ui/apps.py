"""Django app configuration."""

from django.apps import AppConfig


class SessionsUIConfig(AppConfig):
    """The browser's side."""

    name = "sessions_ui"

    def ready(self) -> None:
        """Offer HTML among the forms of an export: commands write it too, without knowing the pages."""
        from agentos.transfer.formats import register
        from sessions_ui.presenters.transcript import FORMAT

        register(FORMAT)
