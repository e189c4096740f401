"""A source: one named database that holds Agno's tables, and how a URL says which."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, TypedDict
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from agentos.db.faults import SourceError

__all__ = ["DEFAULT_SCHEMA", "DEFAULT_SESSION_TABLE", "Source", "check_table_name", "parse_sources", "source_of"]

# Agno's own defaults for `session_table` and `db_schema`.
DEFAULT_SESSION_TABLE: Final = "agno_sessions"
DEFAULT_SCHEMA: Final = "ai"

# What stands before the first "=" is a name, unless a path or a URL has begun by then.
_NAMED: Final = re.compile(r"([^=/:?]*)=(.*)", re.DOTALL)
_NAME: Final = re.compile(r"[a-z0-9_-]+")
# Names are quoted as well; what is left out here has no place in a table's name and a meaning somewhere in SQL.
_TABLE: Final = re.compile(r"[\w .$-]{1,63}")
_SCHEME: Final = re.compile(r"([a-zA-Z][a-zA-Z0-9.-]*)(\+[a-zA-Z0-9_]+)?://")
_OWN_PARTS: Final = frozenset({"schema", "session_table", "runs_table", "mode"})
# SQLAlchemy passes these on to Python's sqlite3; they say nothing about where the tables are.
_SQLITE_PARTS: Final = frozenset({"timeout", "check_same_thread", "cached_statements", "isolation_level"})
_EXAMPLE: Final = "sqlite:///path/to/agno.db or postgresql://user@host/database"


@dataclass(frozen=True)
class Source:
    """One database of Agno's, or one schema or session table in it.

    `url` may hold a password, so it is in no repr; `place` is what people are shown. `runtime`: agents of this process
    keep their sessions in it, so it is waited for longer, and its connections are pooled.
    """

    name: str
    vendor: Literal["sqlite", "postgresql"]
    url: str = field(repr=False)
    session_table: str = DEFAULT_SESSION_TABLE
    runs_table: str | None = None
    schema: str = ""
    read_only: bool = False
    runtime: bool = False

    @property
    def alias(self) -> str:
        """Django's name for the connection."""
        return f"source_{self.name}"

    @property
    def path(self) -> str:
        """Absolute path of a SQLite source's file; "" for PostgreSQL."""
        return self.url.removeprefix("sqlite:///") if self.vendor == "sqlite" else ""

    @property
    def place(self) -> str:
        """Where the tables are, for people: without user name and password."""
        if self.vendor == "sqlite":
            return f"file {self.path}"
        options = self.options
        return f"database {options['dbname']} on {options.get('host') or 'this machine'}"

    @property
    def options(self) -> dict[str, str]:
        """libpq's connection keywords, password included; empty for SQLite."""
        return {} if self.vendor == "sqlite" else _libpq_options(urlsplit(self.url))

    def without_password(self, text: str) -> str:
        """Return `text` with this source's password, wherever it occurs, as asterisks."""
        password = self.options.get("password")
        return text.replace(password, "***") if password else text


def parse_sources(text: str) -> list[Source]:
    """Read "name=url, name=url". An entry may be a bare URL or path: its file or database names it.

    Raises:
        SourceError: with a sentence that says which entry is wrong and how, and holds no URL (it may hold a password).
    """
    sources: list[Source] = []
    for number, entry in enumerate(filter(None, (part.strip() for part in re.split(r"[,\n]", text))), 1):
        source = _parse_entry(entry, number)
        if any(other.name == source.name for other in sources):
            raise SourceError(f"Two sources are called {source.name}; write name=url to give each a name of its own.")
        sources.append(source)
    return sources


def source_of(url: str) -> Source:
    """Read one URL, or the path of a SQLite file.

    Raises:
        SourceError: it cannot be understood; the sentence does not hold it.
    """
    return _parse_entry(url, 1)


def _parse_entry(entry: str, number: int) -> Source:
    named = _NAMED.fullmatch(entry)
    name, url = (named[1].strip(), named[2].strip()) if named else ("", entry)
    if named and not _NAME.fullmatch(name):
        raise SourceError(f"Source {number}: the name {name!r} may hold only a-z, 0-9, - and _.")
    where = f"Source {name or number}"
    scheme = _SCHEME.match(url)
    if not url:
        raise SourceError(f"{where}: the URL is missing; write for example {_EXAMPLE}.")
    try:
        if scheme is None:
            return _sqlite_source(where, name, *_split_query(url))
        if scheme[1].lower() == "sqlite":
            return _sqlite_source(where, name, *_sqlite_path(where, url[scheme.end() :]))
        if scheme[1].lower() in ("postgresql", "postgres"):
            return _postgresql_source(where, name, "postgresql://" + url[scheme.end() :])
    except ValueError as error:  # urlsplit() or its port: its words may repeat the URL
        raise SourceError(f"{where}: the URL cannot be understood; write for example {_EXAMPLE}.") from error
    raise SourceError(f"{where}: {scheme[1]} is no database this program reads; write for example {_EXAMPLE}.")


def _split_query(url: str) -> tuple[str, str]:
    path, _, query = url.partition("?")
    return path, query


def _sqlite_path(where: str, rest: str) -> tuple[str, str]:
    """Return path and query of what follows "sqlite://": three slashes are relative, four absolute (SQLAlchemy)."""
    path, query = _split_query(rest)
    if path and not path.startswith("/"):
        raise SourceError(f"{where}: write sqlite:/// with three slashes before a relative path, four before /.")
    return unquote(path[1:]), query


def _sqlite_source(where: str, name: str, path: str, query: str) -> Source:
    if path in ("", ":memory:") or path.startswith("file:"):
        raise SourceError(f"{where}: name a database file; one in memory or behind file: cannot be shared.")
    if "\0" in path:
        raise SourceError(f"{where}: the path holds a NUL character.")
    parts = _query_parts(where, query, _SQLITE_PARTS)
    if "schema" in parts:
        raise SourceError(f"{where}: a SQLite file has no schemas; leave schema out.")
    try:
        file = Path(path).expanduser().absolute()
    except RuntimeError:  # ~somebody, of whom this machine knows no home folder
        raise SourceError(f"{where}: the home folder at the start of the path is not known.") from None
    return Source(name or _name_from(file.stem), "sqlite", f"sqlite:///{file}", **_own_parts(where, parts))


def _postgresql_source(where: str, name: str, url: str) -> Source:
    split = urlsplit(url)
    parts = _query_parts(where, split.query, _libpq_keywords())
    database = _libpq_options(split).get("dbname", "")
    if not database:
        raise SourceError(f"{where}: the URL names no database; write postgresql://user@host/database.")
    schema = _table_name(where, "schema", parts.get("schema", DEFAULT_SCHEMA))
    return Source(name or _name_from(database), "postgresql", url, schema=schema, **_own_parts(where, parts))


def _query_parts(where: str, query: str, known: frozenset[str]) -> dict[str, str]:
    parts = dict(parse_qsl(query, keep_blank_values=True))
    for part in parts:
        if part not in _OWN_PARTS and part not in known:
            raise SourceError(f"{where}: the URL says {part!r}, which means nothing here.")
    return parts


class _Own(TypedDict):
    session_table: str
    runs_table: str | None
    read_only: bool


def _own_parts(where: str, parts: dict[str, str]) -> _Own:
    mode = parts.get("mode", "rw")
    if mode not in ("ro", "rw"):
        raise SourceError(f"{where}: mode is {mode!r}; it may be ro (read only) or rw.")
    runs_table = parts.get("runs_table")
    return {
        "session_table": _table_name(where, "session_table", parts.get("session_table", DEFAULT_SESSION_TABLE)),
        "runs_table": None if runs_table is None else _table_name(where, "runs_table", runs_table),
        "read_only": mode == "ro",
    }


def _table_name(where: str, part: str, name: str) -> str:
    if not _TABLE.fullmatch(name):
        raise SourceError(f"{where}: {part} is {name!r}; letters, digits, _ - . $ and spaces make a name, up to 63.")
    return name


def check_table_name(argument: str, name: str) -> str:
    """Return the name of a table or schema, given as this argument.

    Raises:
        SourceError: it cannot be called like this.
    """
    return _table_name("The database", argument, name)


def _libpq_options(split: SplitResult) -> dict[str, str]:
    """Return libpq's keywords of a URL. Its query overrules what stands before it, as libpq has it."""
    given = {
        "user": unquote(split.username or ""),
        "password": unquote(split.password or ""),
        "host": unquote(split.hostname or ""),
        "port": str(split.port or ""),
        "dbname": unquote(split.path.removeprefix("/")),
        **{key: value for key, value in parse_qsl(split.query) if key not in _OWN_PARTS},
    }
    return {key: value for key, value in given.items() if value}


@lru_cache(maxsize=1)
def _libpq_keywords() -> frozenset[str]:
    from psycopg.pq import Conninfo  # who keeps sessions in a file needs no driver of PostgreSQL

    return frozenset(option.keyword.decode() for option in Conninfo.get_defaults())


def _name_from(text: str) -> str:
    """Make a name of a file's or database's."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-") or "source"
