"""What the program refuses to be served with: keys that can be guessed, and its insides shown to other machines."""

from collections.abc import MutableMapping
from ipaddress import ip_address
from typing import Any, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

SHORTEST_KEY: Final = 32
_FEWEST_DIFFERENT: Final = 8
# How Django begins the key of a project that was just made: it stands in many a repository.
_FROM_A_TEMPLATE: Final = "django-insecure-"
WEAK_KEY: Final = (
    "SECRET_KEY can be guessed, and whoever knows it signs in as anybody. Unset it, and one is made and kept in the "
    f"data folder; or set at least {SHORTEST_KEY} random characters."
)
NOT_HERE: Final = "DEBUG is on, so this program answers to its own machine alone."


def check_key(key: str) -> None:
    """Raise `ImproperlyConfigured` for a key that signs sessions and could be guessed."""
    if len(key) < SHORTEST_KEY or len(set(key)) < _FEWEST_DIFFERENT or key.startswith(_FROM_A_TEMPLATE):
        raise ImproperlyConfigured(WEAK_KEY)


def is_loopback(host: str) -> bool:
    """Whether the name or address means this machine alone."""
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return host == "localhost"
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def may_answer(scope: MutableMapping[str, Any]) -> bool:
    """Whether a request may be answered: with DEBUG only one from this machine, whatever server listens where.

    Django's pages of errors show settings and values, that of a wrong `Host` too. A socket file has no address.
    """
    client = scope.get("client")
    return not settings.DEBUG or client is None or is_loopback(client[0])
