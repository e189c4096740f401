"""Row "History": what of earlier runs the model is sent, and the tools that read more of it."""

import json
from typing import Any

import pytest

from agentos import Agent
from agentos.db.base import BaseDb
from tests.integration.agents.conftest import ModelServer, kept


def told(agent: Agent, *inputs: str, **options: Any) -> None:
    for text in inputs:
        agent.run(text, **options)


def asked(server: ModelServer) -> list[Any]:
    """What users said in the last request."""
    return [content for role, content in server.last if role == "user"]


def test_three_runs_unless_said_otherwise(store: BaseDb, server: ModelServer) -> None:
    told(Agent(model=server.model(), db=store, session_id="s", add_history_to_context=True), *"12345")
    assert asked(server) == ["2", "3", "4", "5"]


def test_num_history_runs(store: BaseDb, server: ModelServer) -> None:
    told(Agent(model=server.model(), db=store, session_id="s", add_history_to_context=True, num_history_runs=1), *"123")
    assert asked(server) == ["2", "3"]


def test_num_history_messages_does_not_begin_in_a_tool_call(store: BaseDb, server: ModelServer) -> None:
    def look() -> str:
        return "seen"

    agent = Agent(
        model=server.model(),
        db=store,
        session_id="s",
        tools=[look],
        add_history_to_context=True,
        num_history_messages=2,
    )
    server.calls(("look", {}))
    told(agent, "one", "two")
    assert [role for role, _ in server.last] == ["assistant", "user"]


def test_max_tool_calls_from_history(store: BaseDb, server: ModelServer) -> None:
    def look(at: str) -> str:
        return f"seen {at}"

    agent = Agent(
        model=server.model(),
        db=store,
        session_id="s",
        tools=[look],
        add_history_to_context=True,
        max_tool_calls_from_history=1,
    )
    for at in "ab":
        server.calls(("look", {"at": at}))
        server.says(f"done {at}")
        agent.run(at)
    agent.run("c")
    contents = [content for _, content in server.last]
    assert "seen a" not in contents
    assert "seen b" in contents
    assert "done a" in contents


@pytest.mark.parametrize("status", ["PAUSED", "CANCELLED", "ERROR", "REGENERATED"])
def test_what_did_not_come_to_an_answer_is_no_history(store: BaseDb, server: ModelServer, status: str) -> None:
    agent = Agent(id="bot", model=server.model(), db=store, session_id="s", add_history_to_context=True)
    agent.run("one")
    session = kept(store)
    session.runs[0].status = status
    store.upsert_session(session)
    agent.run("two")
    assert asked(server) == ["two"]


def test_tool_hooks_go_around_the_agents_tools(store: BaseDb, server: ModelServer) -> None:
    def shout(function_name: str, function_call: Any, arguments: dict[str, Any]) -> Any:
        return str(function_call(**arguments)).upper()

    def look() -> str:
        return "seen"

    server.calls(("look", {}))
    run = Agent(model=server.model(), db=store, session_id="s", tools=[look], tool_hooks=[shout]).run("go")
    assert run.tools[0].result == "SEEN"


def test_the_model_reads_the_history_itself(store: BaseDb, server: ModelServer) -> None:
    agent = Agent(model=server.model(), db=store, session_id="s", read_chat_history=True)
    server.says("first answer")
    agent.run("first")
    server.calls(("get_chat_history", {"num_chats": 1}))
    agent.run("second")
    result = json.loads(server.last[-1][1])
    assert result == [{"role": "user", "content": "first"}, {"role": "assistant", "content": "first answer"}]


def test_the_model_reads_its_tool_calls(store: BaseDb, server: ModelServer) -> None:
    def add(a: int, b: int) -> int:
        return a + b

    agent = Agent(model=server.model(), db=store, session_id="s", tools=[add], read_tool_call_history=True)
    server.calls(("add", {"a": 1, "b": 2}))
    server.says("3")
    agent.run("first")
    server.calls(("get_tool_call_history", {}))
    agent.run("second")
    assert json.loads(server.last[-1][1]) == [{"name": "add", "arguments": {"a": 1, "b": 2}, "result": "3"}]


def test_the_model_finds_only_its_own_users_past_sessions(store: BaseDb, server: ModelServer) -> None:
    agent = Agent(model=server.model(), db=store, search_past_sessions=True)
    told(agent, "about whales", session_id="old", user_id="alice")
    told(agent, "about money", session_id="other", user_id="bob")
    server.calls(("search_past_sessions", {}))
    agent.run("what was it about?", session_id="new", user_id="alice")
    found = json.loads(server.last[-1][1])
    assert [entry["session_id"] for entry in found] == ["old"]
    assert found[0]["last_question"] == "about whales"
    server.calls(("read_past_session", {"session_id": "old"}))
    agent.run("open it", session_id="new", user_id="alice")
    assert "about whales" in server.last[-1][1]
    server.calls(("read_past_session", {"session_id": "other"}))
    agent.run("open it", session_id="new", user_id="alice")
    assert "money" not in server.last[-1][1]


def test_sessions_without_a_user_may_be_anybodys_and_are_not_searched(store: BaseDb, server: ModelServer) -> None:
    agent = Agent(model=server.model(), db=store, search_past_sessions=True)
    told(agent, "a secret", session_id="old")
    server.calls(("search_past_sessions", {}))
    agent.run("what was it about?", session_id="new")
    assert "secret" not in server.last[-1][1]
