"""Demo runs have the shapes Agno stores."""

import json

import pytest

from agentos.demo.cast import FLIGHTS, LEDGER, MONTH_END, TRIP_DESK
from agentos.demo.fill import demo_sessions, session_row
from agentos.demo.flow import Flow
from agentos.demo.parts import Call, bar_chart, error_dialog, tokens_of
from agentos.demo.script import Script
from agentos.records import Run, parse_run
from agentos.workflow import Steps

START = 1_790_000_000


def test_a_turn_pairs_every_call_with_its_result() -> None:
    script = Script("s", LEDGER, "u", START)
    script.turn("Q", "A", (Call("one", {"x": 1}, "1"), Call("two", {}, "boom", error=True)), Call("three", {}, "3"))

    run = parse_run(script.runs[0])
    assert isinstance(run, Run)
    assert [message.role for message in run.messages] == [
        *("system", "user", "assistant", "tool", "tool", "assistant", "tool", "assistant")
    ]
    assert [(call.name, call.error) for call in run.tool_calls] == [("one", False), ("two", True), ("three", False)]
    assert run.metrics is not None
    assert run.metrics.raw["total_tokens"] == sum(
        message.metrics.raw["total_tokens"] for message in run.messages if message.metrics
    )


def test_calls_that_reached_no_tool_leave_no_execution() -> None:
    script = Script("s", LEDGER, "u", START)
    script.turn("Q", "A", Call("gone", {}, "Error", flags={"unknown": True}), Call("x", {}, "Error", arguments="{"))
    assert script.runs[0]["tools"] == []


def test_members_come_before_their_leader() -> None:
    script = Script("s", TRIP_DESK, None, START)
    member = script.run_of(FLIGHTS, "task", "result")
    leader = script.team_turn("Q", "A", member, embed=True)
    assert script.runs == [member, leader]
    assert member["parent_run_id"] == leader["run_id"]
    assert leader["member_responses"] == [member]
    assert "user_id" not in leader


def test_a_flow_keeps_executor_runs_and_metrics_by_step() -> None:
    script = Script("s", MONTH_END, "u", START)
    with Flow(script) as flow:
        steps = [flow.agent("read", LEDGER, ("result",)), flow.function("post", "no", error="locked")]
        run = flow.run("Q", Steps("both", steps=steps))
    assert script.runs == [run]
    assert run["step_results"][0]["success"] is False
    step, failed = run["step_results"][0]["steps"]
    assert (step["content"], failed["content"], failed["error"]) == ("result", "no", "locked")
    assert run["step_executor_runs"][0]["run_id"] == step["step_run_id"]
    assert run["step_executor_runs"][0]["parent_run_id"] == run["run_id"]
    assert run["metrics"]["steps"]["read"]["metrics"] == run["step_executor_runs"][0]["metrics"]


def test_a_step_that_fails_ends_the_run_and_says_nothing_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    script = Script("s", MONTH_END, "u", START)
    with Flow(script) as flow:
        run = flow.run("Q", flow.failing("post", "locked"), flow.function("never", ""))
    assert (run["status"], run["content"]) == ("ERROR", "locked")
    assert not caplog.records


def test_everything_of_a_script_is_the_same_when_it_is_played_again() -> None:
    def played(now: int) -> str:
        return json.dumps([[session_row(script), script.runs] for script in demo_sessions(now)])

    assert played(START) == played(START)


def test_times_run_on() -> None:
    script = Script("s", LEDGER, "u", START)
    for _ in range(3):
        script.turn("Q", "A")
    times = [run["created_at"] for run in script.runs]
    assert times == sorted(set(times))
    assert times[0] == START


def test_tokens_and_pictures() -> None:
    assert tokens_of("") == 1
    assert tokens_of("abcdefgh") == 2
    assert tokens_of("世界") == 2
    assert bar_chart([1, 2]) != error_dialog()
