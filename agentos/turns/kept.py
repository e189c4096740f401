"""Keeping what turns stored for as long as another program may write over it.

Agno 2 keeps all runs of a session in one list, reads it before a run, and writes it whole after: what somebody else
appended meanwhile, or since the program last read the session it holds in memory, is gone. `lost.py` notices that and
puts it back, for which it needs the runs as they were. Where runs have rows of their own nothing is kept: Agno 3 leaves
other rows alone, and Agno 2 does not open such tables.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from agentos.db.reader import Layout, Reader
from agentos.db.source import Source
from agentos.records import Run
from agentos.turns.models import KeptRun, KeptSession, Turn, session_key
from agentos.turns.regenerating import OPTION

__all__ = ["KEPT", "drop_old", "forget", "keep"]

# How long runs are kept: a program that holds sessions in memory may write one back long after it has read it.
KEPT: Final = timedelta(days=7)


def keep(source: Source, turn: Turn, run_id: str, saved: Mapping[str, Run]) -> KeptSession | None:
    """Keep what a turn has stored, with members' runs; return its session, None where nothing can be overwritten.

    `saved`: the runs as they were stored, by id, of those that are known; others are read.

    Raises:
        SourceUnavailable: the source cannot be read.
    """
    reader = Reader(source)
    if source.read_only or reader.layout is not Layout.BLOB:
        return None
    runs = _stored(reader, turn, run_id) | dict(saved)
    if not runs:
        return None
    now = timezone.now()
    with transaction.atomic():
        about = {"source": turn.source, "session_id": turn.session_id}
        session, _ = KeptSession.objects.get_or_create(session_key=turn.session_key, defaults=about)
        for one in runs.values():
            said = {"turn": turn, "status": str(one.status or ""), "text": json.dumps(one.raw), "problem": ""}
            KeptRun.objects.update_or_create(
                session=session, run_id=one.run_id, defaults={**said, "kept_at": now, "seen_at": None}
            )
        session.mark, session.changed_at, session.next_look_at = "", now, now
        session.save(update_fields=["mark", "changed_at", "next_look_at"])
    return session


def forget(source_name: str, session_id: str, run_ids: Iterable[str] | None = None) -> None:
    """Keep nothing any more of these runs of a session, or of all of it: they were removed, or changed, on purpose."""
    runs = KeptRun.objects.filter(session__session_key=session_key(source_name, session_id))
    (runs if run_ids is None else runs.filter(run_id__in=list(run_ids))).delete()


def drop_old() -> None:
    """Drop what was kept for long enough; that a run was put back stays known, without the run."""
    old = KeptRun.objects.filter(~Q(text=""), kept_at__lt=timezone.now() - KEPT)
    old.filter(times_put_back=0).delete()
    old.update(text="")
    KeptSession.objects.filter(runs__isnull=True).delete()


def _stored(reader: Reader, turn: Turn, run_id: str) -> dict[str, Run]:
    """Return the turn's run, those of its members and the one it was made from, as they are stored now."""
    wanted = {run_id, turn.options.get(OPTION)} - {None}
    stubs = reader.run_stubs(turn.session_id)
    places = [stub.position for stub in stubs if stub.run_id in wanted or stub.parent_run_id == run_id]
    found = reader.runs(turn.session_id, places)
    return {run.run_id: run for run in found if isinstance(run, Run) and run.run_id}
