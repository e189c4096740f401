"""Who answers and what they are sent, on sessions that real Agno wrote."""

import json
import sqlite3
from typing import Any

import pytest

from agentos.agents.answer import (
    DEFAULT_MODEL,
    DEMO,
    NO_INSTRUCTIONS,
    NO_MEMBERS,
    NO_STEPS,
    NO_TOOLS,
    Continuation,
    continuation,
)
from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.records import BadRun, Session
from tests.integration.turns.conftest import AGENT, TEAM, WORKFLOW

pytestmark = pytest.mark.django_db
EVERY_FILE = pytest.mark.parametrize(
    "source", ["agno-v2.db", "agno-v3.db", "agno-v2.0.db", "agno-v2-to-v3.db"], indirect=True
)


@pytest.fixture(autouse=True)
def key(settings: Any) -> None:
    settings.OPENAI_API_KEY = "only-for-tests"


def of(source: Source, session_id: str) -> Continuation:
    reader = Reader(source)
    session = reader.session(session_id)
    assert session is not None
    return continuation(session, reader)


def change_run(source: Source, run_id: str, **changes: Any) -> None:
    """Change a stored run, in its column and in its JSON."""
    with sqlite3.connect(source.path) as connection:
        [(data,)] = connection.execute("SELECT run_data FROM agno_runs WHERE run_id = ?", [run_id]).fetchall()
        data = json.loads(data)
        data = json.loads(data) if isinstance(data, str) else data
        connection.execute(
            "UPDATE agno_runs SET status = ?, run_data = ? WHERE run_id = ?",
            [changes.get("status", data["status"]), json.dumps(data | changes), run_id],
        )
    connection.close()


def test_an_agent_is_rebuilt_from_its_session(source: Source) -> None:
    who = of(source, AGENT)
    assert (who.component.kind, who.component.id, who.component.name) == ("agent", "trip-planner", "Trip Planner")
    assert (who.model.id, who.user_id) == ("fake-large", "alice@example.com")
    assert who.system_message is not None
    assert who.system_message.text.startswith("Plans trips.")
    assert who.limits == [NO_TOOLS]


def test_history_is_the_last_three_runs_that_count(source: Source) -> None:
    reader = Reader(source)
    top = [run for run in reader.all_runs(AGENT) if not isinstance(run, BadRun) and run.parent_run_id is None]
    counting = [run for run in top if run.status not in ("PAUSED", "CANCELLED", "ERROR", "REGENERATED")]
    expected = [
        message.to_dict()
        for run in counting[-3:]
        for message in run.messages
        if message.role != "system" and not message.from_history
    ]
    assert [message.to_dict() for message in of(source, AGENT).history] == expected
    assert expected


@pytest.mark.parametrize("status", ["PAUSED", "CANCELLED", "ERROR", "REGENERATED"])
def test_runs_in_these_states_are_no_history(source: Source, status: str) -> None:
    before = of(source, AGENT).history
    last = Reader(source).all_runs(AGENT)[-1]
    assert not isinstance(last, BadRun)
    change_run(source, str(last.run_id), status=status)
    after = of(source, AGENT).history
    ids = {message.id for message in last.messages}
    assert ids & {message.id for message in before}
    assert not ids & {message.id for message in after}


@pytest.mark.parametrize("status", ["RUNNING", "PENDING", "completed", "BROKEN"])
def test_runs_in_any_other_state_are(source: Source, status: str) -> None:
    last = Reader(source).all_runs(AGENT)[-1]
    assert not isinstance(last, BadRun)
    change_run(source, str(last.run_id), status=status)
    assert last.messages[-1].id in {message.id for message in of(source, AGENT).history}


def test_a_team_answers_without_its_members(source: Source) -> None:
    who = of(source, TEAM)
    assert (who.component.kind, who.component.label) == ("team", "Press Office")
    assert who.limits == [NO_TOOLS, NO_MEMBERS]
    members = [run for run in Reader(source).all_runs(TEAM) if not isinstance(run, BadRun) and run.parent_run_id]
    ids = {message.id for run in members for message in run.messages}
    assert members
    assert not ids & {message.id for message in who.history}


def test_a_workflow_answers_from_what_it_was_asked_and_answered(source: Source) -> None:
    who = of(source, WORKFLOW)
    assert who.limits == [NO_TOOLS, NO_STEPS]
    assert [message.role for message in who.history] == ["user", "assistant"] * (len(who.history) // 2)
    assert who.history[-1].text == "tidied: Reviewed."
    assert who.model.id in ("fake-large", "fake-small")


def test_without_a_key_it_is_the_demo_model(source: Source, settings: Any) -> None:
    settings.OPENAI_API_KEY = ""
    who = of(source, AGENT)
    assert who.model.id == "demo"
    assert DEMO in who.limits


def test_a_session_that_has_not_run_is_answered_too(source: Source) -> None:
    session = Session(session_id="new", session_type="agent", agent_id="planner")
    who = continuation(session, Reader(source))
    assert (who.component.label, who.model.id, who.history) == ("planner", DEFAULT_MODEL, [])
    assert who.limits == [NO_TOOLS, NO_INSTRUCTIONS]


def test_transient_state_is_left_out(source: Source) -> None:
    state = {"stage": 1, "current_user_id": "a", "run_id": "r"}
    session = Session(session_id="new", session_type="agent", session_data={"session_state": state})
    assert continuation(session, Reader(source)).session_state == {"stage": 1}


@EVERY_FILE
def test_every_session_of_the_corpus_can_be_continued(source: Source) -> None:
    reader = Reader(source)
    for stamp in reader.stamps():
        who = of(source, stamp.session_id)
        session = reader.session(stamp.session_id)
        assert session is not None
        assert who.component.kind == session.session_type
        if session.component_id:
            assert who.component.id == session.component_id
        assert {message.role for message in who.history} <= {"user", "assistant", "tool"}
