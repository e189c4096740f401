"""From a session as its source holds it to the rows of the catalog."""

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, Final

from agentos.catalog.facts import place, rows_of, stub_mark, sums, unchanged
from agentos.catalog.health import marks
from agentos.catalog.keys import clean, clean_or_none, index_key, one_line
from agentos.catalog.models import TITLE_CHARACTERS, CatalogRun, CatalogSession
from agentos.catalog.terms import tags_of, terms_of
from agentos.db.reader import BATCH_BYTES, Layout, Reader, RunStub, Stamp
from agentos.records import BadRun, Run, Session, as_datetime, display_name

# Runs that are read at once; and read before they are stored, unless one session has more.
BATCH_RUNS: Final = 400
# Seconds since its last write for which a session may be in the middle of many: clocks of writers may differ.
_LATELY: Final = 60
# The mark of a session that was written while it was read.
_MOVED: Final = "written while it was read"
# Runs at the beginning of which a title is looked for while they are at hand anyway.
_OPENING_RUNS: Final = 4
_STRIP_RUNS: Final = 16


class Derivation:
    """Derives the rows of one session. Runs that are known and unchanged are not read again.

    `row`: what the catalog had of the session when it was compared with `stamp`, None for nothing.
    """

    def __init__(
        self,
        reader: Reader,
        stamp: Stamp,
        row: CatalogSession | None,
        session: Session,
        stubs: list[RunStub],
        known: list[CatalogRun],
    ) -> None:
        self.stamp = stamp
        self.row = row
        self.session = session
        self.known = known
        self._reader = reader
        self._stubs = stubs
        self._opening: dict[int, Run | BadRun] = {}
        self._groups: dict[int, list[CatalogRun]] = {}
        self._taken: list[CatalogRun] = []
        # Whether another run than the wanted one was given, and whether somebody wrote meanwhile.
        self.is_odd = self.has_moved = False
        # What `take` is to be given.
        self.wanted: list[RunStub] = []
        groups = unchanged(known)
        for stub in stubs:
            same = groups.get((stub.run_id, stub_mark(stub)))
            if same:
                self._groups[stub.position] = same.pop()
                for run in self._groups[stub.position]:
                    run.position = stub.position
            else:
                self.wanted.append(stub)

    def take(self, stub: RunStub, run: Run | BadRun) -> None:
        """Derive the rows of one of the wanted runs."""
        if stub.position < _OPENING_RUNS:
            self._opening[stub.position] = run
        self._groups[stub.position] = rows = rows_of(stub, run)
        self._taken += rows
        self.is_odd = self.is_odd or stub.run_id != (run.run_id if isinstance(run, Run) else None)

    def was_written_lately(self) -> bool:
        """Whether the session may have been written while it was read."""
        return (self.stamp.updated_at or 0) > time.time() - _LATELY

    def runs(self) -> list[CatalogRun]:
        """Return a row for every run of the forest, in place; all that were wanted must have been given."""
        for run in self._taken if self.has_moved else ():
            run.mark = ""  # it may be another run's, or an earlier state
        return place(self._groups[position] for position in sorted(self._groups))

    def values(self, runs: list[CatalogRun]) -> dict[str, Any]:
        """Return the values of the session's row, but for its key."""
        session = self.session
        roots = [run for run in runs if run.depth == 0]
        last = roots[-1] if roots else None
        bad = sum(run.kind == "bad" for run in runs)
        counted = sums(runs)
        return {
            **counted,
            "session_id": self.stamp.session_id,
            "session_type": clean(session.session_type or "", 40),
            "component_id": session.component_id,
            "component_key": None if session.component_id is None else index_key(session.component_id),
            "component_name": clean_or_none(session.component_name) or _name_in_runs(session, runs),
            "user_id": session.user_id,
            "user_key": None if session.user_id is None else index_key(session.user_id),
            "title": self._title(),
            "session_name": clean_or_none(session.session_name),
            "preview": last.content_preview if last else "",
            "model": next((run.model for run in reversed(runs) if run.model), None) or clean_or_none(session.model_id),
            "last_status": last.status if last else "",
            "created_at": seconds(session.created_at),
            "updated_at": seconds(session.updated_at) or seconds(session.created_at),
            "run_strip": [[run.status, run.total_tokens] for run in roots[-_STRIP_RUNS:]],
            "has_summary": bool(session.summary_text),
            "topics": [clean(topic, 100) for topic in session.topics[:50]],
            "tags": tags_of(session),
            "health": marks(session, self._stubs, runs, counted, mixed=self._reader.layout is Layout.MIXED),
            "problem": f"{bad} of its runs cannot be read." if bad else "",
            "mark": _MOVED if self.has_moved else self.stamp.mark,
            "masked_by": self._reader.masked_by,
        }

    def terms(self, runs: list[CatalogRun], values: dict[str, Any]) -> set[str]:
        """Return what the session may be looked for by; `values` are those of its row."""
        return terms_of(self.session, runs, values)

    def _title(self) -> str:
        """Agno's display name on one line; runs already at hand are asked first, others read as far as needed."""
        complete = len(self._opening) == min(_OPENING_RUNS, len(self._stubs))
        opening = (self._opening[position] for position in sorted(self._opening))
        runs = chain(opening, self._later_runs()) if complete else self._reader.iter_runs(self.stamp.session_id, 2)
        return one_line(display_name(self.session, runs) or "", TITLE_CHARACTERS)

    def _later_runs(self) -> Iterator[Run | BadRun]:
        for position in range(len(self._opening), len(self._stubs)):
            yield from self._reader.runs(self.stamp.session_id, [position])


def begin(reader: Reader, changed: Sequence[tuple[Stamp, CatalogSession | None]]) -> list[Derivation]:
    """Begin to derive sessions, without a look at their runs; those that the source has no more are left out."""
    ids = [stamp.session_id for stamp, _ in changed]
    sessions = {str(session.session_id): session for session in reader.sessions(ids)}
    stubs = reader.stubs_of([session_id for session_id in ids if session_id in sessions])
    known: dict[int, list[CatalogRun]] = {}
    other = {row.pk for _, row in changed if row is not None and row.masked_by != reader.masked_by}
    for run in CatalogRun.objects.filter(session__in=[row.pk for _, row in changed if row is not None]):
        if run.session_id in other:
            run.mark = ""  # its texts are masked by other detectors
        known.setdefault(run.session_id, []).append(run)
    return [
        Derivation(
            reader,
            stamp,
            row,
            sessions[stamp.session_id],
            stubs.get(stamp.session_id, []),
            known.get(row.pk, []) if row is not None else [],
        )
        for stamp, row in changed
        if stamp.session_id in sessions
    ]


def groups(derivations: Iterable[Derivation]) -> Iterator[list[Derivation]]:
    """Group derivations so that what they want to read is bounded, unless one alone wants more."""
    group: list[Derivation] = []
    size = count = 0
    for one in derivations:
        more = sum(stub.size for stub in one.wanted)
        if group and (size + more > BATCH_BYTES or count + len(one.wanted) > BATCH_RUNS):
            yield group
            group, size, count = [], 0, 0
        group.append(one)
        size += more
        count += len(one.wanted)
    if group:
        yield group


def read(reader: Reader, derivations: Iterable[Derivation]) -> None:
    """Read the runs that the derivations want, a bounded number of bytes at once."""
    wanted = [(one, stub) for one in derivations for stub in one.wanted]
    for start, end in _slices([stub for _, stub in wanted]):
        part = wanted[start:end]
        found = reader.runs_at([(one.stamp.session_id, stub) for one, stub in part])
        for (one, stub), run in zip(part, found, strict=True):
            one.take(stub, run)


def settle(reader: Reader, derivations: Iterable[Derivation]) -> None:
    """Find out which of them were written while they were read; those are derived again at the next look.

    What was read is then no state that the session ever had under its stamp, and that stamp may well come back: Agno 2
    writes over runs, they are put back, and both happens within the second that `updated_at` tells.
    """
    doubtful = [one for one in derivations if one.is_odd or one.was_written_lately()]
    if doubtful:
        now = {stamp.session_id: stamp.mark for stamp in reader.stamps_of([one.stamp.session_id for one in doubtful])}
        for one in doubtful:
            one.has_moved = now.get(one.stamp.session_id) != one.stamp.mark


def _slices(stubs: list[RunStub]) -> Iterator[tuple[int, int]]:
    """Where there is a list, each slice costs a walk through it, so only bytes count."""
    start = size = 0
    for at, stub in enumerate(stubs):
        if at > start and (size + stub.size > BATCH_BYTES or (stub.place == "row" and at - start >= BATCH_RUNS)):
            yield start, at
            start, size = at, 0
        size += stub.size
    if stubs:
        yield start, len(stubs)


def _name_in_runs(session: Session, runs: list[CatalogRun]) -> str | None:
    """The component's name as its runs hold it: the session row may have been made without one."""
    mine = (run for run in reversed(runs) if run.component_id == session.component_id and run.component_name)
    return next((run.component_name for run in mine), None)


def seconds(value: int | None) -> int:
    """Unix seconds of a stored time, 0 when there is none: foreign writers leave milliseconds and nonsense."""
    moment = as_datetime(value)
    return int(moment.timestamp()) if moment is not None else 0
