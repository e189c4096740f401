"""Rows "Summaries", "Names", "Caching" and "Reading"."""

import json

import pytest

from agentos import Agent
from agentos.db.base import BaseDb
from agentos.records import RunStatus
from agentos.session import SessionSummaryManager
from tests.integration.agents.conftest import ModelServer, kept


def bot(store: BaseDb, server: ModelServer, **options: object) -> Agent:
    return Agent(id="bot", model=server.model(), db=store, session_id="s", **options)  # type: ignore[arg-type]  # any options of an agent


def summary(text: str, *topics: str) -> str:
    return json.dumps({"summary": text, "topics": list(topics)})


def test_a_summary_follows_each_run_and_is_told_in_the_next(store: BaseDb, server: ModelServer) -> None:
    agent = bot(store, server, enable_session_summaries=True)
    server.says("Hello Alice", summary("Alice said hello.", "greeting"))
    run = agent.run("I am Alice")

    asked = server.requests[-1]
    assert asked["response_format"]["type"] == "json_schema"
    assert "User: I am Alice\nAssistant: Hello Alice" in asked["messages"][0]["content"]
    found = agent.get_session_summary()
    assert found is not None
    assert (found.summary, found.topics) == ("Alice said hello.", ["greeting"])
    assert set(run.metrics.models) == {"model", "session_summary_model"}

    server.says("Alice", summary("Alice again."))
    agent.run("Who am I?")
    told = server.requests[-2]["messages"]
    assert "Alice said hello." in told[0]["content"]
    assert told[-1]["content"] == "Who am I?"


def test_a_summary_is_told_without_being_made(store: BaseDb, server: ModelServer) -> None:
    server.says("a", summary("It was short."))
    bot(store, server, enable_session_summaries=True).run("1")
    bot(store, server, add_session_summary_to_context=True).run("2")
    assert "It was short." in server.last[0][1]


def test_the_manager_says_with_what_and_of_how_much(store: BaseDb, server: ModelServer) -> None:
    manager = SessionSummaryManager(session_summary_prompt="Sum up in Latin.", last_n_runs=1, model=server.model())
    agent = bot(store, server, enable_session_summaries=True, session_summary_manager=manager)
    server.says("a", summary("x"), "b", summary("y"))
    agent.run("one")
    agent.run("two")
    prompt = server.requests[-1]["messages"][0]["content"]
    assert prompt.startswith("Sum up in Latin.")
    assert "one" not in prompt


def test_a_failing_summary_costs_the_summary_not_the_run(store: BaseDb, server: ModelServer) -> None:
    agent = Agent(model=server.model(max_retries=0), db=store, session_id="s", enable_session_summaries=True)
    server.says("Hello", {"status": 400, "error": "no"})
    assert agent.run("Hi").status == RunStatus.completed
    assert agent.get_session_summary() is None
    assert len(kept(store).runs) == 1


def test_naming(store: BaseDb, server: ModelServer) -> None:
    agent = bot(store, server)
    agent.run("1")
    assert agent.get_session_name() == ""
    session = agent.set_session_name(session_name="Größe — 名前")
    assert session.session_name == agent.get_session_name() == "Größe — 名前"


def test_a_name_is_found_by_the_model(store: BaseDb, server: ModelServer) -> None:
    agent = bot(store, server)
    server.says("Hello", '"A very short greeting of two people"')
    agent.run("Hi there")
    agent.set_session_name(autogenerate=True)
    assert agent.get_session_name() == "A very short greeting of"
    assert "USER: Hi there\nASSISTANT: Hello" in server.last[-1][1]


def test_naming_needs_a_name(store: BaseDb, server: ModelServer) -> None:
    with pytest.raises(ValueError, match="session_name"):
        bot(store, server).set_session_name()


def test_a_cached_session_notices_foreign_writes(store: BaseDb, server: ModelServer) -> None:
    agent = bot(store, server, cache_session=True, add_history_to_context=True, session_state={"n": 1})
    agent.run("one")
    assert agent.get_session_state() == {"n": 1}

    other = bot(store, server)
    other.run("two, by another program")
    other.update_session_state({"n": 2})
    other.set_session_name(session_name="renamed")

    agent.run("three")
    assert [content for role, content in server.last if role == "user"] == ["one", "two, by another program", "three"]
    assert agent.get_session_state() == {"n": 2}
    assert agent.get_session_name() == "renamed"
    assert len(kept(store).runs) == 3


def test_reading(store: BaseDb, server: ModelServer) -> None:
    def add(a: int, b: int) -> int:
        return a + b

    agent = bot(store, server, tools=[add], instructions="Be brief.")
    server.calls(("add", {"a": 1, "b": 2}))
    server.says("3")
    run = agent.run("What is 1 + 2?")

    assert [message.role for message in agent.get_session_messages()] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    assert [message.text for message in agent.get_chat_history()] == ["What is 1 + 2?", "3"]
    assert [call["function"]["name"] for call in agent.get_tool_calls()] == ["add"]
    last = agent.get_last_run_output()
    assert (last.run_id, last.content) == (run.run_id, "3")
    assert agent.get_run_output(run.run_id).run_id == run.run_id
    metrics = agent.get_session_metrics()
    assert metrics is not None
    assert metrics.total_tokens == run.metrics.total_tokens
    agent.delete_session("s")
    assert agent.get_session() is None
