"""A session copied into a new one of its own, up to a run, as Agno's fork copies it (format §4.4).

Where Agno leaves the copied runs' ties among each other pointing into the old session, they follow here: members stay
below their leaders.
"""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from agentos.catalog.sync import refresh_session
from agentos.db.exact import StoredRun, stored_runs
from agentos.db.reader import Reader
from agentos.db.source import Source
from agentos.db.stored import RunStub
from agentos.db.writer import Writer
from agentos.db.writer_errors import RunNotFound, SessionNotFound
from agentos.db.writer_json import clean
from agentos.db.writer_metrics import add, run_metrics
from agentos.records import Run, Session, parse_run
from agentos.transfer.checking import run_problem
from agentos.transfer.renaming import Renaming, new_run_id

_COLUMNS = ("run_id", "session_id", "run_index")


@dataclass(frozen=True)
class Fork:
    """A new session and what became of the runs: how many were copied, and how many could not be read."""

    session_id: str
    run_count: int
    left_out: int


def fork(
    source: Source, session_id: str, run_id: str | None = None, *, before: bool = False, new_id: str | None = None
) -> Fork:
    """Copy a session with its runs up to `run_id` (all for None; without it if `before`) into a new session.

    Who it belongs to, its name and its component stay. Of an earlier run, the state is as that run left it, tokens are
    counted anew, and there is no summary: the stored one tells of what comes later.

    Raises:
        SessionNotFound, RunNotFound: there is no such session, or no such run in it.
        AlreadyStored: there is a session of the id `new_id`.
        SourceError: the source cannot be read or written to.
    """
    session, stubs = Reader(source).session(session_id), Reader(source).run_stubs(session_id)
    if session is None:
        raise SessionNotFound(session_id)
    kept = _up_to(stubs, run_id, before=before)
    copy = _Copy(source, session, {stub.run_id or "" for stub in kept}, new_id or str(uuid.uuid4()))
    whole = len(kept) == len(stubs)
    count = Writer(source).restore(copy.row(whole=whole), copy.runs())
    refresh_session(source, copy.new_id)
    return Fork(copy.new_id, count, copy.left_out)


def _up_to(stubs: list[RunStub], run_id: str | None, *, before: bool) -> list[RunStub]:
    """Return the runs whose topmost leader comes no later than that of `run_id`; members stand before their leader."""
    if run_id is None:
        return stubs
    by_id = {stub.run_id: stub for stub in stubs}
    if run_id not in by_id:
        raise RunNotFound(run_id)
    last = _root(by_id[run_id], by_id).position
    return [stub for stub in stubs if (at := _root(stub, by_id).position) < last or (at == last and not before)]


def _root(stub: RunStub, by_id: dict[str | None, RunStub]) -> RunStub:
    seen = {stub.run_id}
    while (above := by_id.get(stub.parent_run_id)) is not None and above.run_id not in seen:
        seen.add(above.run_id)
        stub = above
    return stub


class _Copy:
    """One session on its way into its fork."""

    def __init__(self, source: Source, session: Session, run_ids: set[str], new_id: str) -> None:
        self.new_id, self.left_out = new_id, 0
        self._source, self._session, self._run_ids = source, session, run_ids
        old = session.session_id or ""
        self._renaming = Renaming(old, new_id, {id_: new_run_id(new_id, id_) for id_ in run_ids})
        self._origin = old

    def row(self, *, whole: bool) -> dict[str, Any]:
        """Return the columns of the new session."""
        data = dict(self._renaming.of_state(self._session.session_data or {}))
        row = {**self._session.raw, "summary": self._session.raw.get("summary") if whole else None}
        row.pop("runs", None)
        if not whole:
            data |= self._as_of_last_run()
        data["forked_from_session_id"] = self._origin
        now = int(time.time())
        return {**row, "session_id": self.new_id, "session_data": data, "created_at": now, "updated_at": now}

    def runs(self) -> Iterator[StoredRun]:
        """Yield the runs of the new session, one at a time."""
        for number, stored in enumerate(self._kept()):
            raw = self._renaming.of_run(stored.value)
            raw.setdefault("forked_from_session_id", self._origin)
            columns = {key: value for key, value in stored.columns.items() if key not in _COLUMNS}
            if stored.columns:
                columns |= {"run_index": number, "parent_run_id": raw.get("parent_run_id")}
            yield replace(stored, value=raw, columns=columns)

    def _kept(self) -> Iterator[StoredRun]:
        self.left_out = 0
        for stored in stored_runs(self._source, self._session.session_id or ""):
            run_id = stored.value.get("run_id") if isinstance(stored.value, dict) else None
            if isinstance(run_id, str) and run_id not in self._run_ids:
                continue
            if run_problem(stored, self._source.vendor) is None:
                yield replace(stored, value=clean(stored.value, self._source.vendor))
            elif not isinstance(run_id, str) or run_id in self._run_ids:
                self.left_out += 1

    def _as_of_last_run(self) -> dict[str, Any]:
        """Return tokens and state as they were when the last of the copied runs had ended."""
        totals: dict[str, Any] = {}
        last: Run | None = None
        for stored in self._kept():
            for metrics in run_metrics(stored.value, frozenset(self._run_ids)):
                add(totals, metrics, 1)
            run = parse_run(stored.value)
            last = run if isinstance(run, Run) and run.is_top_level else last
        state = last.session_state if last is not None else None
        return {"session_metrics": totals, "session_state": dict(state or {})}
