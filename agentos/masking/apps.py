"""Django app configuration."""

from django.apps import AppConfig


class MaskingConfig(AppConfig):
    """See the package's docstring."""

    name = "agentos.masking"

    def ready(self) -> None:
        """Stop the program where the settings name a kind or a rule that there is not."""
        from agentos.masking.config import of_settings

        of_settings()
