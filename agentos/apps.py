"""The engine as a Django app: it holds the management commands."""

from django.apps import AppConfig


class AgentOSConfig(AppConfig):
    """Everything that works without a page."""

    name = "agentos"
