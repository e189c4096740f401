"""Reads sessions and runs from a source, whichever of Agno's layouts it has, and no more of them than is asked for."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice
from operator import itemgetter
from typing import Any, Final, TypeVar

from agentos.db import reader_apart, reader_find, reader_lists, reader_recent, reader_rows, reader_stamps
from agentos.db.changes import Json, RunQuery, SessionQuery
from agentos.db.connections import connection_for, table_name
from agentos.db.errors import TableMissing, faults_of
from agentos.db.layout import Layout, Tables, forget, look
from agentos.db.models import JSON_COLUMNS, session_model
from agentos.db.reader_apart import Approval
from agentos.db.reader_recent import Recent
from agentos.db.source import Source
from agentos.db.stored import GONE, RunStub, Stamp, Wanted, as_run, is_askable, merged
from agentos.records import SESSION_COLUMNS, BadRun, Run, Session

__all__ = ["Approval", "Layout", "Reader", "Recent", "RunStub", "Stamp"]

# Payload that `iter_runs` holds at once. Each batch of a list costs the database a walk through the whole list.
BATCH_BYTES: Final = 4_000_000

# Runs of a list that `last_runs` reads at once at least: each time costs a walk through it.
LIST_AT_ONCE: Final = 20

_NOTHING: Final[tuple[list[Json], int]] = ([], 0)
_GONE: Final = object()
_Read = TypeVar("_Read")


class Reader:
    """Reads one source. It holds no connection of its own: each thread that calls it uses its own.

    Every method raises SourceUnavailable, with a plain sentence, when the source cannot be read. `masked_by` says which
    choice of detectors masked what it gives out, where that is done.
    """

    masked_by: str | None = None

    def __init__(self, source: Source) -> None:
        self.source = source

    @property
    def layout(self) -> Layout:
        """Where the source keeps runs."""
        return look(self.source).layout

    def stamps(self, after: str | None = None, limit: int = 1000) -> list[Stamp]:
        """Return up to `limit` stamps in the database's own order of session ids, those behind the id `after`."""
        if after is not None and not is_askable(self.source.vendor, after):
            return []
        return self._read([], lambda tables: reader_stamps.stamps(self.source, tables, after, limit))

    def stamp(self, session_id: str) -> Stamp | None:
        """Return the stamp of one session, None if there is no such session."""
        return self._read_session(session_id, None, lambda tables: reader_stamps.stamp(self.source, tables, session_id))

    def stamps_of(self, session_ids: Sequence[str]) -> list[Stamp]:
        """Return the stamps of those of these sessions that are there; at most a few hundred may be asked for."""
        askable = [session_id for session_id in session_ids if is_askable(self.source.vendor, session_id)]
        if not askable:
            return []
        return self._read([], lambda tables: reader_stamps.stamps_of(self.source, tables, askable))

    def recent(self, asked: Recent) -> list[tuple[str, str, str]]:
        """Return (session id, id of the row, what tells its states apart) of what may have changed lately."""
        able = [
            [one for one in ids if is_askable(self.source.vendor, one)] for ids in (asked.session_ids, asked.run_ids)
        ]
        asked = replace(asked, session_ids=able[0], run_ids=able[1])
        return self._read([], lambda tables: reader_recent.recent(self.source, tables, asked))

    def session(self, session_id: str) -> Session | None:
        """Return a session without its runs, None if there is none of this id."""
        return self._read_session(session_id, None, lambda tables: self._session(session_id))

    def run_stubs(self, session_id: str, *, digests: bool = False) -> list[RunStub]:
        """Return a stub of every stored run in Agno's order, without reading a payload into this process.

        With `digests` entries of a list have theirs: without it nothing tells that one of them changed.
        """
        return self._read_session(session_id, [], lambda tables: self._stubs(tables, session_id, digests=digests))

    def runs(self, session_id: str, positions: Sequence[int], run_ids: Sequence[str | None] = ()) -> list[Run | BadRun]:
        """Return the runs at these positions of `run_stubs`, in the order asked for; only they are read and parsed.

        A position at which there is nothing (any more) gives a BadRun that says so. Whoever knows the ids of the runs
        at these positions saves a look at the order: where runs are rows, the rows of these ids are read.
        """
        gone = [BadRun(None, GONE) for _ in positions]
        ids = dict(zip(positions, run_ids, strict=True)) if run_ids else {}
        known = {at: run_id for at, run_id in ids.items() if run_id is not None}
        return self._read_session(session_id, [*gone], lambda tables: self._runs(tables, session_id, positions, known))

    def iter_runs(self, session_id: str, batch: int = 20) -> Iterator[Run | BadRun]:
        """Yield every run in Agno's order, holding few in memory: `batch` rows, or about BATCH_BYTES of a list."""
        for stubs in batches(self.run_stubs(session_id), batch):
            yield from self._at(session_id, stubs)

    def all_runs(self, session_id: str) -> list[Run | BadRun]:
        """Return every run in Agno's order, all in memory at once."""
        return self._read_session(session_id, [], lambda tables: self._all(tables, session_id))

    def last_runs(self, session_id: str, wanted: Wanted, limit: int | None = None) -> list[Run]:
        """Return the last `limit` runs that are wanted (all for None) in Agno's order, oldest first.

        Where runs are rows, only those are read; of a list, outlines of all and the runs themselves.
        """
        if limit is not None and limit <= 0:
            return []
        return self._read_session(session_id, [], lambda tables: self._last(tables, session_id, wanted, limit))

    def runs_of(self, session_ids: Sequence[str]) -> dict[str, list[Run]]:
        """Return all runs of these sessions that can be read, in Agno's order, by session id."""
        askable = [session_id for session_id in session_ids if is_askable(self.source.vendor, session_id)]
        return self._read({}, lambda tables: self._runs_of(tables, askable))

    def stubs_of(self, session_ids: Sequence[str]) -> dict[str, list[RunStub]]:
        """Return what `run_stubs` does, with digests, by session id; by one statement where runs are rows."""
        askable = [session_id for session_id in session_ids if is_askable(self.source.vendor, session_id)]
        return self._read({}, lambda tables: self._stubs_of(tables, askable))

    def runs_at(self, wanted: Sequence[tuple[str, RunStub]]) -> list[Run | BadRun]:
        """Return runs of many sessions, named by session id and stub, in the order asked for."""
        gone = [BadRun(None, GONE) for _ in wanted]
        return self._read([*gone], lambda tables: self._runs_at(tables, wanted))

    def sessions(self, session_ids: Sequence[str]) -> list[Session]:
        """Return those of these sessions that are there, in this order and without their runs."""
        askable = [session_id for session_id in session_ids if is_askable(self.source.vendor, session_id)]
        nothing: list[Json] = []
        return [_session(row) for row in self._read(nothing, lambda tables: reader_find.by_ids(self.source, askable))]

    def find_sessions(self, query: SessionQuery) -> tuple[list[Session], int]:
        """Return the sessions of one page, without runs, and how many there are on all pages."""
        rows, total = self._read(_NOTHING, lambda tables: reader_find.sessions(self.source, query))
        return [_session(row) for row in rows], total

    def find_runs(self, query: RunQuery) -> tuple[list[Json], int]:
        """Return the runs of one page as rows of Agno 3's table, and how many there are on all pages."""
        return self._read(_NOTHING, lambda tables: reader_find.runs(self.source, tables, query))

    def find_run(self, run_id: str) -> Json | None:
        """Return one run as a row of Agno 3's table, None if there is none of this id."""
        return self._read(None, lambda tables: reader_find.run(self.source, tables, run_id))

    def version(self, session_id: str) -> str | None:
        """Return a short text that changes with any write to the session, None if there is none.

        No run is read for it, and of the rows of runs only the last and, in an index, their number.
        """
        return self._read_session(
            session_id, None, lambda tables: reader_stamps.version(self.source, tables, session_id)
        )

    def raw_text(self, session_id: str, column: str, limit: int) -> tuple[str, int]:
        """Return the first `limit` characters of a JSON column as stored, and how many it has; "" and 0 for nothing.

        Raises:
            ValueError: the session table has no JSON column of this name in any layout.
        """
        if column not in (*JSON_COLUMNS, "runs"):
            raise ValueError(f"{column!r} is no JSON column of a session.")
        return self._read_session(session_id, ("", 0), lambda tables: self._raw(tables, session_id, column, limit))

    def held_apart(self, session_id: str, result_id: str, limit: int | None = None) -> tuple[str, int] | None:
        """Return the first `limit` characters of a tool's result that is held apart, all for None, and how many it has.

        None: this session has no such result, or its text is gone, or the source does not hold results apart.
        """
        if not (is_askable(self.source.vendor, session_id) and is_askable(self.source.vendor, result_id)):
            return None
        return reader_apart.result(self.source, session_id, result_id, limit)

    def approvals(self, session_id: str, ids: Sequence[str]) -> dict[str, Approval]:
        """Return what became of those of these approvals that the session has, by id; nothing without such a table."""
        askable = [one for one in ids if is_askable(self.source.vendor, one)]
        if not askable or not is_askable(self.source.vendor, session_id):
            return {}
        return reader_apart.approvals(self.source, session_id, askable)

    def _read(self, nothing: _Read, read: Callable[[Tables], _Read]) -> _Read:
        """Read with the tables as they were seen; if one is gone, look again and read once more."""
        try:
            tables = look(self.source)
            return read(tables) if tables.columns else nothing
        except TableMissing:
            forget(self.source)
        tables = look(self.source)
        return read(tables) if tables.columns else nothing

    def _read_session(self, session_id: str, nothing: _Read, read: Callable[[Tables], _Read]) -> _Read:
        return self._read(nothing, read) if is_askable(self.source.vendor, session_id) else nothing

    def _session(self, session_id: str) -> Session | None:
        columns = [column for column in SESSION_COLUMNS if column != "runs"]
        with faults_of(self.source):
            connection_for(self.source)
            rows = session_model(self.source)._default_manager.using(self.source.alias)
            row = rows.filter(session_id=session_id).values(*columns).first()
        return _session(row) if row else None

    def _stubs(self, tables: Tables, session_id: str, *, digests: bool = False) -> list[RunStub]:
        listed: list[RunStub] = []
        if tables.has_list:
            listed = reader_lists.outline(self.source, tables.columns["runs"], session_id, digests=digests)
        rows = reader_rows.outline(self.source, session_id) if tables.runs_table else []
        keyed = [(stub.run_id, stub) for stub in listed], [(stub.run_id, stub) for stub in rows]
        return [_moved(position, stub) for position, stub in enumerate(merged(*keyed))]

    def _runs(
        self, tables: Tables, session_id: str, positions: Sequence[int], known: dict[int, str]
    ) -> list[Run | BadRun]:
        if tables.layout is Layout.BLOB:
            found = self._values(tables, session_id, {}, positions)
        elif tables.layout is Layout.TABLE and len(known) == len(set(positions)):
            found = self._values(tables, session_id, known, ())
        elif tables.layout is Layout.TABLE:
            ids = reader_rows.run_ids(self.source, session_id) if tables.runs_table else []
            found = self._values(tables, session_id, {at: ids[at] for at in positions if 0 <= at < len(ids)}, ())
        else:
            stubs = self._stubs(tables, session_id)
            found = self._values(tables, session_id, *_places([stubs[at] for at in positions if 0 <= at < len(stubs)]))
        return [as_run(found[at]) if at in found else BadRun(None, GONE) for at in positions]

    def _last(self, tables: Tables, session_id: str, wanted: Wanted, limit: int | None) -> list[Run]:
        if tables.layout is Layout.TABLE:
            rows = reader_rows.read_last(self.source, session_id, wanted, limit) if tables.runs_table else []
            return [run for run in map(as_run, rows) if isinstance(run, Run)]
        if limit is not None and tables.layout is Layout.BLOB:
            near_end = self._near_end(tables, session_id, wanted, limit)
            if near_end is not None:
                return near_end
        stubs = [stub for stub in self._stubs(tables, session_id) if wanted.may_be(stub)]
        found: list[Run] = []
        while stubs and (limit is None or len(found) < limit):
            at_once = max(limit - len(found), LIST_AT_ONCE) if limit is not None else len(stubs)
            stubs, last = stubs[:-at_once], stubs[-at_once:]
            runs = self._at(session_id, last)
            found = [run for run in runs if isinstance(run, Run) and wanted.is_(run)] + found
        return found if limit is None else found[-limit:]

    def _near_end(self, tables: Tables, session_id: str, wanted: Wanted, limit: int) -> list[Run] | None:
        """Return the last wanted runs of a list if enough of them are at its end, else None."""
        last = reader_lists.from_end(self.source, tables.columns["runs"], session_id, max(limit, LIST_AT_ONCE))
        runs = (as_run(value) for value in last or ())
        found = list(islice((run for run in runs if isinstance(run, Run) and wanted.takes(run)), limit))
        return found[::-1] if len(found) == limit else None

    def _runs_of(self, tables: Tables, session_ids: list[str]) -> dict[str, list[Run]]:
        if tables.layout is Layout.TABLE and tables.runs_table:
            values = reader_rows.read_sessions(self.source, session_ids)
            read = {session_id: list(map(as_run, runs)) for session_id, runs in values.items()}
        else:
            read = {session_id: self._all(tables, session_id) for session_id in session_ids}
        return {session_id: [run for run in runs if isinstance(run, Run)] for session_id, runs in read.items()}

    def _stubs_of(self, tables: Tables, session_ids: list[str]) -> dict[str, list[RunStub]]:
        if tables.layout is Layout.TABLE:
            return reader_rows.outlines(self.source, session_ids) if tables.runs_table else {}
        return {session_id: self._stubs(tables, session_id, digests=True) for session_id in session_ids}

    def _runs_at(self, tables: Tables, wanted: Sequence[tuple[str, RunStub]]) -> list[Run | BadRun]:
        if tables.layout is Layout.TABLE and tables.runs_table:
            ids = [stub.run_id for _, stub in wanted if stub.run_id is not None]
            rows = reader_rows.read_runs(self.source, ids)
            found = {
                (session_id, stub): rows.get((session_id, stub.run_id or ""), _GONE) for session_id, stub in wanted
            }
        else:
            found = {}
            for session_id, pairs in groupby(wanted, key=itemgetter(0)):
                stubs = [stub for _, stub in pairs]
                values = self._values(tables, session_id, *_places(stubs))
                found |= {(session_id, stub): values.get(stub.position, _GONE) for stub in stubs}
        return [BadRun(None, GONE) if (value := found[one]) is _GONE else as_run(value) for one in wanted]

    def _at(self, session_id: str, stubs: list[RunStub]) -> list[Run | BadRun]:
        nothing: dict[int, Any] = {}
        found = self._read(nothing, lambda tables: self._values(tables, session_id, *_places(stubs)))
        return [as_run(found[stub.position]) for stub in stubs if stub.position in found]

    def _values(
        self, tables: Tables, session_id: str, row_ids: dict[int, str], listed: Sequence[int]
    ) -> dict[int, Any]:
        """Return decoded runs by position: those that are rows of these ids, and those in the list."""
        found: dict[int, Any] = {}
        if row_ids and tables.runs_table:
            data = reader_rows.read(self.source, session_id, list(row_ids.values()))
            found = {at: data[run_id] for at, run_id in row_ids.items() if run_id in data}
        if listed and tables.has_list:
            found |= reader_lists.slices(self.source, tables.columns["runs"], session_id, listed)
        return found

    def _all(self, tables: Tables, session_id: str) -> list[Run | BadRun]:
        values = reader_lists.whole(self.source, session_id) if tables.has_list else []
        listed = [(value.get("run_id") if isinstance(value, dict) else None, value) for value in values]
        rows = reader_rows.read_all(self.source, session_id) if tables.runs_table else []
        return [as_run(value) for value in merged(listed, rows)]

    def _raw(self, tables: Tables, session_id: str, column: str, limit: int) -> tuple[str, int]:
        if column not in tables.columns:
            return "", 0
        text = f'"{column}"' if self.source.vendor == "sqlite" else f'"{column}"::text'
        table = table_name(self.source, self.source.session_table)
        with faults_of(self.source), connection_for(self.source).cursor() as cursor:
            sql = f"SELECT substr({text}, 1, %s), length({text}) FROM {table} WHERE session_id = %s"
            cursor.execute(sql, [max(limit, 0), session_id])
            row = cursor.fetchone()
        return (str(_plain(row[0])), int(row[1])) if row and row[0] is not None else ("", 0)


def _moved(position: int, stub: RunStub) -> RunStub:
    return stub if stub.position == position else replace(stub, position=position)


def _places(stubs: list[RunStub]) -> tuple[dict[int, str], list[int]]:
    """Return run id by position of those that are rows, and the positions of those in the list.

    An element's place in the list is its position among all runs too: rows that the list does not know come after it.
    """
    row_ids = {stub.position: stub.run_id for stub in stubs if stub.place == "row" and stub.run_id is not None}
    return row_ids, [stub.position for stub in stubs if stub.place == "list"]


def batches(stubs: list[RunStub], rows_at_once: int) -> Iterator[list[RunStub]]:
    """Group stubs so that the payload of a group is bounded.

    The size of rows is what PostgreSQL compressed it to, so they are counted as well; but where there is a list, each
    group costs a walk through it.
    """
    at_most = len(stubs) if any(stub.place == "list" for stub in stubs) else rows_at_once
    batch: list[RunStub] = []
    size = 0
    for stub in stubs:
        if batch and (len(batch) >= at_most or size + stub.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(stub)
        size += stub.size
    if batch:
        yield batch


def _session(row: Json) -> Session:
    return Session.from_dict({name: _plain(value) for name, value in row.items()})


def _plain(value: Any) -> Any:
    """Return a value that JSON can hold: SQLite keeps bytes in any column."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
