"""What a run does besides talking is told nested as deep as it is, within bounds."""

from typing import Any

from agentos.records.events import RunOutputEvent
from agentos.turns.steps import step_of
from sessions_ui.streaming.live import DEEPEST, nested


def step(event: str, run_id: str, **values: Any) -> dict[str, Any]:
    told = step_of(RunOutputEvent.from_dict({"event": event, "run_id": run_id, **values}), "top")
    assert told is not None
    return told


def shown(*steps: dict[str, Any]) -> list[tuple[str, int]]:
    return [(one["name"], one["depth"]) for one in nested(steps)]


def test_members_of_a_team_in_a_team() -> None:
    tool = {"tool_call_id": "c1", "tool_name": "look"}
    assert shown(
        step("ToolCallStarted", "top", tool={"tool_call_id": "c0", "tool_name": "delegate"}),
        step("TeamRunStarted", "sub", parent_run_id="top", team_id="sub", team_name="Sub-team"),
        step("RunStarted", "other", parent_run_id="top", agent_id="o", agent_name="Other"),
        step("RunStarted", "member", parent_run_id="sub", agent_id="m", agent_name="Member"),
        step("ToolCallStarted", "member", agent_id="m", agent_name="Member", tool=tool),
    ) == [("delegate", 0), ("Sub-team", 0), ("Member", 1), ("look", 2), ("Other", 0)]


def test_steps_of_a_workflow_in_a_workflow() -> None:
    at = {"step_id": "s", "step_name": "write", "step_index": 0}
    inner = {"step_id": "i", "step_name": "inner", "step_index": [0, 1]}
    assert shown(
        step("StepStarted", "top", workflow_run_id="top", **at),
        step("WorkflowStarted", "nested", parent_run_id="top", workflow_id="n", workflow_name="Nested", **at),
        step("StepStarted", "nested", workflow_run_id="nested", **inner),
        step("RunStarted", "agent", parent_run_id="nested", agent_id="a", agent_name="Writer", **inner),
        step("RunStarted", "direct", parent_run_id="top", agent_id="d", agent_name="Direct", **at),
    ) == [("write", 0), ("Nested", 1), ("inner", 2), ("Writer", 2), ("Direct", 1)]


def test_what_is_deeper_or_goes_round_is_shown_all_the_same() -> None:
    deep = [{"key": f"k{at}", "under": f"k{at - 1}" if at else "", "name": f"n{at}"} for at in range(40)]
    assert [depth for _, depth in shown(*deep)] == [*range(DEEPEST), *[DEEPEST] * (40 - DEEPEST)]
    round_ = [{"key": "a", "under": "b", "name": "a"}, {"key": "b", "under": "a", "name": "b"}]
    assert sorted(name for name, _ in shown(*round_)) == ["a", "b"]
    assert shown({"key": "x", "under": "cut away", "name": "x"}, {"key": "y", "name": "y"}) == [("x", 0), ("y", 0)]
