"""Who answers and what they are sent, on sessions that real Agno wrote."""

import json
import sqlite3
from typing import Any

import pytest

from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.db.sql import SqlDb
from agentos.llm.wire import SYSTEM_ROLES, to_wire
from agentos.records import BadRun, Message, Session
from agentos.turns.answering import (
    DEFAULT_MODEL,
    DEMO,
    NO_INSTRUCTIONS,
    NO_MEMBERS,
    NO_STEPS,
    NO_TOOLS,
    Answerer,
    rebuilt,
)
from tests.integration.turns.conftest import AGENT, TEAM, WORKFLOW

pytestmark = pytest.mark.django_db
EVERY_FILE = pytest.mark.parametrize(
    "source", ["agno-v2.db", "agno-v3.db", "agno-v2.0.db", "agno-v2-to-v3.db"], indirect=True
)


@pytest.fixture(autouse=True)
def model(fake_model: Any) -> Any:
    return fake_model


def of(source: Source, session_id: str) -> Answerer:
    session = Reader(source).session(session_id)
    assert session is not None
    return rebuilt(session, SqlDb(source))


def sent(source: Source, session_id: str, model: Any) -> list[dict[str, Any]]:
    """What the model is sent when the session is continued, instructions and the new question left out."""
    session = Reader(source).session(session_id)
    assert session is not None
    list(of(source, session_id).component.run("And now?", stream=True, session_id=session_id, user_id=session.user_id))
    messages: list[dict[str, Any]] = model.brain.log[-1]["body"]["messages"]
    assert messages[-1] == {"role": "user", "content": "And now?"}
    return [message for message in messages[:-1] if message["role"] != "system"]


def on_the_wire(messages: list[Message]) -> list[dict[str, Any]]:
    return to_wire(messages, roles=SYSTEM_ROLES, remote_media=True)


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


def test_an_agent_is_rebuilt_from_its_session(source: Source, model: Any) -> None:
    who = of(source, AGENT)
    assert (who.stored.kind, who.stored.id, who.stored.name) == ("agent", "trip-planner", "Trip Planner")
    assert (who.model.id, who.limits) == ("fake-large", [NO_TOOLS])
    sent(source, AGENT, model)
    assert model.brain.log[-1]["body"]["messages"][0]["content"].startswith("Plans trips.")


def test_history_is_the_last_three_runs_that_count(source: Source, model: Any) -> None:
    top = [run for run in Reader(source).all_runs(AGENT) if not isinstance(run, BadRun) and run.parent_run_id is None]
    counting = [run for run in top if run.status not in ("PAUSED", "CANCELLED", "ERROR", "REGENERATED")]
    expected = [
        message
        for run in counting[-3:]
        for message in run.messages
        if message.role != "system" and not message.from_history
    ]
    assert expected
    assert sent(source, AGENT, model) == on_the_wire(expected)


@pytest.mark.parametrize("status", ["PAUSED", "CANCELLED", "ERROR", "REGENERATED"])
def test_runs_in_these_states_are_no_history(source: Source, model: Any, status: str) -> None:
    last = Reader(source).all_runs(AGENT)[-1]
    assert not isinstance(last, BadRun)
    change_run(source, str(last.run_id), status=status)
    assert last.content_text not in [message["content"] for message in sent(source, AGENT, model)]


@pytest.mark.parametrize("status", ["RUNNING", "PENDING", "completed", "BROKEN"])
def test_runs_in_any_other_state_are(source: Source, model: Any, status: str) -> None:
    last = Reader(source).all_runs(AGENT)[-1]
    assert not isinstance(last, BadRun)
    change_run(source, str(last.run_id), status=status)
    assert last.content_text in [message["content"] for message in sent(source, AGENT, model)]


def test_a_team_answers_without_its_members(source: Source, model: Any) -> None:
    who = of(source, TEAM)
    assert (who.stored.kind, who.stored.label) == ("team", "Press Office")
    assert who.limits == [NO_TOOLS, NO_MEMBERS]
    members = [run for run in Reader(source).all_runs(TEAM) if not isinstance(run, BadRun) and run.parent_run_id]
    asked = {message.text for run in members for message in run.messages if message.role == "user"}
    assert asked
    assert not asked & {str(message["content"]) for message in sent(source, TEAM, model) if message["role"] == "user"}
    assert "tools" not in model.brain.log[-1]["body"]


def test_a_workflow_answers_from_what_it_was_asked_and_answered(source: Source, model: Any) -> None:
    who = of(source, WORKFLOW)
    assert who.limits == [NO_TOOLS, NO_STEPS]
    assert who.model.id in ("fake-large", "fake-small")
    history = sent(source, WORKFLOW, model)
    assert [message["role"] for message in history] == ["user", "assistant"] * (len(history) // 2)
    assert history[-1]["content"] == "tidied: Reviewed."


def test_without_a_key_it_is_the_demo_model(source: Source, settings: Any) -> None:
    settings.OPENAI_API_KEY = ""
    who = of(source, AGENT)
    assert who.model.id == "demo"
    assert DEMO in who.limits


def test_a_session_that_has_not_run_is_answered_too(source: Source) -> None:
    session = Session(session_id="new", session_type="agent", agent_id="planner")
    who = rebuilt(session, SqlDb(source))
    assert (who.stored.label, who.model.id) == ("planner", DEFAULT_MODEL)
    assert who.limits == [NO_TOOLS, NO_INSTRUCTIONS]


@EVERY_FILE
def test_every_session_of_the_corpus_can_be_continued(source: Source, model: Any) -> None:
    reader = Reader(source)
    for stamp in reader.stamps():
        session = reader.session(stamp.session_id)
        assert session is not None
        who = of(source, stamp.session_id)
        assert who.stored.kind == session.session_type
        if session.component_id:
            assert who.stored.id == session.component_id
        assert {message["role"] for message in sent(source, stamp.session_id, model)} <= {"user", "assistant", "tool"}
