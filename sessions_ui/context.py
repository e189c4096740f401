"""What every page's frame shows."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from agentos.access.roles import role_of
from agentos.db.sources import SourceError, all_sources

THEMES = ("light", "dark")


def shell(request: HttpRequest) -> dict[str, Any]:
    """Return the theme, the sources and the user's role for the frame round each page."""
    theme = request.COOKIES.get("theme", "")
    user = getattr(request, "user", None)
    return {
        "theme": theme if theme in THEMES else "",
        "shell_sources": SimpleLazyObject(_sources),
        "role": SimpleLazyObject(lambda: role_of(user) if user is not None else None),
    }


def _sources() -> list[Any]:
    try:
        return list(all_sources())
    except SourceError:  # the page itself says what is wrong with the setting
        return []
