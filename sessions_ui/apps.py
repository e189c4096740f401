"""Django app configuration."""

from django.apps import AppConfig


class SessionsUIConfig(AppConfig):
    """The browser's side."""

    name = "sessions_ui"
