"""A transaction for one write, and a look at which tables there are to write to."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from agentos.db.sources import Source, SourceUnavailable
from agentos.db.writer_store import Tables


@contextmanager
def writing(source: Source) -> Iterator[BaseDatabaseWrapper]:
    """Hold one transaction on the source; it is rolled back when an exception leaves the block.

    Raises:
        SourceUnavailable: the database refused: locked, unreachable, full, not ours to write.
    """
    try:
        with transaction.atomic(using=source.alias):
            yield connections[source.alias]
    except DatabaseError as error:
        reason = str(error).strip().partition("\n")[0]
        raise SourceUnavailable(f"Nothing was written to the source {source.name}: {reason}.") from error


def tables_of(source: Source, connection: BaseDatabaseWrapper) -> Tables | None:
    """Look which tables the source has now; None when it has no session table."""
    sessions, runs = qualified(source, source.session_table), qualified(source, runs_table_name(source))
    columns = _columns(source, connection, source.session_table)
    if not columns:
        return None
    has_rows = bool(_columns(source, connection, runs_table_name(source)))
    return Tables(sessions, runs, has_list="runs" in columns, has_rows=has_rows)


def runs_table_name(source: Source) -> str:
    """Return the name of the runs table by Agno's rule: as given, else after a session table of another name."""
    if source.runs_table:
        return source.runs_table
    return "agno_runs" if source.session_table == "agno_sessions" else f"{source.session_table}_runs"


def qualified(source: Source, table: str) -> str:
    """Return a table's name quoted for a statement with parameters, with its schema on PostgreSQL."""
    return f"{quoted(source.schema)}.{quoted(table)}" if source.vendor == "postgresql" else quoted(table)


def quoted(name: str) -> str:
    """Return an identifier in quotes, whatever is in it."""
    return '"{}"'.format(name.replace('"', '""').replace("%", "%%"))


def _columns(source: Source, connection: BaseDatabaseWrapper, table: str) -> set[str]:
    """Return the names of a table's columns, none when there is no such table."""
    with connection.cursor() as cursor:
        if source.vendor == "sqlite":
            cursor.execute("SELECT name FROM pragma_table_info(%s)", [table])
        else:
            sql = "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
            cursor.execute(sql, [source.schema, table])
        return {row[0] for row in cursor.fetchall()}
