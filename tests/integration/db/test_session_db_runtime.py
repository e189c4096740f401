"""What a run leaves behind: `save`, and what the next run asks for, on every kind of database and in every layout."""

import asyncio
import threading
from typing import Any

import pytest

from agentos.db.base import BaseDb, StateChange
from agentos.db.reader import Layout, Reader
from agentos.db.sql import SqlDb
from agentos.db.writer_errors import AlreadyStored, InvalidRun, SessionOwnedByOther
from agentos.records import SessionSummary
from tests.integration.db.session_dbs import agent, ids, run, save, stored_runs, workflow

pytestmark = pytest.mark.django_db


@pytest.fixture
def db(session_database: BaseDb) -> BaseDb:
    return session_database


def keeps_lists(db: BaseDb) -> bool:
    return isinstance(db, SqlDb) and Reader(db.source).layout is Layout.BLOB


def row(db: BaseDb, session_id: str = "s1") -> dict[str, Any]:
    found = db.load_session(session_id)
    assert found is not None
    return found.raw


def test_there_is_nothing_at_first(db: BaseDb) -> None:
    assert db.load_session("s1") is None
    assert db.session_version("s1") is None
    assert db.last_runs("s1", 3) == []


def test_a_first_run_brings_its_session(db: BaseDb) -> None:
    session = agent(agent_data={"name": "A"}, metadata={"kept": 1}, session_data={"session_state": {"x": 1}})

    save(db, run("r1"), session=session, name="Näme", summary=SessionSummary(summary="S", topics=["t"]))

    stored = row(db)
    assert {key: stored[key] for key in ("session_type", "agent_id", "team_id", "user_id", "created_at")} == {
        "session_type": "agent", "agent_id": "a1", "team_id": None, "user_id": "alice", "created_at": 1000,
    }  # fmt: skip
    assert stored["agent_data"] == {"name": "A"}
    assert stored["metadata"] == {"kept": 1}
    assert stored["session_data"]["session_state"] == {"x": 1}
    assert stored["session_data"]["session_name"] == "Näme"
    assert stored["session_data"]["session_metrics"]["total_tokens"] == 10
    assert (stored["summary"]["summary"], stored["summary"]["topics"]) == ("S", ["t"])
    assert [found.to_dict() for found in db.last_runs("s1", 1)] == [run("r1").to_dict()]


def test_runs_come_in_the_order_of_saving_and_count_once(db: BaseDb) -> None:
    save(db, run("r3"), run("r1", created_at=1))
    save(db, run("r2", created_at=0))
    save(db, run("r3", content="again", metrics={"input_tokens": 1, "total_tokens": 1}))

    assert stored_runs(db) == ["r3", "r1", "r2"]
    assert db.last_runs("s1", None)[0].content == "again"
    assert row(db)["session_data"]["session_metrics"]["total_tokens"] == 21


def test_members_that_are_embedded_as_well_count_once(db: BaseDb) -> None:
    member = run("m1", parent_run_id="t1")
    leader = run("t1", agent_id=None, team_id="t1", member_responses=[member.to_dict()])

    save(db, member, leader)

    assert row(db)["session_data"]["session_metrics"]["total_tokens"] == 20


def test_a_member_that_gets_its_own_entry_later_counts_once(db: BaseDb) -> None:
    member = run("m1", parent_run_id="t1", status="PAUSED")
    save(db, run("t1", agent_id=None, team_id="t1", status="PAUSED", member_responses=[member.to_dict()]))

    save(db, run("m1", parent_run_id="t1"), run("t1", agent_id=None, team_id="t1", member_responses=[]))

    assert row(db)["session_data"]["session_metrics"]["total_tokens"] == 20


def test_state_changes_key_by_key(db: BaseDb) -> None:
    save(db, run(), state=StateChange({"a": 1, "b": 1, "current_user_id": "alice"}))
    save(db, run(), state=StateChange({"c": {"d": [1, None]}}, frozenset({"a"})))

    assert row(db)["session_data"]["session_state"] == {"b": 1, "c": {"d": [1, None]}}

    save(db, state=StateChange({"new": True}, whole=True))

    assert row(db)["session_data"]["session_state"] == {"new": True}


def test_a_workflow_keeps_its_own_keys_out_of_the_state(db: BaseDb) -> None:
    session = workflow("s1")

    save(db, session=session, state=StateChange({"kept": 1, "workflow_name": "W", "run_id": "r"}))

    assert row(db)["session_data"]["session_state"] == {"kept": 1}


def test_stored_metadata_wins_and_summaries_are_replaced(db: BaseDb) -> None:
    save(db, metadata={"a": 1}, summary=SessionSummary(summary="old"))
    save(db, metadata={"a": 2, "b": 2}, summary=SessionSummary(summary="new"))

    assert row(db)["metadata"] == {"a": 1, "b": 2}
    assert row(db)["summary"]["summary"] == "new"


@pytest.mark.parametrize("owner, other", [("alice", "bob"), ("alice", None), (None, "bob"), ("alice", "")])
def test_another_users_session_is_left_alone(db: BaseDb, owner: str | None, other: str | None) -> None:
    save(db, run("r1", user_id=owner), session=agent(user_id=owner), state=StateChange({"a": 1}))
    before = row(db), db.session_version("s1")

    with pytest.raises(SessionOwnedByOther):
        save(db, run("r2", user_id=other), session=agent(user_id=other), name="mine", state=StateChange({"a": 2}))

    assert (row(db), db.session_version("s1"), stored_runs(db)) == (*before, ["r1"])


def test_all_or_nothing(db: BaseDb) -> None:
    save(db, run("taken", session_id="s2"), session=agent("s2"))
    save(db, run("r1"))
    before = row(db)

    with pytest.raises(InvalidRun):
        save(db, run("r2"), run("r3", status="nonsense"), name="n")
    if not keeps_lists(db):  # a list knows nothing of the runs of other sessions
        with pytest.raises(AlreadyStored):
            save(db, run("r2"), run("taken"), name="n")
    with pytest.raises(SessionOwnedByOther):
        save(db, run("r2"), run("r3", user_id="bob"), name="n")

    assert (row(db), stored_runs(db), stored_runs(db, "s2")) == (before, ["r1"], ["taken"])


def test_only_the_runs_that_count_come_back(db: BaseDb) -> None:
    save(
        db,
        run("r1"),
        run("m1", parent_run_id="r1", agent_id="a2"),
        run("r2", agent_id=None, team_id="t1"),
        run("r3", status="ERROR"),
        run("m2", parent_run_id="r2", agent_id="a2"),
        run("r4"),
    )

    assert ids(db.last_runs("s1", 2, skip_statuses={"ERROR"})) == ["r2", "r4"]
    assert ids(db.last_runs("s1", 2)) == ["r3", "r4"]
    assert ids(db.last_runs("s1", 9, skip_statuses=frozenset({"ERROR", "PAUSED"}))) == ["r1", "r2", "r4"]
    assert ids(db.last_runs("s1", 1, top_level=False, agent_id="a2")) == ["m2"]
    assert ids(db.last_runs("s1", None, team_id="t1")) == ["r2"]
    assert db.last_runs("s1", 0) == []


def test_every_write_changes_the_version(db: BaseDb) -> None:
    versions = []
    for write in (
        lambda: save(db, run("r1")),
        lambda: save(db, run("r2")),
        lambda: save(db, run("r2", content="again", metrics={"total_tokens": 11})),
        lambda: save(db, state=StateChange({"a": 1})),
        lambda: save(db, name="N"),
        lambda: db.rename_session("s1", None, "M"),
        lambda: db.upsert_run(run("r4"), "s1"),
        lambda: db.delete_run("r1"),
    ):
        write()
        versions.append(db.session_version("s1"))
        assert db.session_version("s1") == versions[-1]

    assert len(set(versions)) == len(versions)


def test_nothing_is_shared_with_the_caller(db: BaseDb) -> None:
    state, given = {"list": [1]}, run("r1")
    save(db, given, state=StateChange(state))
    state["list"].append(2)
    given.raw["content"] = "changed"
    found = db.load_session("s1")
    assert found is not None
    found.raw["session_data"]["session_state"]["list"].append(3)
    db.last_runs("s1", 1)[0].raw["content"] = "changed"

    assert row(db)["session_data"]["session_state"] == {"list": [1]}
    assert db.last_runs("s1", 1)[0].content is None


def test_inside_an_event_loop(db: BaseDb) -> None:
    async def main() -> list[str]:
        save(db, run("r1"))
        return stored_runs(db)

    assert asyncio.run(main()) == ["r1"]


def test_threads_at_one_new_session(db: BaseDb) -> None:
    start, problems = threading.Barrier(4), list[BaseException]()

    def work(number: int) -> None:
        from agentos.db.connections import close_connections

        try:
            start.wait()
            for each in range(5):
                save(db, run(f"{number}-{each}"), state=StateChange({f"{number}": each}))
        except BaseException as error:
            problems.append(error)
        finally:
            close_connections()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert problems == []
    found = stored_runs(db)
    assert sorted(found) == sorted(f"{number}-{each}" for number in range(4) for each in range(5))
    for number in range(4):
        assert [id_ for id_ in found if id_.startswith(f"{number}-")] == [f"{number}-{each}" for each in range(5)]
    assert row(db)["session_data"]["session_metrics"]["total_tokens"] == 200
    assert row(db)["session_data"]["session_state"] == {"0": 4, "1": 4, "2": 4, "3": 4}
