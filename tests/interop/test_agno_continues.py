"""We append a turn, real Agno carries on: it sees our turn, keeps everything, and the model receives it."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agentos.db.connections import connection_for
from agentos.db.layout import forget
from agentos.db.reader import Layout, Reader
from agentos.db.schema import create_tables
from agentos.db.sources import Source, use_sources
from agentos.db.writer_connection import writing
from agentos.records import Run, Session
from tests.conftest import CORPUS, PgServer
from tests.interop.conftest import NEW, OLD, Side
from tests.interop.runs import our_turn

ANSWER = "Our own answer, in full.\n\nWith a second paragraph – 世界."
QUESTION = f'Our own question: "où?" \U0001f30d <b>\\n[[usage 40 9]][[say {ANSWER}]]'
STATE = {"ours": {"seen": "✓"}}
SESSIONS = {
    "agent": "5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001",
    "team": "team-coordinate",
    "workflow": "wf-sequential",
    "anonymous": "anonymous-chat",
}
EARLY = {"agent": "old-agent", "team": "old-team", "workflow": "old-flow", "anonymous": "old-anonymous"}
# Release of Agno that carries on, corpus database, layout our writer meets there, sessions.
DATABASES = (
    (OLD, "agno-v2.db", Layout.BLOB, SESSIONS),
    (OLD, "agno-v2.pg.sql.gz", Layout.BLOB, SESSIONS),
    (OLD, "agno-v2.0.db", Layout.BLOB, EARLY),
    (NEW, "agno-v2.db", Layout.BLOB, SESSIONS),  # Agno 3 opens Agno 2's tables without migrating them
    (NEW, "agno-v3.db", Layout.TABLE, SESSIONS),
    (NEW, "agno-v3.pg.sql.gz", Layout.TABLE, SESSIONS),
    (NEW, "agno-v2-to-v3.db", Layout.MIXED, SESSIONS),
    (NEW, "agno-v2.pg.sql.gz", Layout.MIXED, SESSIONS),
)
CASES = [(*database[:3], kind) for database in DATABASES for kind in SESSIONS]


@dataclass
class Told:
    """What became of one session."""

    source: Source
    session: Session  # as it was
    earlier: list[str | None]
    ours: Run
    result: dict[str, Any] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    after: Session | None = None
    runs: dict[str | None, dict[str, Any]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def told(
    pg_server: PgServer,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: Any,
    sides: dict[str, Side],
    model_server: Any,
) -> Iterator[dict[Any, Told]]:
    """Every case at once: our turn, then Agno's, then what is stored."""
    folder = tmp_path_factory.mktemp("interop")
    with django_db_blocker.unblock(), use_sources(", ".join(databases(pg_server, folder))) as sources:
        cases: dict[Any, Told] = {}
        for (release, name, layout, sessions), source in zip(DATABASES, sources, strict=True):
            if layout == Layout.MIXED and name.startswith("agno-v2."):
                open_as_agno_3(source)
            assert Reader(source).layout == layout
            for kind, session_id in sessions.items():
                cases[release, name, layout, kind] = append_turn(source, session_id, model_server)
            connection_for(source).close()
        for case, story in cases.items():
            carry_on(story, "-".join(case), sides[case[0]], model_server)
        yield cases


def databases(pg_server: PgServer, folder: Path) -> Iterator[str]:
    """Copy or restore each database and yield its entry of AGENTOS_SOURCES."""
    for number, (_, name, _, _) in enumerate(DATABASES):
        if name.endswith(".gz"):
            yield f"s{number}={pg_server.database(CORPUS / name)}"
        else:
            yield f"s{number}=sqlite:///{shutil.copy(CORPUS / name, folder / f'{number}-{name}')}"


def open_as_agno_3(source: Source) -> None:
    """Make the runs table beside the old list, as the first write of Agno 3 does."""
    with writing(source) as connection:
        create_tables(connection, source, 0)


def append_turn(source: Source, session_id: str, server: Any) -> Told:
    """Write our turn, with a change of state."""
    reader = Reader(source)
    session = reader.session(session_id)
    assert session is not None
    earlier = [run.run_id for run in reader.all_runs(session_id) if isinstance(run, Run)]
    ours = our_turn(source, session, QUESTION, server.url, session_state=STATE)
    return Told(source, session, earlier, ours)


def carry_on(story: Told, key: str, side: Side, server: Any) -> None:
    """Let Agno continue a session, and read what it left."""
    source, session = story.source, story.session
    job = {"key": key, "model_url": server.url, "message": "Agno's own question", "kind": session.session_type}
    job |= {"url": source.url, "schema": source.schema, "session_id": session.session_id, "user_id": session.user_id}
    job["component_id"] = session.component_id
    before = side.do({**job, "do": "view"})
    story.result = side.do({**job, "do": "run"}) | {"before": before, "after": side.do({**job, "do": "view"})}
    story.requests = [entry["body"] for entry in server.brain.log if entry["key"] == key]
    forget(source)  # Agno 3 has made its runs table; a reader believes what it saw for some seconds
    reader, session_id = Reader(source), str(session.session_id)
    story.after = reader.session(session_id)
    story.runs = {run.run_id: run.raw for run in reader.all_runs(session_id) if isinstance(run, Run)}


@pytest.fixture(params=CASES, ids="-".join)
def case(request: pytest.FixtureRequest, told: dict[Any, Told]) -> Told:
    return told[request.param]


def test_agno_carries_on(case: Told) -> None:
    assert case.result["status"] == "COMPLETED"
    assert case.result["before"]["run_ids"] == [*case.earlier, case.ours.run_id]
    assert case.result["after"]["run_ids"] == [*case.earlier, case.ours.run_id, case.result["run_id"]]


def test_the_model_receives_our_turn(case: Told) -> None:
    assert len(case.requests) == 1
    messages = case.requests[0]["messages"]
    if case.session.session_type == "workflow":  # Agno puts a workflow's past into the text of the new question
        assert QUESTION in messages[-1]["content"]
        assert ANSWER in messages[-1]["content"]
    else:
        ours = [message for message in messages if message["content"] in (QUESTION, ANSWER)]
        assert [(message["role"], message["content"]) for message in ours] == [
            ("user", QUESTION),
            ("assistant", ANSWER),
        ]
        assert messages[-1]["content"] == "Agno's own question"


def test_our_run_stays_as_it_was(case: Told) -> None:
    stored = case.runs[case.ours.run_id]
    assert meant({key: stored.get(key) for key in case.ours.raw}) == meant(case.ours.raw)


def meant(value: Any) -> Any:
    """Return the value without empty lists: Agno 2 saves all runs anew with every run, and drops or adds some."""
    if isinstance(value, dict):
        return {key: meant(item) for key, item in value.items() if item not in (None, [])}
    return [meant(item) for item in value] if isinstance(value, list) else value


def test_totals_grow_by_both_runs(case: Told) -> None:
    assert case.session.session_metrics and case.after and case.after.session_metrics
    before, after = case.session.session_metrics.raw, case.after.session_metrics.raw
    theirs = case.runs[case.result["run_id"]]["metrics"]
    if case.session.session_type == "workflow":
        theirs = theirs["steps"]["answer"]["metrics"]
    for key, ours in (("input_tokens", 40), ("output_tokens", 9), ("total_tokens", 49)):
        assert after[key] == before[key] + ours + theirs[key]
    models = {entry["id"]: entry for entry in after["details"]["model"]}
    assert models["our-model"]["total_tokens"] == 49


def test_state_and_the_rest_of_the_row_are_kept(case: Told) -> None:
    assert case.after is not None
    assert case.after.session_state == {**(case.session.session_state or {}), **STATE}
    for column in ("session_type", "user_id", "created_at", "metadata"):
        assert case.after.raw[column] == case.session.raw[column]
    assert case.after.session_name == case.session.session_name
    assert case.after.topics == case.session.topics
