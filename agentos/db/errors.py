"""Faults of a source, each told in one plain sentence that never holds a password."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import Error as DjangoDatabaseError
from django.db import connections

from agentos.db.faults import SourceError, SourceUnavailable, TableMissing

if TYPE_CHECKING:
    from agentos.db.source import Source

__all__ = ["SourceError", "SourceUnavailable", "TableMissing", "explain", "faults_of", "statement_seconds"]

# What a statement may take where no setting says so, and where agents keep their own sessions.
DEFAULT_SECONDS: Final = 10.0
RUNTIME_SECONDS: Final = 60.0

_SLOW: Final = "A question to {place} took longer than {seconds:g} seconds and was stopped (AGENTOS_SOURCE_TIMEOUT)."
# By SQLite's result code name, of which the longer forms start with the shorter.
_SQLITE: Final = (
    ("SQLITE_BUSY", "{place} is locked by another program; try again in a moment."),
    ("SQLITE_LOCKED", "{place} is locked by another program; try again in a moment."),
    ("SQLITE_NOTADB", "{place} is not a SQLite database."),
    ("SQLITE_CORRUPT", "{place} is damaged: SQLite cannot read it."),
    ("SQLITE_INTERRUPT", _SLOW),
    ("SQLITE_FULL", "The disk that holds {place} is full."),
    ("SQLITE_READONLY", "{place} may not be written to."),
    ("SQLITE_CANTOPEN", "{place} cannot be opened; check the rights on it and on its folder."),
    ("SQLITE_IOERR", "{place} cannot be read: the disk reports an error."),
    ("SQLITE_TOOBIG", "{place} holds a value larger than SQLite can handle."),
)
# By SQLSTATE, or its first letters.
_SQLSTATE: Final = (
    ("57014", _SLOW),
    ("57P", "The server of {place} is shutting down or starting up; try again in a moment."),
    ("53300", "The server of {place} has too many connections; try again in a moment."),
    ("53100", "The disk of the server of {place} is full."),
    ("55P03", "{place} is locked by another program; try again in a moment."),
    ("25006", "{place} is read-only."),
    ("42501", "The user of this source may not do that in {place}: {reason}."),
    ("28", "The server of {place} refuses this user name or password."),
    ("3D000", "The server has no {place}."),
    ("08", "The connection to {place} was lost."),
)
# A failed connection carries no SQLSTATE, only libpq's words.
_LIBPQ: Final = (
    ("password authentication failed", "The server of {place} refuses this user name or password."),
    ("no password supplied", "The server of {place} wants a password."),
    ("no pg_hba.conf entry", "The server of {place} does not let this user in from here."),
    ("too many clients", "The server of {place} has too many connections; try again in a moment."),
    ("remaining connection slots", "The server of {place} has too many connections; try again in a moment."),
    ("starting up", "The server of {place} is starting up; try again in a moment."),
    ("shutting down", "The server of {place} is shutting down; try again in a moment."),
    ("translate host name", "The server of {place} cannot be found; check its name."),
    ("name or service not known", "The server of {place} cannot be found; check its name."),
    ("failed to resolve host", "The server of {place} cannot be found; check its name."),
    ("connection refused", "The server of {place} does not answer: nothing listens there."),
    ("no such file or directory", "The server of {place} does not answer: its socket is not there."),
    ("timeout", "The server of {place} does not answer in time."),
    ("closed the connection", "The connection to {place} was lost."),
    ("connection is lost", "The connection to {place} was lost."),
)


def statement_seconds(source: "Source") -> float:
    """Return the seconds that one statement on `source` may take."""
    if source.runtime:
        return RUNTIME_SECONDS
    return float(getattr(settings, "AGENTOS_SOURCE_TIMEOUT", DEFAULT_SECONDS))


def explain(source: "Source", error: BaseException) -> SourceUnavailable:
    """Return the exception to raise for `error`, which came while using `source`."""
    cause = error.__cause__ or error
    sentence = _file_problem(source) or _sentence(source, cause)
    values = {"place": source.place, "seconds": statement_seconds(source), "reason": _reason(source, cause)}
    kind = TableMissing if sentence is None and _is_missing(cause) else SourceUnavailable
    text = (sentence or "{place} cannot be used: {reason}.").format(**values)
    return kind(text[0].upper() + text[1:])


@contextmanager
def faults_of(source: "Source") -> Iterator[None]:
    """Turn every fault of the database inside the block into SourceUnavailable with its sentence.

    The connection is closed unless a transaction is open on it: a thread that outlives its server's restart reconnects.
    """
    try:
        yield
    except (DjangoDatabaseError, OSError) as error:
        if source.alias in connections.settings:
            connections[source.alias].close_if_unusable_or_obsolete()
        raise explain(source, error) from error


def _file_problem(source: "Source") -> str | None:
    """Return what is wrong with the file of a SQLite source as a file, if anything is."""
    if source.vendor != "sqlite":
        return None
    path = Path(source.path)
    try:
        if not path.exists():
            return "There is no {place}."
        if path.is_dir():
            return "{place} is a folder, not a database."
        with path.open("rb"):
            return None
    except OSError:
        return "{place} may not be read by this program."


def _sentence(source: "Source", cause: BaseException) -> str | None:
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""
    for start, sentence in _SQLITE if source.vendor == "sqlite" else _SQLSTATE:
        if code.startswith(start):
            return sentence
    if source.vendor == "postgresql" and not code:
        words = str(cause).lower()
        if 'database "' in words and "does not exist" in words:
            return "The server has no {place}."
        return next((sentence for part, sentence in _LIBPQ if part in words), None)
    return None


def _is_missing(cause: BaseException) -> bool:
    if sqlstate := getattr(cause, "sqlstate", None):
        return sqlstate in (
            "42P01",
            "42703",
            "3F000",
            "42883",
        )  # table, column, schema; operator: column's type changed
    return str(cause).startswith(("no such table", "no such column"))


def _reason(source: "Source", cause: BaseException) -> str:
    """Return the first line of the database's own words, without the password."""
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    return source.without_password(lines[0])[:300].rstrip(".")
