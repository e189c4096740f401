"""Which connections to sources are open, so that a source can be let go of in every thread at once."""

from collections.abc import Iterator
from typing import Final, Protocol
from weakref import WeakSet


class Opened(Protocol):
    """A Django connection wrapper."""

    alias: str
    connection: "Closable | None"


class Closable(Protocol):
    """A driver's connection."""

    def close(self) -> None:
        """Close it."""


_opened: Final[WeakSet[Opened]] = WeakSet()


def remember(wrapper: Opened) -> None:
    """Note that `wrapper` has opened its connection."""
    _opened.add(wrapper)


def opened(alias: str) -> Iterator[Opened]:
    """Yield the wrappers of `alias` that have opened a connection, whichever thread they belong to."""
    yield from [wrapper for wrapper in list(_opened) if wrapper.alias == alias]
