"""Has anybody written to a source at all? Asked far more often than anybody writes, so it must cost next to nothing."""

import time
from pathlib import Path
from typing import Final

from agentos.db.connections import connection_for
from agentos.db.errors import faults_of
from agentos.db.layout import look
from agentos.db.source import Source

# Seconds: file systems tell the time of a write by a clock that ticks, so two writes of one tick may look the same.
_TICK: Final = 0.1

_COUNTERS: Final = """
    SELECT current_setting('track_counts'),
        string_agg(concat_ws('/', relid, n_tup_ins, n_tup_upd, n_tup_del), ' ' ORDER BY relid)
    FROM pg_stat_all_tables WHERE schemaname = %s AND relname = ANY(%s)"""


def pulse(source: Source) -> str:
    """Return a text that changes when the source is written to; "" when that cannot be told.

    Of a SQLite file it changes at once. A PostgreSQL server counts its writes up to ten seconds late, and
    some (TRUNCATE) not at all: there the same text means only that it is not worth looking yet.

    Raises:
        SourceUnavailable: the server cannot be asked.
    """
    return _of_file(source) if source.vendor == "sqlite" else _of_server(source)


def _of_file(source: Source) -> str:
    seen, written = [], 0
    for path in (Path(source.path), Path(f"{source.path}-wal")):
        try:
            found = path.stat()
        except OSError:
            continue
        seen.append(f"{found.st_ino}/{found.st_mtime_ns}/{found.st_size}")
        written = max(written, found.st_mtime_ns)
    now = time.time_ns()
    if seen and abs(now - written) < _TICK * 1e9:
        seen.append(f"still written to at {now}")  # never the same again: the next look is made in any case
    return " ".join(seen)


def _of_server(source: Source) -> str:
    tables = [source.session_table, look(source).runs_table]
    with faults_of(source), connection_for(source).cursor() as cursor:
        cursor.execute(_COUNTERS, [source.schema, [table for table in tables if table]])
        tracked, counters = cursor.fetchone()
    return counters or "" if tracked == "on" else ""
