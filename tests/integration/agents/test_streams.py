"""Streams, event loops, storage control and metrics."""

import asyncio
import base64
from typing import Any

import pytest

from agentos import Agent, Workflow
from agentos.db import BaseDb, SqliteDb
from agentos.media import File, Image
from agentos.records import RunOutput
from agentos.run.agent import RunEvent
from agentos.workflow import Step, StepInput, StepOutput
from tests.integration.agents.conftest import ModelServer, kept

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"0" * 16).decode()


def bot(store: BaseDb | None, server: ModelServer, **options: Any) -> Agent:
    return Agent(id="bot", model=server.model(), db=store, session_id="s", **options)


def test_a_plain_stream_is_the_answer_in_pieces(store: BaseDb, server: ModelServer) -> None:
    server.says("one two three")
    events = list(bot(store, server).run("go", stream=True))
    assert {event.event for event in events} == {RunEvent.run_content}
    assert "".join(event.content for event in events) == "one two three"
    assert kept(store).runs[0].content == "one two three"


def test_all_events_and_the_run(store: BaseDb, server: ModelServer) -> None:
    def look() -> str:
        return "seen"

    server.calls(("look", {}))
    server.says("done")
    items = list(bot(store, server, tools=[look]).run("go", stream=True, stream_events=True, yield_run_output=True))
    names = [item.event for item in items[:-1] if item.event != "RunContent"]
    assert names == [
        *("RunStarted", "ModelRequestStarted", "ModelRequestCompleted", "ToolCallStarted", "ToolCallCompleted"),
        *("ModelRequestStarted", "ModelRequestCompleted", "RunContentCompleted", "RunCompleted"),
    ]
    assert isinstance(items[-1], RunOutput)
    assert items[-2].content == "done"


def test_whoever_stops_reading_cancels_the_run(store: BaseDb, server: ModelServer) -> None:
    server.says({"content": "one two three four", "chunk_delay": 0.1})
    stream = bot(store, server).run("go", stream=True)
    next(event for event in stream if event.content)
    stream.close()
    run = kept(store).runs[0]
    assert run.status == "CANCELLED"
    assert run.content_text.startswith("one")


def test_async_forms(store: BaseDb, server: ModelServer) -> None:
    async def main() -> tuple[Any, str]:
        agent = bot(store, server)
        run = await agent.arun("go")
        pieces = [event.content async for event in agent.arun("again", stream=True)]
        assert (await agent.aget_session_state()) == {}
        assert len(await agent.aget_chat_history()) == 4
        return run, "".join(pieces)

    server.says("first", "second answer")
    run, text = asyncio.run(main())
    assert (run.content, text) == ("first", "second answer")


def test_many_at_once_on_one_loop(store: BaseDb, server: ModelServer) -> None:
    async def main() -> None:
        agent = bot(store, server)
        await asyncio.gather(*[agent.arun(f"message {n}") for n in range(6)])

    asyncio.run(main())
    runs = kept(store).runs
    assert {run.input_text for run in runs} == {f"message {n}" for n in range(6)}


def test_a_plain_run_works_inside_an_event_loop(store: BaseDb, server: ModelServer) -> None:
    async def main() -> RunOutput:
        run: RunOutput = bot(store, server).run("go")
        return run

    assert asyncio.run(main()).status == "COMPLETED"
    assert len(kept(store).runs) == 1


@pytest.mark.parametrize(("option", "roles"), [
    ({}, ["user", "assistant", "tool", "assistant"]),
    ({"store_tool_messages": False}, ["user", "assistant"]),
])  # fmt: skip
def test_store_tool_messages(store: BaseDb, server: ModelServer, option: dict[str, bool], roles: list[str]) -> None:
    def look() -> str:
        return "seen"

    server.calls(("look", {}))
    bot(store, server, tools=[look], **option).run("go")
    run = kept(store).runs[0]
    assert [message.role for message in run.messages] == roles
    assert [tool.result for tool in run.tools] == ["seen"]


@pytest.mark.parametrize("keeps", [False, True])
def test_store_history_messages(store: BaseDb, server: ModelServer, keeps: bool) -> None:
    agent = bot(store, server, add_history_to_context=True, store_history_messages=keeps)
    agent.run("one")
    agent.run("two")
    messages = kept(store).runs[1].messages
    assert sum(message.from_history for message in messages) == (2 if keeps else 0)
    assert sum(not message.from_history for message in messages) == 2


@pytest.mark.parametrize("keeps", [False, True])
def test_store_media(store: BaseDb, server: ModelServer, keeps: bool) -> None:
    agent = bot(store, server, store_media=keeps)
    agent.run(
        "look", images=[Image(content=PNG, mime_type="image/png")], files=[File(content="text", mime_type="text/plain")]
    )
    parts = server.requests[-1]["messages"][-1]["content"]
    assert parts[1]["image_url"]["url"] == f"data:image/png;base64,{PNG}"
    run = kept(store).runs[0]
    assert [image.content for image in run.input_images] == ([PNG] if keeps else [])
    assert [len(message.images) for message in run.messages if message.role == "user"] == ([1] if keeps else [0])


def test_events_are_stored_only_of_streams_and_without_the_pieces(store: BaseDb, server: ModelServer) -> None:
    agent = bot(store, server, store_events=True, events_to_skip=[RunEvent.model_request_started])
    agent.run("one")
    list(agent.run("two", stream=True))
    plain, streamed = kept(store).runs
    assert plain.events == []
    assert [event["event"] for event in streamed.events] == [
        "RunStarted",
        "ModelRequestCompleted",
        "RunContentCompleted",
        "RunCompleted",
    ]


def test_metrics_on_every_level(store: BaseDb, server: ModelServer) -> None:
    agent = bot(store, server)
    server.says({"content": "a", "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}})
    server.says({"content": "b", "usage": {"prompt_tokens": 30, "completion_tokens": 4, "total_tokens": 34}})
    runs = [agent.run("one"), agent.run("two")]
    assert [run.metrics.total_tokens for run in runs] == [12, 34]
    assert runs[0].messages[-1].metrics.input_tokens == 10
    total = agent.get_session_metrics()
    assert total is not None
    assert (total.input_tokens, total.output_tokens, total.total_tokens) == (40, 6, 46)
    assert [entry.total_tokens for entry in total.models["model"]] == [46]
    assert runs[0].metrics.duration > 0
    assert runs[0].metrics.time_to_first_token > 0


def test_a_script_needs_no_settings(tmp_path: Any, server: ModelServer, stores_may_be_opened: None) -> None:
    import os
    import subprocess
    import sys

    script = f"""
from agentos import Agent, OpenAIChat
from agentos.db import SqliteDb
db = SqliteDb(db_file={str(tmp_path / "own" / "agno.db")!r})
agent = Agent(model=OpenAIChat(id="gpt-4o-mini", api_key="k", base_url={server.server.url!r}), db=db, session_id="s")
agent.print_response("Hello!")
print(len(agent.get_session().runs), "run")
"""
    server.says("Hi from a script")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("DJANGO", "AGENTOS", "DATABASE"))}
    done = subprocess.run([sys.executable, "-c", script], env=clean, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert "Hi from a script" in done.stdout
    assert "1 run" in done.stdout
    assert len(kept(SqliteDb(db_file=str(tmp_path / "own" / "agno.db"))).runs) == 1


@pytest.mark.parametrize("streams", [False, True])
def test_printing(server: ModelServer, capsys: pytest.CaptureFixture[str], streams: bool) -> None:
    agent = Agent(id="bot", model=server.model(), stream=True)
    server.says("Hello Alice", "Hello Bob")
    agent.print_response("I am Alice", stream=streams, markdown=True)
    asyncio.run(agent.aprint_response("I am Bob", stream=streams))
    printed = capsys.readouterr().out
    assert "▸ I am Alice\n\nHello Alice\n\n(" in printed
    assert "▸ I am Bob\n\nHello Bob\n\n(" in printed


@pytest.mark.parametrize("streams", [False, True])
def test_printing_a_workflow(server: ModelServer, capsys: pytest.CaptureFixture[str], streams: bool) -> None:
    writer = Agent(id="writer", model=server.model())
    flow = Workflow(name="Flow", steps=[Step(name="draft", agent=writer), Step(name="shout", executor=shout)])
    server.says("a draft")
    flow.print_response("Write", stream=streams)
    assert "▸ Write\n\n— draft —\na draft\n\n— shout —\nA DRAFT\n\n" in capsys.readouterr().out


def shout(step_input: StepInput) -> StepOutput:
    return StepOutput(content=str(step_input.previous_step_content).upper())
