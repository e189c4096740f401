"""Django app configuration."""

from django.apps import AppConfig


class SavedViewsConfig(AppConfig):
    """See the package's docstring."""

    name = "agentos.saved_views"
