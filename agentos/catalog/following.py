"""Looks at what changed lately in a source, between the passes that look at everything.

A look costs two indexed statements on the source, on an unchanged SQLite file none. It finds new sessions, runs that
began within WINDOW, whatever happens to the ACTIVE sessions updated last, and the end of their unfinished runs. The
rest, such as renames, edits and deletions elsewhere, a pass finds.
"""

import time
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from agentos.catalog.keys import index_key
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.db.pulse import pulse
from agentos.db.reader import Reader, Recent
from agentos.db.sources import Source

# Seconds: of how long ago runs are looked for by their start, and by how much clocks may differ.
WINDOW: Final = 900
_CLOCKS_DIFFER_BY: Final = 3600
# Sessions updated last, and their unfinished runs, that are looked at by their ids.
ACTIVE: Final = 200
_UNFINISHED: Final = ("RUNNING", "PENDING", "PAUSED")
# Two writes of one second may look the same: so long, what was written is looked at again.
_SAME_SECOND: Final = 3
_STAMPS_AT_ONCE: Final = 200


@dataclass
class _Seen:
    """What the last look of this process saw: `rows` tells what state each row was in."""

    pulse: str = ""
    at: float = 0.0
    rows: dict[tuple[str, str], str] = field(default_factory=dict)


_seen: dict[Source, _Seen] = {}
_lock: Final = Lock()


def candidates(source: Source) -> list[str]:
    """Return the ids of sessions that may have changed since this process looked last.

    Raises:
        SourceUnavailable: the source cannot be read.
    """
    with _lock:
        seen = _seen.setdefault(source, _Seen())
    now, beat = time.time(), pulse(source) if source.vendor == "sqlite" else ""
    if beat and beat == seen.pulse and now - seen.at > _SAME_SECOND:
        return []
    if beat != seen.pulse:
        seen.at = now
    seen.pulse = beat
    asked = _asked(source, int(now))
    rows = {(session_id, row): written for session_id, row, written in Reader(source).recent(asked)}
    again = source.vendor == "sqlite"
    found = {
        session_id
        for (session_id, row), written in rows.items()
        if seen.rows.get((session_id, row)) != written or (again and _is_fresh(written, now))
    }
    seen.rows = rows
    gone = {session_id for session_id in asked.session_ids if (session_id, session_id) not in rows}
    return sorted(found | gone)


def changed(source: Source, session_ids: list[str]) -> list[str]:
    """Return those of the sessions whose row in the catalog is missing, of another state, or of no session any more."""
    reader, found = Reader(source), []
    for start in range(0, len(session_ids), _STAMPS_AT_ONCE):
        batch = session_ids[start : start + _STAMPS_AT_ONCE]
        marks = {stamp.session_id: stamp.mark for stamp in reader.stamps_of(batch)}
        keys = [index_key(session_id) for session_id in batch]
        rows = CatalogSession.objects.of_source(source.name).filter(session_key__in=keys)
        known = dict(rows.values_list("session_key", "mark"))
        found += [one for one, key in zip(batch, keys, strict=True) if marks.get(one) != known.get(key)]
    return found


def look_again(source: Source) -> None:
    """Forget what was seen: not all of it could be followed."""
    with _lock:
        _seen.pop(source, None)


def _asked(source: Source, now: int) -> Recent:
    rows = CatalogSession.objects.of_source(source.name).filter(updated_at__lte=now + _CLOCKS_DIFFER_BY)
    active = dict(rows.order_by("-updated_at", "-id").values_list("pk", "session_id")[:ACTIVE])
    unfinished = CatalogRun.objects.filter(session__in=active, status__in=_UNFINISHED, stored=True)
    run_ids = unfinished.exclude(run_id=None).values_list("run_id", flat=True)[:ACTIVE]
    return Recent(now - WINDOW, now + _CLOCKS_DIFFER_BY, list(active.values()), [str(run_id) for run_id in run_ids])


def _is_fresh(written: str, now: float) -> bool:
    return written.isdecimal() and int(written) > now - _SAME_SECOND
