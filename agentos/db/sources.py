"""The sources there are, as AGENTOS_SOURCES gives them, and what other rooms need to name one and its faults."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from django.conf import settings

from agentos.db import layout
from agentos.db.checks import check
from agentos.db.connections import forget_connections
from agentos.db.errors import SourceError, SourceUnavailable
from agentos.db.source import Source, parse_sources, source_of

__all__ = [
    "Source",
    "SourceError",
    "SourceUnavailable",
    "all_sources",
    "check",
    "forget_source",
    "get_source",
    "parse_sources",
    "source_of",
    "use_sources",
]


def all_sources() -> list[Source]:
    """Return the configured sources, in order.

    Raises:
        SourceError: AGENTOS_SOURCES cannot be read.
    """
    return list(_replaced[-1] if _replaced else _configured(getattr(settings, "AGENTOS_SOURCES", "")))


def get_source(name: str) -> Source:
    """Return the source of this name.

    Raises:
        KeyError: there is none.
        SourceError: AGENTOS_SOURCES cannot be read.
    """
    for source in all_sources():
        if source.name == name:
            return source
    raise KeyError(name)


@contextmanager
def use_sources(text: str) -> Iterator[list[Source]]:
    """Replace the sources in the block, for tests and for commands that look at one database; close them after it."""
    sources = parse_sources(text)
    _replaced.append(sources)
    try:
        yield sources
    finally:
        _replaced.remove(sources)
        for source in sources:
            forget_source(source)


_replaced: Final[list[list[Source]]] = []


@lru_cache(maxsize=8)
def _configured(text: str) -> tuple[Source, ...]:
    return tuple(parse_sources(text))


def forget_source(source: Source) -> None:
    """Close the connections that any thread has to `source`; where its tables are is looked for anew."""
    forget_connections(source)
    layout.forget(source)
