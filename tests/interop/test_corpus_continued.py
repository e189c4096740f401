"""Every session of an agent or a team in the corpus is continued by us: what Agno wrote stays, to the letter.

And its next question meets the history that it would have met in Agno: both are asked, each in a copy of its own.
"""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from agentos.db.connections import close_connections
from agentos.db.reader import Reader
from agentos.db.sources import Source, use_sources
from agentos.records import Run
from tests.conftest import CORPUS, PgServer
from tests.corpus import texts
from tests.interop.conftest import NEW, OLD, Side
from tests.interop.runs import our_turn, told

QUESTION = "And then? ✓ [[usage 40 9]][[say That is all.]]"
# The release of Agno that the database is of. Today's Agno 2 opens what its first release wrote.
RELEASES = {
    "agno-v2.0.db": OLD,
    "agno-v2.db": OLD,
    "agno-v2.pg.sql.gz": OLD,
    "agno-v3.db": NEW,
    "agno-v3.pg.sql.gz": NEW,
    "agno-v2-to-v3.db": NEW,
}
MANIFEST: dict[str, Any] = json.loads((CORPUS / "manifest.json").read_text())["databases"]


def continuable(name: str) -> Iterator[dict[str, Any]]:
    """Yield the manifest's entries of sessions with history."""
    for entry in MANIFEST[name]["sessions"]:
        if entry["session_type"] in ("agent", "team") and entry["run_count"]:
            yield entry


CASES = [(name, number) for name in RELEASES for number, _ in enumerate(continuable(name))]
Row = dict[str, Any]


@dataclass
class Continued:
    """A session before and after our turn, as the database holds it, and what was sent to the model."""

    session: Row
    runs: list[Row]
    ours: Run
    requests: list[Any] = field(default_factory=list)
    theirs: list[Any] = field(default_factory=list)
    session_after: Row = field(default_factory=dict)
    runs_after: list[Row] = field(default_factory=list)


def rows(url: str, schema: str, table: str, session_id: str) -> list[Row]:
    """Return a session's rows of a table, JSON as the text that is stored; none if there is no such table."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchall():
                return []
            found = database.execute(f'SELECT * FROM "{table}" WHERE session_id = ?', [session_id])
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found]
    with psycopg.connect(url) as connection:
        columns = connection.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s",
            [schema, table],
        ).fetchall()
        if not columns:
            return []
        chosen = ", ".join(f'"{name}"::text' for [name] in columns)
        text = f'SELECT {chosen} FROM "{schema}"."{table}" WHERE session_id = %s'
        return [
            dict(zip([name for [name] in columns], row, strict=True))
            for row in connection.execute(text.encode(), [session_id])
        ]


def decoded(text: Any) -> Any:
    """Return stored JSON, which Agno 2 encodes twice in SQLite."""
    while isinstance(text, str):
        text = json.loads(text)
    return text


class Corpus:
    """The corpus databases, each continued once, when it is first asked for."""

    def __init__(self, sides: dict[str, Side], server: Any, folder: Path, pg_server: PgServer) -> None:
        self.sides, self.server, self.folder, self.pg_server = sides, server, folder, pg_server
        self._done: dict[str, list[Continued]] = {}

    def sessions(self, name: str) -> list[Continued]:
        """Return what became of the database's sessions, in the manifest's order."""
        if name not in self._done:
            entries = list(continuable(name))
            found: dict[str, Continued] = {}
            ours, theirs = self._copy(name, "ours"), self._copy(name, "theirs")
            for _, text, some in texts(name, ours, entries):
                with use_sources(text) as [source]:
                    found |= {entry["session_id"]: self._continued(source, ours, entry) for entry in some}
                    close_connections()
            for entry in entries:
                found[entry["session_id"]].theirs = self._asked_by_agno(RELEASES[name], theirs, entry)
            self._done[name] = [found[entry["session_id"]] for entry in entries]
        return self._done[name]

    def _copy(self, name: str, whose: str) -> str:
        if name.endswith(".gz"):
            return self.pg_server.database(CORPUS / name)
        return f"sqlite:///{shutil.copy(CORPUS / name, self.folder / f'{whose}-{name}')}"

    def _continued(self, source: Source, url: str, entry: dict[str, Any]) -> Continued:
        session = Reader(source).session(entry["session_id"])
        assert session is not None
        ([before], runs), seen = self._stored(url, entry), self._asked()
        done = Continued(before, runs, our_turn(source, session, QUESTION, self.server.url))
        done.requests = self._requests(seen)
        [done.session_after], done.runs_after = self._stored(url, entry)
        return done

    def _stored(self, url: str, entry: dict[str, Any]) -> tuple[list[Row], list[Row]]:
        runs_table = entry["tables"].get("runs_table") or "agno_runs"
        names = entry["tables"]["session_table"], runs_table
        schema = entry["tables"].get("schema") or "ai"
        session, runs = (rows(url, schema, name, entry["session_id"]) for name in names)
        return session, sorted(runs, key=lambda row: str(row["run_id"]))

    def _asked_by_agno(self, release: str, url: str, entry: dict[str, Any]) -> list[Any]:
        kind, tables, seen = entry["session_type"], entry["tables"], self._asked()
        job = {"url": url, "schema": tables.get("schema") or "ai", "session_table": tables["session_table"]}
        job |= {"key": "theirs", "kind": kind, "model_url": self.server.url, "component_id": entry[f"{kind}_id"]}
        job |= {"session_id": entry["session_id"], "user_id": entry["user_id"], "message": QUESTION}
        self.sides[release].do({**job, "do": "run"})
        return self._requests(seen)

    def _asked(self) -> int:
        return int(self.server.brain.serial)

    def _requests(self, seen: int) -> list[Any]:
        return [told(entry["body"]["messages"]) for entry in self.server.brain.log if entry["n"] > seen]


@pytest.fixture(scope="module")
def corpus(
    sides: dict[str, Side],
    model_server: Any,
    tmp_path_factory: pytest.TempPathFactory,
    pg_server: PgServer,
    django_db_blocker: Any,
) -> Iterator[Corpus]:
    with django_db_blocker.unblock():
        yield Corpus(sides, model_server, tmp_path_factory.mktemp("corpus"), pg_server)


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def case(request: pytest.FixtureRequest, corpus: Corpus) -> Continued:
    name, number = request.param
    session: Continued = corpus.sessions(name)[number]
    return session


def test_nothing_that_agno_wrote_is_changed(case: Continued) -> None:
    assert case.ours.status == "COMPLETED"
    changed = {name for name, value in case.session.items() if case.session_after[name] != value}
    assert changed <= {"session_data", "updated_at", "runs"}
    if "runs" in changed:  # the list of Agno 2, as text: ours was put behind the others
        before = case.session["runs"].removesuffix('"').removesuffix("]")
        assert case.session_after["runs"].startswith(before)
        assert [run["run_id"] for run in decoded(case.session_after["runs"])][-1] == case.ours.run_id
    added = [row for row in case.runs_after if row["run_id"] == case.ours.run_id]
    assert [row for row in case.runs_after if row not in added] == case.runs
    assert len(added) + ("runs" in changed) == 1


def test_only_the_totals_of_the_session_grow(case: Continued) -> None:
    before, after = decoded(case.session["session_data"]) or {}, decoded(case.session_after["session_data"])
    assert {**after, "session_metrics": 0} == {**before, "session_metrics": 0}
    total = (before.get("session_metrics") or {}).get("total_tokens") or 0
    assert after["session_metrics"]["total_tokens"] == total + 49


def test_the_model_is_sent_what_agno_would_have_sent(case: Continued) -> None:
    assert case.requests[0] == [as_we_send(message) for message in case.theirs[0]]


def as_we_send(message: list[Any]) -> list[Any]:
    """Return Agno's message as ours: we send nothing that a server refuses, today or once a recording has expired."""
    role, content, calls = message
    if message == ["assistant", "", []]:
        content = "An answer you can hear"  # Agno names the recording, we repeat its words
    return [role, content, [[name, arguments if is_json(arguments) else "{}"] for name, arguments in calls]]


def is_json(text: str) -> bool:
    """Say whether the arguments of a call can be read."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
