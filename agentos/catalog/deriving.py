"""From a session as its source holds it to the rows of the catalog."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from agentos.catalog.facts import place, rows_of, stub_mark, sums, unchanged
from agentos.catalog.health import marks
from agentos.catalog.keys import clean, clean_or_none, index_key, one_line
from agentos.catalog.models import TITLE_CHARACTERS, CatalogRun
from agentos.catalog.terms import tags_of, terms_of
from agentos.db.reader import Layout, Reader, RunStub, Stamp, batches
from agentos.records import BadRun, Run, Session, as_datetime, display_name

_BATCH_RUNS = 50
# Runs at the beginning of which a title is looked for while they are at hand anyway.
_OPENING_RUNS = 4
_STRIP_RUNS = 16


class Derivation:
    """Derives the rows of one session. Runs that are known and unchanged are not read again."""

    def __init__(self, reader: Reader, session: Session, known: list[CatalogRun]) -> None:
        self._reader = reader
        self._session = session
        self._session_id = session.session_id or ""
        self._known = unchanged(known)
        self._opening: list[Run | BadRun] = []
        self._stubs = reader.run_stubs(self._session_id, digests=True)

    def runs(self) -> list[CatalogRun]:
        """Return a row for every run of the forest, in place."""
        groups: dict[int, list[CatalogRun]] = {}
        wanted: list[RunStub] = []
        for stub in self._stubs:
            known = self._known.get((stub.run_id, stub_mark(stub)))
            if known:
                groups[stub.position] = known.pop()
                for row in groups[stub.position]:
                    row.position = stub.position
            else:
                wanted.append(stub)
        for batch in batches(wanted, _BATCH_RUNS):
            read = self._reader.runs(self._session_id, [stub.position for stub in batch])
            for stub, run in zip(batch, read, strict=True):
                if stub.position < _OPENING_RUNS:
                    self._opening.append(run)
                groups[stub.position] = rows_of(stub, run)
        return place(groups[position] for position in sorted(groups))

    def session(self, stamp: Stamp, runs: list[CatalogRun]) -> dict[str, Any]:
        """Return the values of the session's row, but for its key."""
        session = self._session
        roots = [run for run in runs if run.depth == 0]
        last = roots[-1] if roots else None
        bad = sum(run.kind == "bad" for run in runs)
        counted = sums(runs)
        return {
            **counted,
            "session_id": self._session_id,
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
            "mark": stamp.mark,
        }

    def terms(self, runs: list[CatalogRun], values: dict[str, Any]) -> set[str]:
        """Return what the session may be looked for by; `values` are those of its row."""
        return terms_of(self._session, runs, values)

    def _title(self) -> str:
        """Agno's display name on one line; runs already at hand are asked first, others read as far as needed."""
        complete = len(self._opening) == min(_OPENING_RUNS, len(self._stubs))
        runs = chain(self._opening, self._later_runs()) if complete else self._reader.iter_runs(self._session_id, 2)
        name = display_name(self._session, runs) or ""
        return one_line(name, TITLE_CHARACTERS)

    def _later_runs(self) -> Iterator[Run | BadRun]:
        for position in range(len(self._opening), len(self._stubs)):
            yield from self._reader.runs(self._session_id, [position])


def _name_in_runs(session: Session, runs: list[CatalogRun]) -> str | None:
    """The component's name as its runs hold it: the session row may have been made without one."""
    mine = (run for run in reversed(runs) if run.component_id == session.component_id and run.component_name)
    return next((run.component_name for run in mine), None)


def seconds(value: int | None) -> int:
    """Unix seconds of a stored time, 0 when there is none: foreign writers leave milliseconds and nonsense."""
    moment = as_datetime(value)
    return int(moment.timestamp()) if moment is not None else 0
