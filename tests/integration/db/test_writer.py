"""The writer appends, replaces and renames in every layout and database, and touches nothing else."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentos.db.reader import Reader
from agentos.db.sources import Source, use_sources
from agentos.db.writer import AlreadyStored, RunNotFound, Writer
from agentos.records import Run, Session
from tests.conftest import PgServer
from tests.integration.db.writing import PLACE_IDS, PLACES, agent_run, column, decoded, opened, run_ids, sql

pytestmark = pytest.mark.django_db
MANY, USER = "many-runs", "user-42"


@pytest.fixture(params=PLACES, ids=PLACE_IDS)
def source(request: pytest.FixtureRequest, corpus_file: Callable[[str], Path]) -> Iterator[Source]:
    def server() -> PgServer:
        found: PgServer = request.getfixturevalue("pg_server")
        return found

    with opened(request.param, corpus_file, server) as opened_source:
        yield opened_source


def stored_run(source: Source, session_id: str, run_id: str | None) -> dict[str, Any]:
    return next(run.raw for run in Reader(source).all_runs(session_id) if isinstance(run, Run) and run.run_id == run_id)


def test_append_comes_last_and_is_whole(source: Source) -> None:
    earlier = Reader(source).all_runs(MANY)
    first, second = agent_run(MANY, USER), agent_run(MANY, USER, unknown_key={"kept": [1, None]})
    for run in (first, second):
        Writer(source).append_run(MANY, run, expect_user_id=USER)

    runs = Reader(source).all_runs(MANY)
    assert [run.raw for run in runs] == [run.raw for run in (*earlier, first, second)]


def test_append_leaves_the_other_columns_and_sessions_alone(source: Source) -> None:
    columns = "session_id, session_type, agent_id, team_id, workflow_id, user_id, agent_data, team_data, workflow_data"
    others = "SELECT * FROM {sessions} WHERE session_id <> %s ORDER BY session_id"
    mine = f"SELECT {columns}, metadata, summary, created_at FROM {{sessions}} WHERE session_id = %s"
    before = sql(source, others, MANY), sql(source, mine, MANY)

    Writer(source).append_run(MANY, agent_run(MANY, USER), expect_user_id=USER)

    assert (sql(source, others, MANY), sql(source, mine, MANY)) == before


def test_append_sets_updated_at_and_keeps_the_state(source: Source) -> None:
    before = decoded(column(source, "session_data", MANY))
    now = int(time.time())

    Writer(source).append_run(MANY, agent_run(MANY, USER), expect_user_id=USER)

    assert now <= int(sql(source, "SELECT updated_at FROM {sessions} WHERE session_id = %s", MANY)[0][0]) <= now + 5
    after = decoded(column(source, "session_data", MANY))
    assert after.pop("session_metrics") != before.pop("session_metrics")
    assert after == before


def test_given_state_is_stored_without_what_agno_adds_for_a_run(source: Source) -> None:
    state = {"stage": "ü", "current_run_id": "r", "current_user_id": "u", "current_session_id": "s"}
    Writer(source).append_run(MANY, agent_run(MANY, USER), expect_user_id=USER, session_state=state)

    assert decoded(column(source, "session_data", MANY))["session_state"] == {"stage": "ü"}


def test_a_bare_session_gets_its_first_run(source: Source) -> None:
    run = agent_run("bare-session", None)
    Writer(source).append_run("bare-session", run, expect_user_id=None)

    assert [stored.raw for stored in Reader(source).all_runs("bare-session")] == [run.raw]
    metrics = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    assert decoded(column(source, "session_data", "bare-session")) == {"session_metrics": metrics}


def test_a_row_has_agnos_columns(source: Source) -> None:
    if Reader(source).layout == "blob":
        return
    run = agent_run(MANY, USER, parent_run_id="p-1", created_at=1_700_000_000)
    Writer(source, clock=lambda: 1_800_000_000.9).append_run(MANY, run, expect_user_id=USER)

    names = (
        "session_id, run_type, agent_id, team_id, workflow_id, user_id, parent_run_id, status, created_at, updated_at"
    )
    row = sql(source, f"SELECT {names} FROM {{runs}} WHERE run_id = %s", run.run_id)[0]
    expected = (MANY, "agent", "assistant", None, None, USER, "p-1", "COMPLETED", 1_700_000_000, 1_800_000_000)
    assert row == expected
    count = len(run_ids(source, MANY))
    assert sql(source, "SELECT run_index FROM {runs} WHERE run_id = %s", run.run_id) == [(count - 1,)]


def test_run_index_follows_gaps_and_nulls(source: Source) -> None:
    if Reader(source).layout == "blob":
        return
    Writer(source).append_run("anonymous-chat", first := agent_run("anonymous-chat", None), expect_user_id=None)
    sql(source, "UPDATE {runs} SET run_index = 900 WHERE run_id = %s", first.run_id)
    sql(source, "UPDATE {runs} SET run_index = NULL WHERE session_id = %s AND run_index < 900", "anonymous-chat")

    Writer(source).append_run("anonymous-chat", second := agent_run("anonymous-chat", None), expect_user_id=None)

    assert sql(source, "SELECT run_index FROM {runs} WHERE run_id = %s", second.run_id) == [(901,)]
    last_with_index = [
        run_id for run_id in run_ids(source, "anonymous-chat") if run_id in (first.run_id, second.run_id)
    ]
    assert last_with_index == [first.run_id, second.run_id]


def test_replace_keeps_the_place(source: Source) -> None:
    before = Reader(source).all_runs(MANY)
    old = before[3]
    new = agent_run(
        MANY, USER, run_id=old.raw["run_id"], content="Anew", metrics={"input_tokens": 1, "total_tokens": 1}
    )
    total = decoded(column(source, "session_data", MANY))["session_metrics"]["total_tokens"]

    Writer(source).replace_run(MANY, new, expect_user_id=USER)

    after = [run.raw for run in Reader(source).all_runs(MANY)]
    assert after == [*[run.raw for run in before[:3]], new.raw, *[run.raw for run in before[4:]]]
    metrics = decoded(column(source, "session_data", MANY))["session_metrics"]
    assert metrics["total_tokens"] == total - old.raw["metrics"]["total_tokens"] + 1


def test_a_running_run_is_replaced_by_its_end(source: Source) -> None:
    begun = agent_run(MANY, USER, status="RUNNING", content=None, metrics=None)
    ended = agent_run(MANY, USER, run_id=begun.run_id)
    total = decoded(column(source, "session_data", MANY))["session_metrics"]["total_tokens"]
    writer = Writer(source)

    writer.append_run(MANY, begun, expect_user_id=USER)
    writer.replace_run(MANY, ended, expect_user_id=USER)

    assert stored_run(source, MANY, begun.run_id) == ended.raw
    assert decoded(column(source, "session_data", MANY))["session_metrics"]["total_tokens"] == total + 7


def test_replace_of_an_unknown_run(source: Source) -> None:
    with pytest.raises(RunNotFound, match="no run 'nope'"):
        Writer(source).replace_run(MANY, agent_run(MANY, USER, run_id="nope"), expect_user_id=USER)


def test_a_run_is_appended_once(source: Source) -> None:
    run = agent_run(MANY, USER)
    Writer(source).append_run(MANY, run, expect_user_id=USER)
    before = column(source, "session_data", MANY), run_ids(source, MANY)
    with pytest.raises(AlreadyStored):
        Writer(source).append_run(MANY, run, expect_user_id=USER)

    assert (column(source, "session_data", MANY), run_ids(source, MANY)) == before


def test_members_count_once(source: Source) -> None:
    """A member that is stored on its own and embedded in its leader as well is the same run."""
    user = "alice@example.com"
    ids = {"agent_id": "m", "parent_run_id": "leader-1"}
    member = agent_run("team-coordinate", user, run_id="member-1", **ids)
    inside = agent_run("team-coordinate", user, run_id="member-2", **ids)
    leader = agent_run("team-coordinate", user, run_id="leader-1", member_responses=[member.raw, inside.raw])
    leader.raw["team_id"] = leader.raw.pop("agent_id")
    total = decoded(column(source, "session_data", "team-coordinate"))["session_metrics"]["total_tokens"]

    for run in (member, leader):
        Writer(source).append_run("team-coordinate", run, expect_user_id=user)

    metrics = decoded(column(source, "session_data", "team-coordinate"))["session_metrics"]
    assert metrics["total_tokens"] == total + 3 * 7


def test_rename(source: Source) -> None:
    before = decoded(column(source, "session_data", MANY))
    runs = Reader(source).all_runs(MANY)

    Writer(source, clock=lambda: 1_900_000_000).rename(MANY, "Neu: \u202e\ud800\x00")

    after = decoded(column(source, "session_data", MANY))
    kept = "\x00" if source.vendor == "sqlite" else ""
    assert after == {**before, "session_name": f"Neu: \u202e\ufffd{kept}"}
    assert sql(source, "SELECT updated_at FROM {sessions} WHERE session_id = %s", MANY) == [(1_900_000_000,)]
    assert Reader(source).all_runs(MANY) == runs


def test_characters_that_a_database_refuses(source: Source) -> None:
    text = "a\x00b\x1b[31m\ufffe\ud83d c"
    Writer(source).append_run(MANY, run := agent_run(MANY, USER, content=text, x={text: 1}), expect_user_id=USER)

    kept = "a\x00b\x1b[31m\ufffe\ufffd c" if source.vendor == "sqlite" else "ab[31m\ufffd c"
    stored = stored_run(source, MANY, run.run_id)
    assert (stored["content"], stored["x"]) == (kept, {kept: 1})


def test_create_session_as_agno_inserts_it(source: Source) -> None:
    row: dict[str, Any] = {
        "session_id": "new/🌍 <b>",
        "session_type": "team",
        "team_id": "desk",
        "team_data": {"name": "Desk", "team_id": "desk"},
        "created_at": 1_750_000_000,
    }
    Writer(source).create_session(Session.from_dict(row))

    found = Reader(source).session("new/🌍 <b>")
    assert found is not None
    assert (found.session_type, found.team_id, found.team_data) == ("team", "desk", row["team_data"])
    assert (found.created_at, found.updated_at, found.user_id) == (1_750_000_000, 1_750_000_000, None)
    stored = sql(
        source, "SELECT agent_data IS NULL, metadata IS NULL FROM {sessions} WHERE session_id = %s", row["session_id"]
    )
    assert [tuple(map(bool, each)) for each in stored] == [(True, False)]
    assert column(source, "metadata", row["session_id"]) == column(source, "summary", row["session_id"]) == "null"
    with pytest.raises(AlreadyStored):
        Writer(source).create_session(Session.from_dict(row))


def test_other_table_names(corpus_file: Callable[[str], Path]) -> None:
    url = f"sqlite:///{corpus_file('agno-v3.db')}?session_table=support_sessions"
    with use_sources(f"s={url}") as [source]:
        [stamp] = Reader(source).stamps()
        session = Reader(source).session(stamp.session_id)
        assert session is not None
        count = len(run_ids(source, stamp.session_id))
        run = agent_run(stamp.session_id, session.user_id)
        Writer(source).append_run(stamp.session_id, run, expect_user_id=session.user_id)

        assert run_ids(source, stamp.session_id)[count:] == [run.run_id]
        assert sql(source, "SELECT count(*) FROM support_sessions_runs WHERE run_id = %s", run.run_id) == [(1,)]


def test_earlier_bytes_stay(corpus_file: Callable[[str], Path]) -> None:
    """Agno 2's text on SQLite is extended at its end, in its own encoding."""
    with use_sources(f"s=sqlite:///{corpus_file('agno-v2.db')}") as [source]:
        before = column(source, "runs", "tools-trouble-01") or ""
        run = agent_run("tools-trouble-01", "bob")
        Writer(source).append_run("tools-trouble-01", run, expect_user_id="bob")

        after = column(source, "runs", "tools-trouble-01") or ""
    assert after == before[:-2] + json.dumps(", " + json.dumps(run.raw))[1:-1] + ']"'
