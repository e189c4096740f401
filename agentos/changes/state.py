"""A session's state as a person edits it: as JSON text, stored only if nobody else changed it meanwhile."""

import hashlib
import json
from typing import Any, Final, NoReturn

from agentos.catalog.sync import refresh_session
from agentos.db.changes import SessionChange, StateChange
from agentos.db.reader import Reader
from agentos.db.source import Source
from agentos.db.writer import Writer
from agentos.db.writer_errors import SessionNotFound, StateChanged
from agentos.records import TRANSIENT_STATE, TRANSIENT_WORKFLOW_STATE, Session

__all__ = ["LONGEST", "BadState", "StateChanged", "as_text", "fingerprint", "parsed", "save"]

# Characters of a state that can be edited here.
LONGEST: Final = 1_000_000


class BadState(Exception):
    """The text is no state; `str()` is a plain sentence that says what is wrong, and where."""


def as_text(session: Session) -> str:
    """Return the stored state as text to edit, in which what nobody sees or a form would change is escaped."""
    text = json.dumps(session.session_state or {}, indent=2, ensure_ascii=False)
    if text.isascii():
        return text
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)


def fingerprint(session: Session) -> str:
    """Return a short text that tells the stored state from any other."""
    return _fingerprint(session.session_state or {})


def parsed(text: str, session: Session) -> dict[str, Any]:
    """Read a state as somebody typed it.

    Raises:
        BadState: it is too long, no JSON object, or holds what is not kept as it is: a key twice, a number that JSON
            does not have, or a key that Agno sets for the time of a run.
    """
    if len(text) > LONGEST:
        raise BadState(f"The text has {len(text):,} characters; {LONGEST:,} can be edited here.")
    try:
        state = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
        json.dumps(state, allow_nan=False)
    except json.JSONDecodeError as error:
        raise BadState(f"Line {error.lineno}, column {error.colno}: {_words(error.msg)}.") from None
    except RecursionError:
        raise BadState("It is nested too deeply.") from None
    except ValueError as error:  # a number beyond what a double holds, or with more digits than Python reads
        raise BadState(f"A number in it cannot be kept: {error}.") from None
    if not isinstance(state, dict):
        raise BadState("A state is an object: it begins with { and ends with }.")
    transient = TRANSIENT_WORKFLOW_STATE if session.session_type == "workflow" else TRANSIENT_STATE
    if found := sorted(transient & state.keys()):
        raise BadState(f"The key {found[0]} is set for the time of each run and never kept. Leave it out.")
    return state


def save(source: Source, session_id: str, state: dict[str, Any], expected: str) -> None:
    """Store the state if the stored one still has the fingerprint `expected`.

    Raises:
        StateChanged: it has another; nothing was stored.
        SessionNotFound, SourceError: the session is gone, or the source cannot be written to.
    """
    session = Reader(source).session(session_id)
    if session is None:
        raise SessionNotFound(session_id)
    before = session.session_state or {}
    if _fingerprint(before) != expected:
        raise StateChanged
    change = StateChange(state, whole=True, before=before)
    Writer(source).save(SessionChange(session=session, state=change), insert=False)
    refresh_session(source, session_id)


def _fingerprint(state: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise BadState(f"The key {key[:80]!r} stands twice in one object.")
        found[key] = value
    return found


def _no_number(word: str) -> NoReturn:
    raise BadState(f"{word} is no number in JSON.")


def _words(message: str) -> str:
    return message[:1].lower() + message[1:]
