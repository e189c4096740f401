"""Taking an exported session into a source: first all of it is checked, then all of it is stored, or nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, Final

from agentos.db.connections import create_database
from agentos.db.exact import StoredRun, has_row_of
from agentos.db.layout import Layout, look
from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.db.writer import Writer
from agentos.db.writer_rules import storable_id
from agentos.records import Session
from agentos.transfer.checking import run_problem, session_problems
from agentos.transfer.incoming import BadFile, Document, entries
from agentos.transfer.renaming import Renaming, new_run_id

MASKED: Final = (
    "The file was exported masked: [masked] stands where secrets stood, and would be stored as what was said."
)
# Problems that are said; a file may have one in every run.
MOST_PROBLEMS: Final = 20


class NotImportable(Exception):
    """The session cannot be taken into this source: `problems` says why, a sentence each, and nothing was stored."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


@dataclass
class Preview:
    """What an import would store, or why it would not.

    `user_ids`: everybody whom the session or one of its runs names. `renamed`: the runs that get new ids.
    `is_masked`: the file says that it is no exact copy, as secrets are masked in it.
    """

    source: str
    session: Session
    run_count: int = 0
    run_ids: list[str] = field(default_factory=list, repr=False)
    statuses: dict[str, int] = field(default_factory=dict)
    user_ids: set[str | None] = field(default_factory=set)
    renaming: Renaming = field(default_factory=lambda: Renaming("", ""))
    keeps_index: bool = True
    changed_meanwhile: bool = False
    is_masked: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def session_id(self) -> str:
        """The id the session gets."""
        return self.renaming.new


def preview(file: BinaryIO, source: Source, new_id: str | None = None) -> Preview:
    """Read all of a file and say what its import would store. Nothing is stored, but a SQLite file is made if need be.

    Raises:
        BadFile: it is no exported session, or a damaged one.
        SourceError: the source may not be written to, or cannot be reached.
    """
    Writer(source).check_writable_source()
    create_database(source)
    document = Document()
    survey = _Survey(source)
    for run in entries(file, document):
        survey.add(run)
    found = survey.result(document)
    found.renaming = _renaming(found, source, new_id)
    found.problems = [*_id_problems(found, source), *found.problems][:MOST_PROBLEMS]
    return found


def import_session(
    file: BinaryIO,
    source: Source,
    new_id: str | None = None,
    expected: Preview | None = None,
    *,
    masked_too: bool = False,
) -> Preview:
    """Store the session of a file, under `new_id` if one is given, in one transaction; return what was stored.

    `expected`: the preview of this very file, if there is one already. `masked_too`: it was said that a file may be
    stored in which secrets are masked.

    Raises:
        NotImportable: it cannot be stored, or not be loaded by Agno then.
        BadFile, SourceError: as `preview`; AlreadyStored when somebody else took an id meanwhile.
    """
    found = expected or preview(file, source, new_id)
    if found.problems:
        raise NotImportable(found.problems)
    if found.is_masked and not masked_too:
        raise NotImportable([MASKED])
    session = {**found.session.raw, "session_id": found.session_id}
    if found.renaming.changes:
        session["session_data"] = found.renaming.of_state(session.get("session_data"))
    found.run_count = Writer(source).restore(session, _as_stored(file, found))
    return found


def _as_stored(file: BinaryIO, found: Preview) -> Iterator[StoredRun]:
    for number, run in enumerate(entries(file, Document())):
        columns = run.columns if found.keeps_index or not run.columns else {**run.columns, "run_index": number}
        run = replace(run, columns=columns)
        if found.renaming.changes:
            run = replace(run, value=found.renaming.of_run(run.value), columns=found.renaming.of_run(columns))
        yield run


class _Survey:
    """What is learned from the runs of a file, one at a time."""

    def __init__(self, source: Source) -> None:
        self._vendor = source.vendor
        self._unique = look(source).layout is not Layout.BLOB
        self._seen: set[str] = set()
        self._sessions: set[str] = set()
        self._last: tuple[Any, ...] | None = None
        self._found = Preview(source.name, Session.from_dict({}))

    def add(self, run: StoredRun) -> None:
        """Look at the next run."""
        found = self._found
        found.run_count += 1
        problem = run_problem(run, self._vendor) or self._remember(run)
        if problem and len(found.problems) < MOST_PROBLEMS:
            found.problems.append(f"Run {found.run_count}: {problem}")

    def _remember(self, run: StoredRun) -> str | None:
        """Take note of a run that could be stored by itself; return what is wrong with it among the others."""
        found, raw = self._found, run.value
        found.statuses[raw["status"]] = found.statuses.get(raw["status"], 0) + 1
        found.user_ids |= {run.columns.get("user_id"), raw.get("user_id")} - {None}
        self._sessions.add(raw["session_id"])
        place = self._place(run)
        found.keeps_index &= place is not None and (self._last is None or place > self._last)
        self._last = place
        if raw["run_id"] in self._seen and self._unique:
            return "Another run of the file has its id, and in this source each has one of its own."
        self._seen.add(raw["run_id"])
        found.run_ids.append(raw["run_id"])
        return None

    def _place(self, run: StoredRun) -> tuple[Any, ...] | None:
        """Return where the source would put the row, None for a run that had none."""
        if "run_index" not in run.columns:
            return None
        index = run.columns["run_index"]
        rank = (index is not None) if self._vendor == "sqlite" else (index is None)  # where it puts NULL
        return rank, index or 0, run.columns.get("created_at") or 0, run.value["run_id"]

    def result(self, document: Document) -> Preview:
        """Return what was found, with the session that `document` now holds."""
        found, session = self._found, document.session
        found.session = Session.from_dict(session)
        found.user_ids.add(found.session.user_id)
        found.is_masked = bool(document.head.get("masked"))
        found.changed_meanwhile = document.head.get("changed_meanwhile") is True
        found.problems = [*session_problems(session, self._vendor), *found.problems]
        if self._sessions - {session.get("session_id")}:
            found.problems.append("A run names another session than the one it is in.")
        if document.head.get("run_count") not in (None, found.run_count):
            raise BadFile("The file says that it has another number of runs than there are in it.")
        return found


def _renaming(found: Preview, source: Source, new_id: str | None) -> Renaming:
    """Return the new ids: of the session if one is given, and then of its runs, if one of theirs is taken."""
    old = found.session.session_id or ""
    if new_id is None or new_id == old:
        return Renaming(old, old)
    stored = {stub.run_id for stub in Reader(source).run_stubs(old)}
    is_taken = bool(stored.intersection(found.run_ids)) or has_row_of(source, found.run_ids)
    return Renaming(old, new_id, {id_: new_run_id(new_id, id_) for id_ in found.run_ids} if is_taken else {})


def _id_problems(found: Preview, source: Source) -> Iterator[str]:
    new = found.session_id
    if not storable_id(new):
        yield "The new id of the session is none that could be stored."
    elif new and Reader(source).stamp(new) is not None:
        yield f"The source {source.name} has a session {shown(new)} already. Import this one under another id."
    elif not found.renaming.changes and has_row_of(source, found.run_ids):
        yield (
            "Runs of this session are stored in another session of the source already. Import it under another id: "
            "then its runs get new ones as well."
        )


def shown(text: str) -> str:
    """Return an id as a sentence names it: short, and without characters that steer a terminal or a page."""
    readable = "".join(character if character.isprintable() else "\ufffd" for character in text)
    return f"“{readable[:80]}…”" if len(readable) > 80 else f"“{readable}”"
