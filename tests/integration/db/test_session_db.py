"""Agno's API for sessions and runs, the same on every kind of database and in every layout."""

from typing import Any

import pytest

from agentos.db.base import BaseDb, SessionType
from agentos.db.reader import Layout, Reader
from agentos.db.sql import SqlDb
from agentos.db.writer_errors import AlreadyStored, InvalidRun, SessionNotFound, SessionOwnedByOther
from agentos.records import AgentSession, RunOutput, RunStatus, Session, TeamSession, WorkflowSession
from tests.integration.db.session_dbs import agent, ids, run, save, stored_runs, team, workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def db(session_database: BaseDb) -> BaseDb:
    return session_database


@pytest.fixture
def filled(db: BaseDb) -> BaseDb:
    """Four sessions of three types and two users."""
    db.upsert_sessions(
        [
            agent("s1", session_data={"session_name": "Straße 100%"}, created_at=30, runs=[run("r1")]),
            agent("s2", user_id="bob", session_data={"session_name": "under_score"}, created_at=20),
            team("s3", user_id="bob", session_data={"session_name": "ÄRGER"}, created_at=40),
            workflow("s4", user_id=None, session_data={"session_state": {"session_name": "Straße"}}, created_at=10),
        ]
    )
    return db


def stored(db: BaseDb, session_id: str = "s1") -> dict[str, Any]:
    found = db.get_session(session_id, deserialize=False)
    assert isinstance(found, dict)
    return found


# --- storing ------------------------------------------------------------------------------------------------------
def test_what_is_stored_comes_back(db: BaseDb) -> None:
    session = agent(
        team_id="t9",
        session_data={"session_name": "N", "x": {"y": [1, "✓"]}},
        agent_data={"name": "A"},
        metadata={"m": None},
        summary={"summary": "S", "topics": ["t"]},
        runs=[RunOutput(run_id="r1", agent_id="a1", status=RunStatus.completed, messages=[])],
    )

    returned = db.upsert_session(session)
    found = db.get_session("s1")

    for got in (returned, found):
        assert isinstance(got, AgentSession)
        assert got.to_dict(include_runs=False) | {"updated_at": None} == session.to_dict(include_runs=False)
        assert ids(got.runs) == ["r1"]
        assert got.updated_at == 1000


def test_replacing_keeps_the_creation_the_type_and_other_runs(db: BaseDb) -> None:
    db.upsert_session(agent(agent_data={"name": "A"}, metadata={"m": 1}, runs=[run("r1"), run("r2")]))

    db.upsert_session(agent(created_at=5, session_data={"new": 1}, runs=[run("r3"), run("r1", content="again")]))

    after = stored(db)
    assert (after["created_at"], after["session_data"], after["metadata"]) == (1000, {"new": 1}, None)
    assert after["updated_at"] > 1000
    assert [(raw["run_id"], raw.get("content")) for raw in after["runs"]] == [
        ("r1", "again"), ("r2", None), ("r3", None),
    ]  # fmt: skip


def test_what_belongs_to_components_of_other_types_stays(db: BaseDb) -> None:
    db.upsert_session(team("s1", team_data={"name": "T"}))

    db.upsert_session(agent(agent_data={"name": "A"}))

    after = stored(db)
    assert (after["session_type"], after["team_id"], after["team_data"]) == ("team", "t1", {"name": "T"})
    assert (after["agent_id"], after["agent_data"]) == ("a1", {"name": "A"})


@pytest.mark.parametrize("other", ["bob", None, ""])
def test_another_users_session_is_not_replaced(db: BaseDb, other: str | None) -> None:
    db.upsert_session(agent(session_data={"kept": 1}, runs=[run("r1")]))
    before = stored(db)

    assert db.upsert_session(agent(user_id=other, session_data={}, runs=[run("r2", user_id=other)])) is None
    assert ids(db.upsert_sessions([agent(user_id=other), agent("s2")])) == ["s2"]
    assert stored(db) == before


def typed(found: Any) -> list[Any]:
    assert isinstance(found, list)
    return found


def test_a_session_of_nobody_becomes_that_of_a_user_with_its_runs(db: BaseDb) -> None:
    db.upsert_session(agent(user_id=None, runs=[run("r1", user_id=None)]))

    assert db.upsert_session(agent(user_id="bob")) is not None

    assert (stored(db)["user_id"], stored_runs(db)) == ("bob", ["r1"])


def test_many_at_once_are_stored_or_none(db: BaseDb) -> None:
    with pytest.raises(InvalidRun):
        db.upsert_sessions([agent("s1"), agent("s2", runs=[run("r1", session_id="s2", status="nonsense")])])
    assert db.get_sessions() == []

    returned = db.upsert_sessions([agent("s1", updated_at=7), team("s2"), workflow("s3")], preserve_updated_at=True)

    assert [type(session) for session in returned] == [AgentSession, TeamSession, WorkflowSession]
    assert stored(db)["updated_at"] == 7


# --- finding ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "filters, expected",
    [
        ({}, ["s4", "s2", "s1", "s3"]),
        ({"session_type": SessionType.AGENT}, ["s2", "s1"]),
        ({"session_type": "team"}, ["s3"]),
        ({"user_id": "bob"}, ["s2", "s3"]),
        ({"user_id": ""}, []),
        ({"user_id": "b\0b"}, []),
        ({"component_id": "t1"}, ["s3"]),
        ({"component_id": "a1", "session_type": SessionType.TEAM}, []),
        ({"component_id": "a1", "session_type": SessionType.AGENT}, ["s2", "s1"]),
        ({"start_timestamp": 20, "end_timestamp": 30}, ["s2", "s1"]),
        ({"session_name": "straße"}, ["s1"]),
        ({"session_name": "STRASSE"}, ["s1"]),
        ({"session_name": "ärg"}, ["s3"]),
        ({"session_name": "%"}, ["s1"]),
        ({"session_name": "r_s"}, ["s2"]),
        ({"session_name": "session_name"}, []),
        ({"session_name": "", "limit": 9}, ["s4", "s2", "s1", "s3"]),
        ({"sort_by": "created_at"}, ["s3", "s1", "s2", "s4"]),
        ({"sort_by": "user_id", "sort_order": "asc"}, ["s4", "s1", "s2", "s3"]),
        ({"sort_by": "user_id", "sort_order": "desc"}, ["s2", "s3", "s1", "s4"]),
        ({"sort_by": "no such column", "sort_order": "asc"}, ["s4", "s2", "s1", "s3"]),
        ({"limit": 3, "page": 2}, ["s3"]),
        ({"limit": 2, "page": 9}, []),
        ({"limit": 0}, []),
        ({"limit": 1, "page": 2, "session_name": "r", "sort_by": "created_at", "sort_order": "asc"}, ["s1"]),
    ],
)
def test_finding_sessions(filled: BaseDb, filters: dict[str, Any], expected: list[str]) -> None:
    found = filled.get_sessions(**filters)
    plain = filled.get_sessions(**filters, deserialize=False, include_runs=False)
    everything = filled.get_sessions(**{**filters, "limit": None, "page": None}, deserialize=False)

    assert ids(found) == expected
    assert isinstance(plain, tuple)
    assert ids(plain[0]) == expected
    assert plain[1] == len(everything[0])  # type: ignore[arg-type]  # a list and its number
    assert all(row["runs"] is None for row in plain[0])


def test_each_session_is_of_its_own_class_and_has_its_runs(filled: BaseDb) -> None:
    found = {session.session_id: session for session in typed(filled.get_sessions())}

    assert [type(found[id_]) for id_ in ("s1", "s3", "s4")] == [AgentSession, TeamSession, WorkflowSession]
    assert ids(found["s1"].runs) == ["r1"]
    assert typed(filled.get_sessions(include_runs=False))[2].runs == []
    assert isinstance(filled.get_session("s1", SessionType.TEAM), TeamSession)


def test_updated_sorts_by_the_creation_where_nothing_was_updated(filled: BaseDb) -> None:
    filled.rename_session("s4", None, "now")

    assert ids(filled.get_sessions(sort_by="updated_at", sort_order="desc")) == ["s4", "s3", "s1", "s2"]


@pytest.mark.parametrize("paging", [{"page": 2}, {"page": 0, "limit": 1}, {"page": -1, "limit": 1}])
def test_there_is_no_such_page(db: BaseDb, paging: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"page|Page"):
        db.get_sessions(**paging)  # type: ignore[call-overload]  # any way to page
    with pytest.raises(ValueError, match=r"page|Page"):
        db.get_runs(**paging)  # type: ignore[call-overload]  # any way to page


@pytest.mark.parametrize("user_id, found", [(None, True), ("alice", True), ("bob", False), ("", False)])
def test_a_session_is_found_for_its_user(filled: BaseDb, user_id: str | None, found: bool) -> None:
    assert (filled.get_session("s1", user_id=user_id) is not None) == found
    assert filled.get_session("nowhere", user_id=user_id) is None
    assert filled.get_session("no\0where", user_id=user_id) is None


def test_the_last_runs_that_count(db: BaseDb) -> None:
    save(db, run("r1"), run("r2"), run("m", parent_run_id="r2"), run("r3", status="PAUSED"), run("r4"))

    def limited(limit: int) -> list[str]:
        found = db.get_session("s1", runs_limit=limit)
        assert isinstance(found, AgentSession)
        return ids(found.runs)

    assert [limited(limit) for limit in (0, 1, 2, 9)] == [[], ["r4"], ["r2", "r4"], ["r1", "r2", "r4"]]


# --- naming and deleting ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("user_id, allowed", [(None, True), ("alice", True), ("bob", False), ("", False)])
def test_renaming_and_deleting_are_for_the_owner(filled: BaseDb, user_id: str | None, allowed: bool) -> None:
    renamed = filled.rename_session("s1", SessionType.AGENT, "Neu ✓", user_id=user_id)
    assert isinstance(renamed, AgentSession) == allowed
    assert stored(filled)["session_data"]["session_name"] == ("Neu ✓" if allowed else "Straße 100%")
    if renamed:
        assert isinstance(renamed, Session)
        assert ids(renamed.runs) == ["r1"]

    assert filled.delete_session("s1", user_id=user_id) == allowed
    assert (filled.get_session("s1") is None) == allowed
    assert (filled.get_run("r1") is None) == allowed
    assert not filled.delete_session("nowhere", user_id=user_id)
    assert filled.rename_session("nowhere", None, "x", user_id=user_id) is None


def test_deleting_several(filled: BaseDb) -> None:
    filled.delete_sessions(["s1", "s2", "s2", "nowhere", "no\0where"], user_id="bob")
    assert ids(filled.get_sessions()) == ["s4", "s1", "s3"]

    filled.delete_sessions([])
    filled.delete_sessions(["s1", "s3"])
    assert ids(filled.get_sessions()) == ["s4"]


# --- runs ---------------------------------------------------------------------------------------------------------
def test_runs_one_by_one(db: BaseDb) -> None:
    db.upsert_session(agent(session_data={"session_metrics": {"total_tokens": 1}}))
    db.upsert_run(run("r1").to_dict(), "s1")
    db.upsert_run(RunOutput(run_id="r2", agent_id="a1", status=RunStatus.error), "s1", user_id="alice")
    db.upsert_run(run("r1", content="again"), "s1")

    assert stored_runs(db) == ["r1", "r2"]
    assert stored(db)["session_data"] == {"session_metrics": {"total_tokens": 1}}
    first = db.get_run("r1")
    assert isinstance(first, RunOutput)
    assert first.content == "again"
    row = db.get_run("r2", deserialize=False)
    assert isinstance(row, dict)
    assert {key: row[key] for key in ("session_id", "run_type", "agent_id", "user_id", "status", "run_index")} == {
        "session_id": "s1", "run_type": "agent", "agent_id": "a1", "user_id": "alice", "status": "ERROR",
        "run_index": 1,
    }  # fmt: skip
    assert row["run_data"]["session_id"] == "s1"
    assert db.get_run("nowhere") is None

    assert (db.delete_run("r1"), db.delete_run("r1")) == (True, False)
    db.delete_runs(["r2", "nowhere"])
    assert stored_runs(db) == []


def test_a_run_goes_only_where_it_belongs(db: BaseDb) -> None:
    db.upsert_sessions([agent("s1", runs=[run("r1")]), agent("s2")])

    with pytest.raises(SessionNotFound):
        db.upsert_run(run("r9", session_id="nowhere"), "nowhere")
    with pytest.raises(SessionOwnedByOther):
        db.upsert_run(run("r9"), "s1", user_id="bob")
    with pytest.raises(InvalidRun):
        db.upsert_run(run("r9"), "s2")
    if not (isinstance(db, SqlDb) and Reader(db.source).layout is Layout.BLOB):
        with pytest.raises(AlreadyStored):
            db.upsert_run(run("r1", session_id="s2"), "s2")
    assert ids(typed(db.get_runs())) == ["r1"]


@pytest.mark.parametrize(
    "filters, expected",
    [
        ({"session_id": "s1"}, ["r1", "r2", "r3"]),
        ({"session_id": "nowhere"}, []),
        ({"user_id": "bob"}, ["q1"]),
        ({"user_id": ""}, []),
        ({"team_id": "t1"}, ["r2"]),
        ({"agent_id": "a1", "status": RunStatus.error}, ["r3"]),
        ({"status": "ERROR"}, ["r3"]),
        ({"session_id": "s1", "sort_by": "created_at"}, ["r1", "r3", "r2"]),
        ({"session_id": "s1", "sort_by": "created_at", "sort_order": "asc"}, ["r2", "r3", "r1"]),
        ({"session_id": "s1", "limit": 2, "page": 2}, ["r3"]),
    ],
)
def test_finding_runs(db: BaseDb, filters: dict[str, Any], expected: list[str]) -> None:
    team_run = run("r2", agent_id=None, team_id="t1", created_at=1)
    save(db, run("r1", created_at=3), team_run, run("r3", status="ERROR", created_at=2))
    save(db, run("q1", session_id="s2", user_id="bob"), session=agent("s2", user_id="bob"))

    found, rows = db.get_runs(**filters), db.get_runs(**filters, deserialize=False)

    assert ids(found) == expected
    assert isinstance(rows, tuple)
    assert [row["run_data"]["run_id"] for row in rows[0]] == expected
    assert rows[1] == (3 if "limit" in filters else len(expected))
