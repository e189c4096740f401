"""The forms a session is exported in, by name. Whoever can write another one registers it: HTML is the pages' own."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from agentos.db.sources import Source
from agentos.transfer.envelope import exact
from agentos.transfer.jsonl import jsonl
from agentos.transfer.markdown import markdown
from agentos.transfer.options import Options


@dataclass(frozen=True)
class Format:
    """A form: `write` yields the file of a session in pieces, and raises SourceUnavailable when it cannot go on."""

    name: str
    label: str
    suffix: str
    content_type: str
    write: Callable[[Source, str, Options], Iterator[str]]


_formats: Final[dict[str, Format]] = {}
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_-]+")


def register(form: Format) -> None:
    """Add a form."""
    _formats[form.name] = form


def formats() -> dict[str, Format]:
    """Return all forms by name."""
    return dict(_formats)


def file_name(session_id: str, form: Format) -> str:
    """Return a name for the file that every system and header takes, whatever the id is."""
    safe = _UNSAFE.sub("-", session_id).strip("-")[:60]
    return f"session-{safe}.{form.suffix}" if safe else f"session.{form.suffix}"


def _exact(source: Source, session_id: str, options: Options) -> Iterator[str]:
    return exact(source, session_id, secrets=options.secrets)


register(Format("json", "Exact JSON", "json", "application/json", _exact))
register(Format("markdown", "Markdown", "md", "text/markdown; charset=utf-8", markdown))
register(Format("jsonl", "JSON Lines", "jsonl", "application/x-ndjson; charset=utf-8", jsonl))
