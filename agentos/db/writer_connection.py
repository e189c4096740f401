"""A transaction for one write, and a look at which tables there are to write to."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from agentos.db.connections import connection_for, table_name
from agentos.db.errors import faults_of
from agentos.db.layout import forget, look
from agentos.db.source import Source
from agentos.db.writer_store import Tables


@contextmanager
def writing(source: Source) -> Iterator[BaseDatabaseWrapper]:
    """Hold one transaction on the source; it is rolled back when an exception leaves the block.

    On SQLite it begins IMMEDIATE, so the wait for another writer is at its start, where nothing has been read yet.

    Raises:
        SourceUnavailable: the database refused: locked, unreachable, full, not ours to write.
    """
    with faults_of(source):
        connection = connection_for(source)
        try:
            with transaction.atomic(using=source.alias):
                yield connection
        except BaseException:
            forget(source)  # tables that were made in the block are gone again
            raise


def tables_of(source: Source, *, anew: bool = False) -> Tables | None:
    """Return which tables the source has; None when it has no session table.

    What was seen of a source with a table of runs is believed for a while, unless it is to be looked at `anew`; but
    beside a list such a table may have been made since, and then a new run belongs there.

    Raises:
        SourceUnavailable: the table of this name is not Agno's.
    """
    seen = look(source)
    if anew or not seen.runs_table:
        forget(source)
        seen = look(source)
    if not seen.columns:
        return None
    return Tables(
        sessions=table_name(source, source.session_table),
        runs=table_name(source, seen.runs_table) if seen.runs_table else "",
        list_type=seen.columns.get("runs", ""),
    )
