"""Row "Session state": where it comes from, who sees it, who changes it, what of it is kept."""

import json
from typing import Any

from agentos import Agent
from agentos.db.base import BaseDb
from agentos.run import RunContext
from tests.integration.agents.conftest import ModelServer, kept


def bot(store: BaseDb, server: ModelServer, **options: Any) -> Agent:
    return Agent(id="bot", model=server.model(), db=store, session_id="s", **options)


def test_run_over_stored_over_default(store: BaseDb, server: ModelServer) -> None:
    agent = bot(store, server, session_state={"a": "default", "b": "default", "c": "default"})
    agent.run("1")
    agent.update_session_state({"b": "stored", "c": "stored"})
    run = agent.run("2", session_state={"c": "run"})
    assert run.session_state == {"a": "default", "b": "stored", "c": "run"}
    assert agent.get_session_state() == {"a": "default", "b": "stored", "c": "run"}


def test_overwrite_forgets_what_is_stored(store: BaseDb, server: ModelServer) -> None:
    bot(store, server, session_state={"old": 1}).run("1")
    agent = bot(store, server, overwrite_db_session_state=True)
    agent.run("2", session_state={"new": 2})
    assert agent.get_session_state() == {"new": 2}


def test_the_model_sees_it_only_when_told_to(store: BaseDb, server: ModelServer) -> None:
    bot(store, server, session_state={"city": "Oslo"}).run("1")
    assert [role for role, _ in server.last] == ["user"]
    bot(store, server, add_session_state_to_context=True).run("2")
    role, text = server.last[0]
    assert role == "developer"
    assert "<session_state>" in text
    assert '"city": "Oslo"' in text


def test_keys_in_instructions_are_filled_in(store: BaseDb, server: ModelServer) -> None:
    agent = bot(
        store,
        server,
        instructions='Speak {language}. Answer as {"json": 1} to {unknown}.',
        session_state={"language": "Norsk"},
    )
    agent.run("1")
    assert server.last[0] == ("developer", 'Speak Norsk. Answer as {"json": 1} to {unknown}.')


def test_tools_read_and_change_it(store: BaseDb, server: ModelServer) -> None:
    def add_item(item: str, session_state: dict[str, Any]) -> str:
        session_state["items"].append(item)
        return f"{len(session_state['items'])} items for {session_state['current_user_id']}"

    def read(run_context: RunContext) -> str:
        assert run_context.session_state is not None
        return str(run_context.session_state["items"])

    agent = bot(store, server, tools=[add_item, read], session_state={"items": ["milk"]})
    server.calls(("add_item", {"item": "bread"}))
    server.calls(("read", {}))
    agent.run("add bread", user_id="alice")
    assert [content for role, content in server.last if role == "tool"] == ["2 items for alice", "['milk', 'bread']"]
    assert kept(store).session_data["session_state"] == {"items": ["milk", "bread"]}


def test_the_model_changes_it_itself(store: BaseDb, server: ModelServer) -> None:
    agent = bot(store, server, enable_agentic_state=True)
    server.calls(("update_session_state", {"session_state_updates": {"name": "Alice"}}))
    run = agent.run("I am Alice")
    assert run.session_state == {"name": "Alice"}
    assert agent.get_session_state() == {"name": "Alice"}
    schema = server.requests[-1]["tools"][0]["function"]
    assert list(schema["parameters"]["properties"]) == ["session_state_updates"]


def test_two_at_once_lose_only_what_both_set(store: BaseDb, server: ModelServer) -> None:
    first = bot(store, server, session_state={"n": 0})
    first.run("begin")
    opened = first._open("s", None)

    bot(store, server).run("meanwhile", session_state={"theirs": 1})
    opened.state["ours"] = 1
    first._save(opened, [])

    assert first.get_session_state() == {"n": 0, "theirs": 1, "ours": 1}


def test_two_first_runs_at_once_lose_only_what_both_set(store: BaseDb, server: ModelServer) -> None:
    agent = bot(store, server)
    first, second = agent._open("s", None, {"ours": 1}), agent._open("s", None, {"theirs": 2})
    agent._save(first, [])
    agent._save(second, [])
    assert agent.get_session_state() == {"ours": 1, "theirs": 2}


def test_a_removed_key_is_gone(store: BaseDb, server: ModelServer) -> None:
    def forget(session_state: dict[str, Any]) -> str:
        del session_state["secret"]
        return "gone"

    agent = bot(store, server, tools=[forget], session_state=None)
    agent.run("1", session_state={"secret": 1, "kept": 2})
    server.calls(("forget", {}))
    agent.run("2")
    assert agent.get_session_state() == {"kept": 2}


def test_dependencies_are_told_and_not_kept(store: BaseDb, server: ModelServer) -> None:
    agent = bot(store, server, add_dependencies_to_context=True)
    agent.run("1", dependencies={"plan": "gold"})
    assert json.dumps({"plan": "gold"}, indent=2) in server.last[-1][1]
    assert agent.get_session_state() == {}
