"""A session's name and summary: given by a person, or found by the model that would answer in it. Stored at once.

No run is made for what a model finds, so what that costs is counted nowhere in the session, as with Agno's own names.
"""

import logging
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, Final

from django.conf import settings

from agentos.agents import registry
from agentos.agents.names import find_name
from agentos.agents.options import ModelComponent
from agentos.agents.summaries import SessionSummaryManager
from agentos.catalog.sync import refresh_session
from agentos.db.changes import SessionChange
from agentos.db.faults import SourceError
from agentos.db.source import Source
from agentos.db.sql import SqlDb
from agentos.db.writer import Writer
from agentos.db.writer_errors import SessionNotFound
from agentos.llm import Model, ModelError
from agentos.records import NOT_HISTORY, Session, SessionSummary, readable
from agentos.turns.answering import rebuilt

# Runs that are read for a name, and for a summary, and messages of those that are summed up.
_NAMED_BY: Final = 20
_SUMMED_UP: Final = 100
_MESSAGES: Final = 400
# Seconds after which nobody waits for the model any more: proxies give up after a minute.
_PATIENCE: Final = 50.0

NO_KEY: Final = "No OPENAI_API_KEY is set, and the demo model finds no names and sums nothing up."
OF_WORKFLOWS: Final = "Workflow sessions have no summary."
NOTHING_SAID: Final = "Nothing has been said in this session yet."


LONGEST_NAME: Final = 200
FAILED: Final = "Who answers in this session failed at it; the log of the program says how."

logger = logging.getLogger(__name__)


class NotFound(Exception):
    """No name or summary came of it; `str()` is a plain sentence that says why. Nothing was stored."""


def rename(source: Source, session_id: str, name: str) -> str:
    """Give the session this name, on one line and without what steers a page, and return it.

    Raises:
        NotFound: it is empty or too long.
        SourceError: the session is gone, or the source cannot be written to.
    """
    name = " ".join(readable(name).replace("\0", "").split())
    if not name:
        raise NotFound("A name has at least one character.")
    if len(name) > LONGEST_NAME:
        raise NotFound(f"The name has {len(name):,} characters; {LONGEST_NAME} fit.")
    Writer(source).rename(session_id, name)
    refresh_session(source, session_id)
    return name


def why_no_name(session_type: str | None, component_id: str | None) -> str:
    """Return why no name can be found for sessions of this component, "" if one can; workflows need no model for it."""
    return "" if session_type == "workflow" else _why_no_model(session_type, component_id)


def why_no_summary(session_type: str | None, component_id: str | None) -> str:
    """Return why sessions of this component cannot be summed up, "" if they can."""
    return OF_WORKFLOWS if session_type == "workflow" else _why_no_model(session_type, component_id)


def _why_no_model(session_type: str | None, component_id: str | None) -> str:
    return "" if settings.OPENAI_API_KEY or registry.find(session_type, component_id) else NO_KEY


def auto_name(source: Source, session_id: str) -> str:
    """Find a name for the session, store it, and return it.

    Raises:
        NotFound: there is nobody to ask, nothing to name it by, or the model gave no answer.
        SourceError: the source cannot be read or written to.
    """
    db, session = _opened(source, session_id)
    _check(why_no_name(session.session_type, session.component_id))
    name: str = _asked(lambda: _name(db, session)).strip()
    if not name:
        raise NotFound("The model gave no name.")
    Writer(source).save(SessionChange(session=session, name=name), insert=False)
    refresh_session(source, session_id)
    return name


def summarise(source: Source, session_id: str) -> SessionSummary:
    """Sum the session up, store the summary in place of any other, and return it.

    Raises:
        NotFound, SourceError: as `auto_name`.
    """
    db, session = _opened(source, session_id)
    _check(why_no_summary(session.session_type, session.component_id))
    summary: SessionSummary | None = _asked(lambda: _summary(db, session))
    if summary is None:
        raise NotFound(NOTHING_SAID)
    Writer(source).save(SessionChange(session=session, summary=summary), insert=False)
    refresh_session(source, session_id)
    return summary


def _opened(source: Source, session_id: str) -> tuple[SqlDb, Session]:
    db = SqlDb(source)
    session = db.load_session(session_id)
    if session is None:
        raise SessionNotFound(session_id)
    return db, session


def _check(reason: str) -> None:
    if reason:
        raise NotFound(reason)


def _asked(ask: Callable[[], Any]) -> Any:
    """Return what a model answered.

    Raises:
        NotFound: it gave no answer; whatever a component of somebody else's raises becomes a sentence.
        SourceError: the source cannot be read.
    """
    try:
        return ask()
    except (ModelError, ValueError) as error:
        raise NotFound(str(error)) from error
    except (NotFound, SourceError):
        raise
    except Exception as error:
        logger.exception("No name or summary came of it")
        raise NotFound(FAILED) from error


def _name(db: SqlDb, session: Session) -> str:
    agnos = _agnos(db, session)
    if agnos is not None and session.session_type != "workflow":
        return str(agnos.generate_session_name(session=agnos.get_session(session.session_id)))
    if session.session_type == "workflow":
        return _of_workflow(db, session)
    first = db.get_runs(session.session_id, limit=_NAMED_BY)
    runs = [run for run in first if run.is_top_level] or db.last_runs(session.session_id or "", 1)
    return find_name(_model(db, session), runs)


def _of_workflow(db: SqlDb, session: Session) -> str:
    """Return a name by what the workflow was asked: Agno's own, of its description and the date, says nothing of it."""
    runs = db.get_runs(session.session_id, limit=1)
    words = " ".join(next((run.input_text or "" for run in runs), "").split())
    if not words:
        raise NotFound(NOTHING_SAID)
    return words if len(words) <= 60 else f"{words[:59].rstrip()}…"


def _summary(db: SqlDb, session: Session) -> SessionSummary | None:
    if (agnos := _agnos(db, session)) is not None:
        manager = import_module("agno.session").SessionSummaryManager(model=agnos.model)
        made = manager.create_session_summary(session=agnos.get_session(session.session_id))
        return SessionSummary.from_dict(made.to_dict()) if made else None
    runs = db.last_runs(session.session_id or "", _SUMMED_UP, skip_statuses=NOT_HISTORY)
    manager = SessionSummaryManager(conversation_limit=_MESSAGES)
    found = manager.create_session_summary(runs, model=_model(db, session), cancelled=_impatient())
    return found[0] if found else None


def _agnos(db: SqlDb, session: Session) -> Any:
    """Return a copy of the registered component of Agno's own class, None if none is registered for the session."""
    found = registry.find(session.session_type, session.component_id)
    return found.bound(db) if found is not None and found.vendor == "agno" else None


def _model(db: SqlDb, session: Session) -> Model:
    found = registry.find(session.session_type, session.component_id)
    if found is not None and isinstance(found.component, ModelComponent):
        return found.component.chat_model()
    return rebuilt(session, db).model


def _impatient() -> Callable[[], bool]:
    until = time.monotonic() + _PATIENCE
    return lambda: time.monotonic() > until
