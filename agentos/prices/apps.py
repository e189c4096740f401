"""Django app configuration."""

from django.apps import AppConfig


class PricesConfig(AppConfig):
    """See the package's docstring."""

    name = "agentos.prices"
