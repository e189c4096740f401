"""Row "Tools": what models call, what is recorded of it, and runs that wait for somebody."""

import asyncio
import threading
import time

import pytest
from pydantic import BaseModel

from agentos import Agent
from agentos.db.base import BaseDb
from agentos.db.writer_errors import RunNotFound
from agentos.records import RunOutput, RunStatus
from agentos.tools import tool
from tests.integration.agents.conftest import ModelServer, kept


def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: the first
        b: the second
    """
    return a + b


def boom(x: str) -> str:
    """Fail."""
    raise ValueError(f"bad {x}")


@tool(requires_confirmation=True)
def drop(table: str) -> str:
    """Drop a table."""
    return f"dropped {table}"


@tool(requires_user_input=True, user_input_fields=["to"])
def send(subject: str, to: str) -> str:
    """Send a mail."""
    return f"sent {subject} to {to}"


@tool(external_execution=True)
def elsewhere(command: str) -> str:
    """Run on another machine."""
    raise AssertionError("never called here")


def bot(store: BaseDb | None, server: ModelServer, *tools: object, **options: object) -> Agent:
    return Agent(id="bot", model=server.model(), db=store, session_id="s", tools=tools, **options)  # type: ignore[arg-type]  # any options of an agent


def test_calls_are_recorded_as_agno_records_them(store: BaseDb, server: ModelServer) -> None:
    server.calls(("add", {"a": 1, "b": 2}), ("boom", {"x": "y"}), ("nope", {}))
    server.says("ok")
    bot(store, server, add, boom).run("go")

    run = kept(store).runs[0]
    assert [(tool.tool_name, tool.result, tool.tool_call_error) for tool in run.tools] == [
        ("add", "3", False),
        ("boom", "bad y", True),
    ]
    results = [message for message in run.messages if message.role == "tool"]
    assert [(message.text, message.tool_call_error) for message in results[:2]] == [("3", False), ("bad y", True)]
    assert results[2].text.startswith("Error")
    assert [call.status for call in run.tool_calls] == ["ok", "error", "error"]
    sent = [message for message in server.requests[-1]["messages"] if message["role"] == "tool"]
    calls = server.requests[-1]["messages"][1]["tool_calls"]
    assert [message["tool_call_id"] for message in sent] == [call["id"] for call in calls]


def test_malformed_arguments_reach_the_model_as_an_error(store: BaseDb, server: ModelServer) -> None:
    server.says({"tool_calls": [{"name": "add", "arguments": '{"a": 1,'}]}, "sorry")
    run = bot(store, server, add).run("go")
    assert run.status == RunStatus.completed
    assert server.last[-1][1].startswith("Error")


def test_schema_of_a_plain_function(server: ModelServer) -> None:
    bot(None, server, add).run("go")
    function = server.requests[-1]["tools"][0]["function"]
    assert (function["name"], function["description"]) == ("add", "Add two numbers.")
    properties = function["parameters"]["properties"]
    assert (properties["a"]["type"], properties["a"]["description"]) == ("integer", "the first")


def test_parallel_calls_run_at_once(server: ModelServer) -> None:
    meeting = threading.Barrier(3, timeout=10)

    def meet(n: int) -> int:
        meeting.wait()
        return n

    server.calls(*[("meet", {"n": n}) for n in range(3)])
    run = bot(None, server, meet).run("go")
    assert [tool.result for tool in run.tools] == ["0", "1", "2"]


def test_async_tools_run_on_the_callers_loop(server: ModelServer) -> None:
    async def where() -> str:
        await asyncio.sleep(0)
        return str(id(asyncio.get_running_loop()))

    async def main() -> tuple[RunOutput, str]:
        server.calls(("where", {}))
        return await bot(None, server, where).arun("go"), str(id(asyncio.get_running_loop()))

    run, loop = asyncio.run(main())
    assert run.tools[0].result == loop
    server.calls(("where", {}))
    assert bot(None, server, where).run("go").tools[0].tool_call_error is False


def test_tool_call_limit(store: BaseDb, server: ModelServer) -> None:
    server.calls(("add", {"a": 1, "b": 2}), ("add", {"a": 3, "b": 4}))
    run = bot(store, server, add, tool_call_limit=1).run("go")
    assert [tool.result for tool in run.tools] == ["3"]
    assert "limit" in server.last[-1][1]


def test_structured_output(store: BaseDb, server: ModelServer) -> None:
    class Weather(BaseModel):
        city: str
        temperature: int | None = None

    server.says('{"city": "Oslo", "temperature": 3}')
    run = bot(store, server, output_schema=Weather).run("go")
    assert run.content == Weather(city="Oslo", temperature=3)
    stored = kept(store).runs[0]
    assert (stored.content, stored.content_type) == ({"city": "Oslo", "temperature": 3}, "Weather")


def test_confirmation(store: BaseDb, server: ModelServer) -> None:
    agent = bot(store, server, drop, add)
    server.calls(("drop", {"table": "t"}), ("add", {"a": 1, "b": 2}))
    run = agent.run("go")
    assert (run.status, run.is_paused) == (RunStatus.paused, True)
    assert [tool.tool_name for tool in run.tools_requiring_confirmation] == ["drop"]
    stored = kept(store).runs[0]
    assert (stored.status, len(stored.requirements)) == ("PAUSED", 1)
    spent = agent.get_session_metrics()

    run.active_requirements[0].confirm()
    server.says("done")
    again = agent.continue_run(run_response=run)

    assert (again.run_id, again.status, again.content) == (run.run_id, RunStatus.completed, "done")
    assert [tool.result for tool in again.tools] == ["dropped t", "3"]
    assert ("tool", "dropped t") in server.last
    session = kept(store)
    assert [stored.status for stored in session.runs] == ["COMPLETED"]
    assert spent is not None
    assert session.session_metrics.total_tokens == session.runs[0].metrics.total_tokens > (spent.total_tokens or 0)


def test_confirmation_from_another_process_by_id(store: BaseDb, server: ModelServer) -> None:
    server.calls(("drop", {"table": "t"}))
    run_id = bot(store, server, drop).run("go").run_id
    requirement = kept(store).runs[0].requirements[0]
    requirement.reject("Not this one")
    server.says("I did not")
    again = bot(store, server, drop).continue_run(run_id=run_id, requirements=[requirement])
    call = again.tools[0]
    assert (call.confirmed, call.tool_call_error, call.result) == (False, True, None)
    assert "Not this one" in server.last[-1][1]
    assert again.content == "I did not"


def test_user_input_and_external_execution(store: BaseDb, server: ModelServer) -> None:
    agent = bot(store, server, send, elsewhere)
    server.calls(("send", {"subject": "Hi"}), ("elsewhere", {"command": "ls"}))
    run = agent.run("go")
    first, second = run.active_requirements
    first.provide_user_input({"to": "bob@example.com"})
    waiting = agent.continue_run(run_response=run)
    assert (waiting.status, [item.kind for item in waiting.active_requirements]) == (
        RunStatus.paused,
        ["external_execution"],
    )
    waiting.active_requirements[0].set_external_execution_result("file.txt")
    server.says("done")
    done = agent.continue_run(run_response=waiting)
    assert [tool.result for tool in done.tools] == ["sent Hi to bob@example.com", "file.txt"]
    assert done.status == RunStatus.completed
    assert second is not None


def test_answers_cannot_rewrite_what_was_asked(store: BaseDb, server: ModelServer) -> None:
    agent = bot(store, server, drop)
    server.calls(("drop", {"table": "scratch"}))
    run = agent.run("go")
    run.tools[0].raw["tool_args"] = {"table": "customers"}
    run.active_requirements[0].confirm()
    again = agent.continue_run(run_response=run)
    assert again.tools[0].result == "dropped scratch"


def test_only_paused_runs_are_continued(store: BaseDb, server: ModelServer) -> None:
    agent = bot(store, server)
    run = agent.run("go")
    with pytest.raises(ValueError, match="only a paused run"):
        agent.continue_run(run_id=run.run_id)
    with pytest.raises(RunNotFound):
        agent.continue_run(run_id="nothing")


def test_a_paused_run_is_no_history_until_it_is_done(store: BaseDb, server: ModelServer) -> None:
    agent = bot(store, server, drop, add_history_to_context=True)
    server.calls(("drop", {"table": "t"}))
    run = agent.run("first")
    agent.run("second")
    assert [content for role, content in server.last if role == "user"] == ["second"]
    run.active_requirements[0].confirm()
    agent.continue_run(run_response=run)
    agent.run("third")
    assert [content for role, content in server.last if role == "user"] == ["first", "second", "third"]


def test_cancelling_from_another_thread(store: BaseDb, server: ModelServer) -> None:
    server.says({"content": "one two three four five six", "chunk_delay": 0.3})
    agent = bot(store, server)
    events = agent.run("go", stream=True, run_id="r")
    first = next(event for event in events if event.content)
    Agent.cancel_run("r")
    began = time.monotonic()
    assert [event.event for event in events][-1] == "RunCancelled"
    assert time.monotonic() - began < 2
    stored = kept(store).runs[0]
    assert stored.status == "CANCELLED"
    assert stored.content_text.startswith(first.content.strip())
