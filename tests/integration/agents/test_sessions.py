"""Rows "Quick start", "Session ids", "Multi-user" and "Schema": runs in sessions, on every store."""

from typing import Any

import pytest

from agentos import Agent
from agentos.db import BaseDb
from agentos.db.writer_errors import SessionOwnedByOther
from agentos.records import SESSION_COLUMNS, RunStatus
from tests.integration.agents.conftest import ModelServer, kept


def test_quick_start_db_is_all_it_takes(store: BaseDb, server: ModelServer) -> None:
    server.says("Hello!")
    agent = Agent(model=server.model(), db=store, session_id="user_123")

    run = agent.run("Hi")

    assert (run.content, run.status) == ("Hello!", RunStatus.completed)
    session = kept(store, "user_123")
    assert [stored.content for stored in session.runs] == ["Hello!"]
    assert session.agent_data["model"] == {"id": "gpt-4o-mini", "name": "OpenAIChat", "provider": "OpenAI"}


def test_the_same_id_continues_with_history(store: BaseDb, server: ModelServer) -> None:
    agent = Agent(model=server.model(), db=store, session_id="s", add_history_to_context=True)
    server.says("Hello Alice", "Your name is Alice")

    agent.run("My name is Alice")
    agent.run("What's my name?")

    assert server.last == [("user", "My name is Alice"), ("assistant", "Hello Alice"), ("user", "What's my name?")]


def test_another_process_continues_it_too(store: BaseDb, server: ModelServer) -> None:
    Agent(id="bot", model=server.model(), db=store).run("My name is Alice", session_id="s")
    Agent(id="bot", model=server.model(), db=store, add_history_to_context=True).run("And now?", session_id="s")
    assert [role for role, _ in server.last] == ["user", "assistant", "user"]


def test_without_history_earlier_turns_are_not_sent(store: BaseDb, server: ModelServer) -> None:
    agent = Agent(model=server.model(), db=store, session_id="s")
    agent.run("My name is Alice")
    agent.run("What's my name?")
    assert server.last == [("user", "What's my name?")]


def test_an_id_is_made_and_kept(store: BaseDb, server: ModelServer) -> None:
    agent = Agent(model=server.model(), db=store)
    first, second = agent.run("one"), agent.run("two")
    assert first.session_id == second.session_id == agent.session_id
    assert len(kept(store, first.session_id).runs) == 2


def test_users_have_sessions_of_their_own(store: BaseDb, server: ModelServer) -> None:
    agent = Agent(model=server.model(), db=store)
    agent.print_response("Hello!", session_id="a", user_id="alice")
    agent.print_response("Hello!", session_id="b", user_id="bob")
    sessions: list[Any] = list(store.get_sessions(user_id="alice"))
    assert [session.session_id for session in sessions] == ["a"]
    assert agent.get_session("a", user_id="bob") is None


def test_another_users_session_is_neither_read_nor_written(store: BaseDb, server: ModelServer) -> None:
    agent = Agent(model=server.model(), db=store, add_history_to_context=True)
    agent.run("My secret is 42", session_id="s", user_id="alice")
    asked = len(server.requests)

    with pytest.raises(SessionOwnedByOther, match="another user"):
        agent.run("What is the secret?", session_id="s", user_id="mallory")

    assert len(server.requests) == asked
    assert len(kept(store).runs) == 1


def test_a_named_user_does_not_take_over_an_anonymous_session(store: BaseDb, server: ModelServer) -> None:
    agent = Agent(model=server.model(), db=store)
    agent.run("one", session_id="s")
    with pytest.raises(SessionOwnedByOther, match="without a user"):
        agent.run("two", session_id="s", user_id="alice")
    assert [run.input_text for run in kept(store).runs] == ["one"]


def test_nobody_in_particular_goes_on_as_the_sessions_owner(store: BaseDb, server: ModelServer) -> None:
    agent = Agent(model=server.model(), db=store)
    agent.run("one", session_id="s", user_id="alice")
    assert agent.run("two", session_id="s").user_id == "alice"


def test_a_session_has_the_fifteen_fields(store: BaseDb, server: ModelServer) -> None:
    Agent(id="bot", name="Bot", model=server.model(), db=store).run("one", session_id="s", user_id="alice")
    session: Any = store.get_session("s", deserialize=False)
    assert set(SESSION_COLUMNS) <= set(session)
    assert (session["session_type"], session["agent_id"], session["user_id"]) == ("agent", "bot", "alice")
    assert isinstance(session["runs"], list)
    assert session["created_at"] <= session["updated_at"]


def test_a_failed_run_is_kept_and_is_no_history(store: BaseDb, server: ModelServer) -> None:
    agent = Agent(model=server.model(max_retries=0), db=store, session_id="s", add_history_to_context=True)
    server.says({"status": 400, "error": "no such thing"})

    run = agent.run("one")
    agent.run("two")

    assert run.status == RunStatus.error
    assert "no such thing" in run.content
    assert server.last == [("user", "two")]
    assert [stored.status for stored in kept(store).runs] == ["ERROR", "COMPLETED"]


def test_without_a_database_nothing_is_kept(server: ModelServer) -> None:
    agent = Agent(model=server.model(), session_id="s", add_history_to_context=True)
    agent.run("one")
    agent.run("two")
    assert server.last == [("user", "two")]
    assert agent.get_session("s") is None


def test_an_unknown_option_of_a_run_is_refused(server: ModelServer) -> None:
    with pytest.raises(TypeError, match="A run has no option 'sesion_id'"):
        Agent(model=server.model()).run("Hi", sesion_id="s")


def test_options_of_agno_that_have_nothing_to_do_with_sessions_are_refused() -> None:
    with pytest.raises(TypeError, match="knowledge"):
        Agent(knowledge=object())  # type: ignore[call-arg]  # what it does not take is the test
