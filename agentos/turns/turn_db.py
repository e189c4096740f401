"""The database of one turn: it stores nothing for a turn that was taken for dead, and links a run that takes another's
place.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from agentos.db.base import SessionChange
from agentos.db.sources import Source, SourceUnavailable
from agentos.db.sql import SqlDb
from agentos.db.writer_errors import AlreadyStored, ContinuedMeanwhile
from agentos.records import Run, RunStatus
from agentos.turns.log import beat
from agentos.turns.patience import patiently, retried

# Seconds for which a source is waited for that is away when the run is to be stored.
_PATIENCE: Final = 60.0
# A run that ended like this takes the place of the one it was made from.
_TAKES_OVER: Final = (RunStatus.completed, RunStatus.paused)


class TurnDb(SqlDb):
    """The turn's source. One that is busy, or away for a while, is waited for.

    `replaces`: the id of the run that is made anew. It is no history of the new one, and marked as Agno marks it
    (format §4.4) in the transaction that stores the new one; it stays what it was unless that ends well.
    `saved`: the runs as this turn stored them last, by id.
    """

    def __init__(self, source: Source, turn_id: UUID) -> None:
        super().__init__(source)
        self._turn_id = turn_id
        self.replaces = ""
        self.saved: dict[str, Run] = {}

    def last_runs(
        self,
        session_id: str,
        limit: int | None,
        *,
        top_level: bool = True,
        skip_statuses: Collection[str] = frozenset(),
        agent_id: str | None = None,
        team_id: str | None = None,
    ) -> list[Run]:
        """Return the last `limit` matching runs, without the one that is made anew."""
        wanted: dict[str, Any] = {"top_level": top_level, "skip_statuses": skip_statuses}
        wanted |= {"agent_id": agent_id, "team_id": team_id}
        if not self.replaces:
            return super().last_runs(session_id, limit, **wanted)
        found = super().last_runs(session_id, None if limit is None else limit + 1, **wanted)
        kept = [run for run in found if self.replaces not in (run.run_id, run.parent_run_id)]
        return kept if limit is None else kept[max(0, len(kept) - limit) :]

    def save(self, change: SessionChange) -> None:
        """Store what the turn's run left.

        A server that goes away while it commits does not say whether it has: what is then found to be stored already
        was stored by this.

        Raises:
            TurnLost: the turn was taken for dead; nothing is stored.
        """
        self._beat()
        if self.replaces and change.runs:
            change = replace(change, runs=self._linked(change.runs))
        tries = 0

        def store() -> None:
            nonlocal tries
            tries += 1
            try:
                super(TurnDb, self).save(change)
            except (AlreadyStored, ContinuedMeanwhile):
                if tries == 1 or not self._has(change.runs):
                    raise

        retried(store, (SourceUnavailable,), _PATIENCE, self._beat)
        self.saved |= {run.run_id: run for run in change.runs if run.run_id}

    def stored_run(self, run_id: str) -> Run | None:
        """Return a run that has just been stored, though the source be away for a while."""
        return retried(lambda: self.get_run(run_id), (SourceUnavailable,), _PATIENCE, self._beat)

    def _beat(self) -> None:
        patiently(lambda: beat(self._turn_id))

    def _has(self, runs: Sequence[Run]) -> bool:
        stored = [self.get_run(run.run_id or "") for run in runs]
        return all(
            found is not None and (found.status, len(found.messages)) == (run.status, len(run.messages))
            for run, found in zip(runs, stored, strict=True)
        )

    def _linked(self, runs: Sequence[Run]) -> list[Run]:
        old = self.get_run(self.replaces)
        if not isinstance(old, Run):
            return [*runs]  # removed meanwhile
        own = str(self._turn_id)
        new = [linked(run, old) if run.run_id == own else run for run in runs]
        taken_over = any(run.run_id == own and run.status in _TAKES_OVER for run in runs)
        return [*new, with_status(old, RunStatus.regenerated)] if taken_over else new


def linked(run: Run, old: Run) -> Run:
    """Return the run with its lineage: what it was made from and, if it takes its place, that it does."""
    said = [at for at, message in enumerate(old.own_messages) if message.role == "user"]
    lineage: dict[str, Any] = {
        "forked_from_run_id": old.run_id,
        "forked_from_message_index": said[-1] + 1 if said else 0,
    }
    if run.status in _TAKES_OVER:
        lineage["regenerated_from"] = old.run_id
    return type(run).from_dict({**run.raw, **lineage})


def with_status(run: Run, status: str) -> Run:
    """Return the run with another status."""
    return type(run).from_dict({**run.raw, "status": str(status)})
