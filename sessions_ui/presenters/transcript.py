"""A session as one HTML file that needs nothing else: no script, nothing loaded, its style allowed by its digest."""

import base64
import hashlib
from collections.abc import Iterator
from typing import Any, Final

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.records import NOBODY, ByPerson, Session
from agentos.records.text import as_text
from agentos.transfer.formats import Format
from agentos.transfer.options import Options
from agentos.transfer.transcript import heading, parts, session_facts, session_title
from agentos.transfer.walk import Told, told

TEMPLATE: Final = "sessions_ui/transcript.html"
# Members' members' members stand no further to the right, and HTML has six levels of headings.
_INDENTS, _LEVELS = 4, 6


def html(source: Source, session_id: str, options: Options) -> Iterator[str]:
    """Yield the file in pieces, one for each run; nothing when there is no such session.

    Raises:
        SourceUnavailable: the source cannot be read (any more).
    """
    reader = Reader(source)
    session = reader.session(session_id)
    if session is None:
        return
    yield _head(session, len(reader.run_stubs(session_id)), options)
    people = options.people(source.name, session_id)
    for each in told(source, session_id):
        yield _run(each, options, people.get(each.run_id, NOBODY))
    yield render_to_string(f"{TEMPLATE}#foot")


def _head(session: Session, run_count: int, options: Options) -> str:
    style = _style()
    context: dict[str, Any] = {
        "title": session_title(session, options.mask),
        "facts": session_facts(session, run_count, options.mask),
        "summary": options.mask(session.summary_text or ""),
        "state": options.mask(as_text(session.session_state)) if session.session_state else "",
        "style": style,
        "style_hash": base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    }
    return render_to_string(f"{TEMPLATE}#head", context)


def _run(each: Told, options: Options, by: ByPerson) -> str:
    found = heading(each, options.mask, by)
    context = {
        "heading": found,
        "facts": found.facts,
        "level": min(each.depth + 2, _LEVELS),
        "indent": min(each.depth, _INDENTS),
        "parts": list(parts(each.run, options.mask, by)),
    }
    return render_to_string(f"{TEMPLATE}#run", context)


def _style() -> SafeString:
    """Return the file's style: it is our own, so quotes in it stay as they are."""
    return render_to_string("sessions_ui/transcript.css")


FORMAT: Final = Format("html", "HTML", "html", "text/html; charset=utf-8", html)
