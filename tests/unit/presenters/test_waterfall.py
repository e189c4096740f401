"""The steps of a run on one clock: their order, their depth, and when each began, of what Agno stores of times."""

from typing import Any

import pytest

from agentos.catalog.models import CatalogRun
from agentos.records import BadRun, Run, parse_run
from sessions_ui.presenters.waterfall import DEPTH, LEAST, NOT_STORED, ROWS, Line, Waterfall, waterfall

START = 1_790_000_000


def row(run_id: str, ordinal: int, depth: int, **values: Any) -> CatalogRun:
    """A run's row in the catalog, not saved."""
    given = {"kind": "agent", "component_id": run_id, "status": "COMPLETED", "created_at": START} | values
    return CatalogRun(run_id=run_id, ordinal=ordinal, root_ordinal=0, depth=depth, position=0, **given)


def run(raw: dict[str, Any]) -> Run:
    found = parse_run(raw)
    assert not isinstance(found, BadRun)
    return found


def said(seconds: float | None, *names: str, **args: Any) -> dict[str, Any]:
    """An assistant's message that took so long and calls these tools."""
    calls = [{"id": f"{name}-{n}", "function": {"name": name, "arguments": "{}"}} for n, name in enumerate(names)]
    metrics = {} if seconds is None else {"duration": seconds}
    return {"role": "assistant", "content": "x", "created_at": START, "metrics": metrics, "tool_calls": calls, **args}


def tool(call: str, name: str, start: float | None = None, seconds: float | None = None, **more: Any) -> dict[str, Any]:
    metrics = None if start is None else {"start_time": START + start, "duration": seconds}
    return {"tool_call_id": call, "tool_name": name, "result": "x", "metrics": metrics, **more}


def told(found: Waterfall) -> list[tuple[str, str, int]]:
    return [(line.kind, line.name, line.depth) for line in found.lines]


def began(line: Line) -> float | None:
    return None if line.began is None else round(line.began - START, 3)


def test_calls_follow_each_other_inside_of_a_second() -> None:
    raw = {
        "run_id": "a", "agent_id": "a", "model": "large", "messages": [said(0.2, "look"), said(0.1)],
        "tools": [tool("look-0", "look", 0.25, 0.3)],
    }  # fmt: skip
    found = waterfall(row("a", 0, 0, duration=1.0), [], {"a": run(raw)}, 0)
    assert told(found) == [("run", "a", 0), ("model", "large", 1), ("tool", "look", 1), ("model", "large", 1)]
    assert [began(line) for line in found.lines] == [0.0, 0.0, 0.25, 0.55]
    assert [(line.x, line.width) for line in found.lines] == [(0, 100), (0, 20), (25, 30), (55, 10)]
    assert found.seconds == 1.0 and found.ticks[:2] == [(0.0, 0.0), (20.0, 0.2)]


def test_members_stand_under_the_call_that_led_to_them() -> None:
    leader = {
        "run_id": "t", "team_id": "t", "model": "m",
        "messages": [said(0.1, "delegate_task_to_member", "delegate_task_to_member"), said(0.1)],
        "tools": [
            tool("delegate_task_to_member-0", "delegate_task_to_member", 0.8, 0.01, tool_args={"member_id": "two"}),
            tool("delegate_task_to_member-1", "delegate_task_to_member", 0.8, 0.01, tool_args={"member_id": "gone"}),
        ],
    }  # fmt: skip
    below = [row("one", 1, 1, duration=0.1), row("two", 2, 1, duration=0.7), row("deep", 3, 2)]
    found = waterfall(row("t", 0, 0, kind="team"), below, {"t": run(leader)}, 0)
    assert told(found) == [
        ("run", "t", 0), ("model", "m", 1), ("tool", "delegate_task_to_member", 1), ("run", "two", 1),
        ("run", "deep", 2), ("tool", "delegate_task_to_member", 1), ("missing", NOT_STORED, 2), ("model", "m", 1),
        ("run", "one", 1),
    ]  # fmt: skip
    # The member began when it was asked for, not in the moment that Agno's clock of the call covers.
    assert began(found.lines[3]) == 0.1 and began(found.lines[7]) == 0.81


def test_steps_of_a_workflow_with_their_runs() -> None:
    def step(name: str, kind: str = "Step", **more: Any) -> dict[str, Any]:
        return {"step_name": name, "step_type": kind, "success": True, **more}

    raw = {
        "run_id": "w", "workflow_id": "w", "workflow_agent_run": {"run_id": "chat", "agent_id": "chat"},
        "step_results": [
            step("both", "Parallel", steps=[step("left", step_run_id="l"), step("right", step_run_id="r")]),
            step("again", "Loop", content="2 turns", steps=[step("try"), step("check"), step("try", success=False)]),
        ],
    }  # fmt: skip
    below = [row("l", 1, 1, duration=0.4), row("r", 2, 1, duration=0.2), row("chat", 3, 1), row("rest", 4, 1)]
    found = waterfall(row("w", 0, 0, kind="workflow"), below, {"w": run(raw)}, 0)
    assert told(found) == [
        ("run", "w", 0), ("run", "chat", 1), ("step", "both", 1), ("step", "left", 2), ("run", "l", 3),
        ("step", "right", 2), ("run", "r", 3), ("step", "again", 1), ("step", "try", 2), ("step", "check", 2),
        ("step", "try", 2), ("run", "rest", 1),
    ]  # fmt: skip
    assert [line.remark for line in found.lines if line.kind == "step"] == [
        "2 at once", "step", "step", "2 turns", "iteration 1", "iteration 1", "iteration 2",
    ]  # fmt: skip
    assert began(found.lines[4]) == began(found.lines[6]) == 0.0
    assert found.errors == 1 and found.lines[10].is_error


@pytest.mark.parametrize("time", [None, 0, -1, 1e300, float("nan"), float("inf"), 10**30])
def test_odd_times_draw_no_odd_bars(time: Any) -> None:
    raw = {
        "run_id": "a", "agent_id": "a", "messages": [said(time, "t", created_at=time)],
        "tools": [{"tool_call_id": "t-0", "tool_name": "t", "metrics": {"start_time": time, "duration": time}}],
    }  # fmt: skip
    found = waterfall(row("a", 0, 0, created_at=None, duration=time), [], {"a": run(raw)}, 0)
    assert all(line.x is None or (0 <= line.x <= 100 and LEAST <= (line.width or 0) <= 100) for line in found.lines)


def test_thousands_of_runs_in_each_other_are_bounded_and_need_no_stack() -> None:
    below = [row(f"r{n}", n, n) for n in range(1, 5_000)]
    found = waterfall(row("r0", 0, 0), below, {}, 7)
    assert len(found.lines) == ROWS and found.lines[-1].depth == DEPTH and found.left_out == 7
