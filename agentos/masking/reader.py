"""A reader of a source for whoever may not see secrets: what it gives out is masked, and everything made of that."""

from collections.abc import Iterator, Sequence

from agentos.db.reader import Reader, RunStub
from agentos.db.source import Source
from agentos.masking.config import current
from agentos.masking.values import masked_value
from agentos.records import BadRun, Run, Session, parse_run

# Characters that are read beyond a cut, so that a secret at the cut is seen whole.
_BEYOND = 5_000


class MaskedReader(Reader):
    """Reads as `Reader` does, and masks sessions, runs and texts. What is not overridden gives out no texts."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._detectors = current()
        self.masked_by = self._detectors.token

    def session(self, session_id: str) -> Session | None:
        """Return the session without its runs."""
        found = super().session(session_id)
        return None if found is None else self._session_of(found)

    def sessions(self, session_ids: Sequence[str]) -> list[Session]:
        """Return those of these sessions that are there."""
        return [self._session_of(session) for session in super().sessions(session_ids)]

    def runs(self, session_id: str, positions: Sequence[int], run_ids: Sequence[str | None] = ()) -> list[Run | BadRun]:
        """Return the runs at these positions."""
        return [self._run(run) for run in super().runs(session_id, positions, run_ids)]

    def iter_runs(self, session_id: str, batch: int = 20) -> Iterator[Run | BadRun]:
        """Yield all runs, a few in memory."""
        return (self._run(run) for run in super().iter_runs(session_id, batch))

    def all_runs(self, session_id: str) -> list[Run | BadRun]:
        """Return all runs."""
        return [self._run(run) for run in super().all_runs(session_id)]

    def runs_at(self, wanted: Sequence[tuple[str, RunStub]]) -> list[Run | BadRun]:
        """Return the runs that these stubs stand for."""
        return [self._run(run) for run in super().runs_at(wanted)]

    def raw_text(self, session_id: str, column: str, limit: int) -> tuple[str, int]:
        """Return the first `limit` characters of a column as stored, and how many it has."""
        text, length = super().raw_text(session_id, column, limit + _BEYOND)
        return self._detectors.masked(text)[:limit], length

    def held_apart(self, session_id: str, result_id: str, limit: int | None = None) -> tuple[str, int] | None:
        """Return the first `limit` characters of a tool result that Agno keeps apart, and how many it has."""
        found = super().held_apart(session_id, result_id, None if limit is None else limit + _BEYOND)
        return None if found is None else (self._detectors.masked(found[0])[:limit], found[1])

    def _session_of(self, session: Session) -> Session:
        raw = masked_value(session.raw, self._detectors)
        return session if raw is session.raw else type(session).from_dict(raw)

    def _run(self, run: Run | BadRun) -> Run | BadRun:
        raw = masked_value(run.raw, self._detectors)
        if raw is run.raw:
            return run
        return BadRun(raw, run.problem) if isinstance(run, BadRun) else parse_run(raw)
