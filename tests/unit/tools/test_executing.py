"""Calls carried out: what is recorded of each, and that they do not get in each other's way."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from agentos.records import Image, Message, ToolExecution
from agentos.tools import (
    Injected,
    Prepared,
    RetryAgentRun,
    StopAgentRun,
    ToolResult,
    execute,
    functions_of,
    prepare,
    tool,
)
from tests.unit.tools.calls import called, ended, execution_of, one, request

WHO: ContextVar[str] = ContextVar("WHO", default="nobody")


def greet(name: str) -> str:
    return f"Hello {name}"


def broken() -> None:
    raise ValueError("It broke.")


def test_a_call_is_recorded_as_agno_records_it() -> None:
    before = time.time()
    done = called(greet, {"name": "Ann"})
    execution = execution_of(done)
    assert set(execution.raw) == set(ToolExecution.always)
    assert (execution.tool_call_id, execution.tool_name, execution.tool_args) == ("call_1", "greet", {"name": "Ann"})
    assert (execution.result, execution.tool_call_error, execution.stop_after_tool_call) == ("Hello Ann", False, False)
    assert execution.metrics is not None
    times = execution.metrics.raw
    assert set(times) == {"start_time", "end_time", "duration"}
    assert before <= times["start_time"] <= times["end_time"]
    message = {key: value for key, value in done.message.raw.items() if key not in ("id", "created_at")}
    assert message == {
        "role": "tool",
        "content": "Hello Ann",
        "from_history": False,
        "stop_after_tool_call": False,
        "tool_call_id": "call_1",
        "tool_name": "greet",
        "tool_args": {"name": "Ann"},
        "tool_call_error": False,
    }


def pieces() -> Iterator[Any]:
    yield from ("a", 1)


async def later_pieces() -> AsyncIterator[str]:
    yield "a"
    yield "b"


async def later(name: str = "Ann") -> dict[str, str]:
    await asyncio.sleep(0)
    return {"name": name}


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (lambda: None, "None"),
        (lambda: {"a": [1, "x"]}, "{'a': [1, 'x']}"),
        (lambda: pieces(), "a1"),
        (lambda: map(str, [1, 2]), "12"),
        (lambda: later_pieces(), "ab"),
        (pieces, "a1"),
        (later, "{'name': 'Ann'}"),
        (later_pieces, "ab"),
        (lambda: ToolResult(content="made"), "made"),
    ],
)
def test_any_result_becomes_text(target: Any, text: str) -> None:
    done = ended([Prepared(request("t"), next(iter(functions_of([target]).values())), {})])[0]
    assert (execution_of(done).result, done.message.content) == (text, text)


def test_a_failing_tool_fails_alone() -> None:
    done = called(broken)
    assert (execution_of(done).result, execution_of(done).tool_call_error) == ("It broke.", True)
    assert (done.message.content, done.message.tool_call_error, done.stop) == ("It broke.", True, False)
    assert "tool_args" not in done.message.raw


def test_an_error_without_words_is_named() -> None:
    def fail() -> None:
        raise KeyError

    assert called(fail).message.content == "KeyError"


def test_a_result_that_cannot_be_written_out_is_an_error() -> None:
    class Mute:
        def __str__(self) -> str:
            raise ValueError("mute")

    done = called(lambda: Mute())
    assert (done.message.content, execution_of(done).tool_call_error) == ("mute", True)


def test_media_are_handed_over() -> None:
    picture = Image(url="https://example.org/a.png")
    assert called(lambda: ToolResult(content="made", images=[picture])).media == [picture]


@pytest.mark.parametrize(("error", "stops"), [(StopAgentRun, True), (RetryAgentRun, False)])
def test_a_tool_can_stop_or_correct_the_run(error: type[StopAgentRun | RetryAgentRun], stops: bool) -> None:
    def check() -> None:
        raise error("No.", user_message="Use metres.", agent_message="I will.", messages=[{"content": "Third."}])

    done = called(check)
    assert done.stop is stops
    assert (execution_of(done).result, execution_of(done).tool_call_error) == ("No.", True)
    assert execution_of(done).stop_after_tool_call is done.message.stop_after_tool_call is stops
    said = [(message.role, message.content) for message in done.following]
    assert said == [("user", "Use metres."), ("assistant", "I will."), ("user", "Third.")]
    assert all(message.stop_after_tool_call is stops for message in done.following)


def test_a_message_can_follow_as_it_is() -> None:
    message = Message(role="user", content="Look.")

    def check() -> None:
        raise RetryAgentRun(ValueError("No."), user_message=message)

    assert called(check).following == [message]
    assert called(check).message.content == "No."


def test_a_tool_can_end_the_run_even_by_failing() -> None:
    stopping = tool(stop_after_tool_call=True)
    assert called(stopping(greet), {"name": "Ann"}).stop
    assert called(stopping(broken)).stop
    assert called(stopping(greet), {}).stop


def test_a_tool_gets_what_it_asks_for_by_name() -> None:
    def count(by: int, session_state: dict[str, Any], dependencies: Any, agent: Any, images: Any) -> str:
        session_state["count"] = session_state.get("count", 0) + by
        return f"{dependencies} {agent} {images}"

    state: dict[str, Any] = {}
    done = called(count, {"by": 2}, Injected(session_state=state, dependencies={"a": 1}))
    assert done.message.content == "{'a': 1} None None"
    assert state == {"count": 2}
    assert execution_of(done).tool_args == {"by": 2}


def test_a_model_cannot_fill_in_what_is_injected() -> None:
    def look(run_context: Any) -> str:
        return str(run_context)

    assert called(look, {"run_context": "forged"}, Injected(run_context="real")).message.text.startswith("Error")


def test_what_a_tool_does_to_its_arguments_is_not_recorded() -> None:
    def take(items: Any) -> int:
        items.append(2)
        return len(items)

    assert execution_of(called(take, {"items": [1]})).tool_args == {"items": [1]}


# --- several at once ---------------------------------------------------------------------------------------------
def several(targets: list[Any], *names: str) -> list[Prepared]:
    return prepare([request(name, {}, f"call_{n}") for n, name in enumerate(names)], functions_of(targets))


def test_several_run_at_the_same_time_and_start_in_order() -> None:
    together = threading.Barrier(3, timeout=5)

    def meet() -> str:
        together.wait()
        return threading.current_thread().name

    items = list(execute(several([meet], "meet", "meet", "meet"), Injected()))
    assert [item.call_id for item in items[:3] if isinstance(item, Prepared)] == ["call_0", "call_1", "call_2"]
    assert {item.message.content for item in items[3:] if not isinstance(item, Prepared)} == {"agentos-tool"}


def test_ends_come_as_they_are() -> None:
    gate = threading.Event()

    def slow() -> str:
        assert gate.wait(5)
        return "slow"

    def quick() -> str:
        return "quick"

    ends = []
    for item in execute(several([slow, quick], "slow", "quick"), Injected()):
        if not isinstance(item, Prepared):
            ends.append(item.message.content)
            gate.set()
    assert ends == ["quick", "slow"]


def test_a_failure_does_not_hurt_the_others() -> None:
    calls = several([broken, lambda: "x", greet], "broken", "<lambda>", "nope", "greet")
    texts = {done.prepared.call_id: done.message.text for done in ended(calls)}
    assert texts["call_0"] == "It broke."
    assert texts["call_1"] == "x"
    assert texts["call_2"].startswith("Error")
    assert texts["call_3"].startswith("Error")


def test_more_than_can_run_at_once_all_run() -> None:
    assert len(ended(several([lambda: "x"], *["<lambda>"] * 30))) == 30


def test_one_call_runs_in_the_calling_thread_as_do_all_if_asked() -> None:
    def where() -> str:
        return threading.current_thread().name

    assert called(where).message.content == threading.current_thread().name
    dones = ended(several([where], "where", "where"), parallel=False)
    assert [done.message.content for done in dones] == [threading.current_thread().name] * 2


def test_context_variables_reach_every_thread_and_loop() -> None:
    def who() -> str:
        return WHO.get()

    async def who_later() -> str:
        return WHO.get()

    token = WHO.set("Ann")
    try:
        assert {done.message.content for done in ended(several([who, who_later], "who", "who_later"))} == {"Ann"}
    finally:
        WHO.reset(token)


def test_an_exit_is_not_swallowed() -> None:
    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        ended(several([leave], "leave", "leave"))


# --- loops -------------------------------------------------------------------------------------------------------
async def which_loop() -> int:
    return id(asyncio.get_running_loop())


def test_async_tools_run_on_the_loop_they_are_given() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        for calls in (several([which_loop], "which_loop"), several([which_loop], "which_loop", "which_loop")):
            dones = await asyncio.to_thread(ended, calls, loop=loop)
            assert {done.message.content for done in dones} == {str(id(loop))}

    asyncio.run(main())


def test_async_tools_run_even_when_this_thread_is_busy_with_a_loop() -> None:
    async def main(given: bool) -> None:
        loop = asyncio.get_running_loop()
        done = called(which_loop, {}, loop=loop if given else None)
        assert execution_of(done).tool_call_error is False
        assert done.message.content != str(id(loop))

    asyncio.run(main(given=False))
    asyncio.run(main(given=True))


def test_a_loop_that_is_stopped_ends_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentos.tools.awaiting._PATIENCE", 0.01)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def stop() -> None:
        loop.stop()
        await asyncio.sleep(3600)

    done = called(stop, {}, loop=loop)
    assert "stopped" in done.message.text
    assert execution_of(done).tool_call_error is True
    thread.join()
    for task in asyncio.all_tasks(loop):
        task.cancel()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def test_a_failing_async_tool_fails_like_any_other() -> None:
    async def fail() -> None:
        raise TimeoutError("too slow")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        done = await asyncio.to_thread(called, fail, {}, loop=loop)
        assert done.message.content == "too slow"

    asyncio.run(main())
    assert one(fail).problem == ""
    assert called(fail).message.content == "too slow"
