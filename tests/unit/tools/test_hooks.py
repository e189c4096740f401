"""What runs around a tool, and what it remembers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from agentos.tools import FunctionCall, Injected, StopAgentRun, tool
from agentos.tools.caching import Results
from tests.unit.tools.calls import called, execution_of


def double(x: int) -> int:
    return x * 2


async def double_later(x: int) -> int:
    await asyncio.sleep(0)
    return x * 2


def test_hooks_see_the_call_before_and_after() -> None:
    seen: list[Any] = []

    def before(fc: FunctionCall, agent: Any) -> None:
        seen.append((fc.function.name, dict(fc.arguments), fc.result, agent))
        fc.arguments["x"] = 5

    async def after(fc: FunctionCall) -> None:
        seen.append((fc.arguments, fc.result, fc.error))

    done = called(tool(pre_hook=before, post_hook=after)(double), {"x": 1}, Injected(agent="me"))
    assert seen == [("double", {"x": 1}, None, "me"), ({"x": 5}, 10, None)]
    assert execution_of(done).tool_args == done.message.tool_args == {"x": 5}


def test_a_post_hook_sees_failures() -> None:
    seen: list[Any] = []
    called(tool(post_hook=lambda fc: seen.append((fc.result, fc.error)))(lambda: 1 / 0))
    assert seen == [(None, "division by zero")]


def test_a_failing_hook_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise ValueError("hook")

    done = called(tool(pre_hook=fail, post_hook=fail)(double), {"x": 1})
    assert done.message.content == "2"
    assert len([record for record in caplog.records if "hook" in record.message]) == 2


@pytest.mark.parametrize("place", ["pre_hook", "post_hook"])
def test_a_hook_can_stop_the_run(place: str) -> None:
    def stop() -> None:
        raise StopAgentRun("Enough.")

    done = called(tool(**{place: stop})(double), {"x": 1})
    assert done.stop
    assert (done.message.content, execution_of(done).tool_call_error) == ("Enough.", True)


def test_arguments_a_hook_made_unstorable_are_recorded_as_they_were() -> None:
    done = called(tool(pre_hook=lambda fc: fc.arguments.update(x=Ellipsis))(lambda x: "ok"), {"x": 1})
    assert done.message.content == "ok"
    assert execution_of(done).tool_args == {"x": 1}


def outer(function_name: str, function_call: Callable[..., Any], arguments: dict[str, Any]) -> str:
    return f"{function_name}[{function_call(**arguments)}]"


def inner(name: str, func: Callable[..., Any], args: dict[str, Any], session_state: dict[str, Any]) -> Any:
    session_state["seen"] = args
    return func(**{key: value + 1 for key, value in args.items()})


async def awaiting(function_call: Callable[..., Awaitable[Any]], arguments: dict[str, Any]) -> str:
    return f"awaited {await function_call(**arguments)}"


@pytest.mark.parametrize("target", [double, double_later])
def test_tool_hooks_wrap_the_tool_the_first_outermost(target: Any) -> None:
    state: dict[str, Any] = {}
    made = tool(name="double", tool_hooks=[outer, awaiting, inner])(target)
    done = called(made, {"x": 1}, Injected(session_state=state))
    assert done.message.content == "double[awaited 4]"
    assert state == {"seen": {"x": 1}}
    assert execution_of(done).tool_args == {"x": 1}


def test_tool_hooks_work_on_a_loop_that_is_given() -> None:
    async def main() -> None:
        made = tool(tool_hooks=[awaiting, awaiting])(double_later)
        done = await asyncio.to_thread(called, made, {"x": 1}, loop=asyncio.get_running_loop())
        assert done.message.content == "awaited awaited 2"

    asyncio.run(main())


def test_a_tool_hook_can_refuse_or_correct_wrong_arguments() -> None:
    def refuse() -> str:
        return "refused"

    def correct(function_call: Callable[..., Any]) -> Any:
        return function_call(x=3)

    assert called(tool(tool_hooks=[refuse])(double), {"x": 1}).message.content == "refused"
    assert called(tool(tool_hooks=[correct])(double), {"y": 1}).message.content == "6"


def test_a_failing_tool_hook_fails_the_call() -> None:
    def fail() -> str:
        raise ValueError("hook")

    assert execution_of(called(tool(tool_hooks=[fail])(double), {"x": 1})).tool_call_error is True


def test_results_can_be_remembered() -> None:
    calls: list[int] = []

    def count(x: int) -> int:
        calls.append(x)
        return len(calls)

    made = tool(cache_results=True)(count)
    assert [called(made, {"x": x}).message.content for x in (1, 1, 2, 1)] == ["1", "1", "2", "1"]
    assert calls == [1, 2]
    assert called(tool(count), {"x": 1}).message.content == "3"


def test_what_depends_on_more_than_the_arguments_is_not_remembered() -> None:
    made = tool(cache_results=True)(lambda session_state: session_state["user"])
    told = [called(made, {}, Injected(session_state={"user": user})).message.content for user in ("Ann", "Bob")]
    assert told == ["Ann", "Bob"]


def test_failures_are_not_remembered() -> None:
    calls: list[int] = []

    def flaky() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("first")
        return "ok"

    made = tool(cache_results=True)(flaky)
    assert [called(made).message.content for _ in range(3)] == ["first", "ok", "ok"]
    assert len(calls) == 2


def test_results_grow_old_and_are_not_kept_without_end() -> None:
    now = 0.0
    results = Results(clock=lambda: now)
    results.keep({"x": 1}, None)
    assert results.find({"x": 1}, 10) == (None,)
    now = 10.0
    assert results.find({"x": 1}, 10) is None
    for number in range(1000):
        results.keep({"x": number}, number)
    assert results.find({"x": 1}, 10) is None
    assert results.find({"x": 999}, 10) == (999,)
