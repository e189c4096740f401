"""Runs that wait for people: before a step, after it, for a choice, for the agent in it, when it failed."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentos.records import WorkflowRunOutput
from agentos.workflow import Condition, Loop, Router, Step, StepInput, Steps, Workflow
from tests.unit.workflow.parts import Echo, breaks, says


def paused(*steps: Any) -> tuple[Workflow, WorkflowRunOutput]:
    flow = Workflow(name="Flow", steps=list(steps))
    run: WorkflowRunOutput = flow.run("in", session_id="s1")
    assert run.status == "PAUSED"
    return flow, run


def asks(name: str, **review: Any) -> Step:
    return Step(name=name, executor=says(name), **({"requires_confirmation": True} | review))


def test_what_is_asked_is_in_the_run() -> None:
    _, run = paused(says("a"), asks("b", confirmation_message="Go on?"))
    assert (run.paused_step_index, run.paused_step_name, run.pause_kind) == (1, "b", "step")
    asked = run.step_requirements[0]
    assert (asked.step_name, asked.step_index, asked.step_type) == ("b", 1, "Step")
    assert asked.needs_confirmation and asked.confirmation_message == "Go on?"
    assert asked.step_input["previous_step_content"] == "a(in|None)"
    assert [output.step_name for output in run.step_results] == ["a"]


def test_confirmed() -> None:
    flow, run = paused(says("a"), asks("b"), says("z"))
    run.step_requirements[0].confirm()
    done = flow.continue_run(run)
    assert (done.status, done.content, done.run_id) == ("COMPLETED", "z(in|b(in|a(in|None)))", run.run_id)
    assert done.step_requirements[0].confirmed is True
    assert "paused_step_index" not in done.to_dict()
    assert "pause_kind" not in done.to_dict()


def test_undecided() -> None:
    flow, run = paused(asks("b"))
    with pytest.raises(ValueError, match="still waits for a decision on: b"):
        flow.continue_run(run)


def test_rejected_and_left_out() -> None:
    flow, run = paused(says("a"), asks("b"), says("z"))
    run.step_requirements[0].reject()
    assert flow.continue_run(run).content == "z(in|a(in|None))"


def test_rejected_and_cancelled() -> None:
    flow, run = paused(says("a"), asks("b", on_reject="cancel"), says("z"))
    run.step_requirements[0].reject()
    done = flow.continue_run(run)
    assert (done.status, [output.step_name for output in done.step_results]) == ("CANCELLED", ["a"])


def test_answers_reach_the_step_and_only_it() -> None:
    def answered(step_input: StepInput) -> str:
        return str(step_input.additional_data)

    fields = [{"name": "p", "field_type": "int", "description": "How many", "required": True}]
    asking = Step(name="b", executor=answered, requires_user_input=True, user_input_schema=fields)
    flow, run = paused(asking, answered)
    with pytest.raises(ValueError, match="p has to be int"):
        run.step_requirements[0].set_user_input(p="many")
    run.step_requirements[0].set_user_input(p=3)
    done = flow.continue_run(run)
    assert [output.content for output in done.step_results] == ["{'user_input': {'p': 3}}", "None"]


def test_an_agent_is_told_the_answers() -> None:
    echo = Echo()
    flow, run = paused(Step(name="b", agent=echo, requires_user_input=True))
    run.step_requirements[0].set_user_input(size="large")
    flow.continue_run(run)
    assert echo.requests[0].input == 'in\n\nThe user answered: {"size": "large"}'


@pytest.mark.parametrize(("several", "picked"), [(False, ["y"]), (True, ["y", "x"])])
def test_a_route_is_picked(several: bool, picked: list[str]) -> None:
    router = Router(
        name="r", choices=[says("x"), says("y")], requires_user_input=True, allow_multiple_selections=several
    )
    flow, run = paused(router, says("z"))
    asked = run.steps_requiring_route[0]
    assert asked.available_choices == ["x", "y"]
    with pytest.raises(ValueError, match="no choice 'q'"):
        asked.select("q")
    asked.select_multiple(picked)
    done = flow.continue_run(run)
    assert [output.step_name for output in done.step_results[0].steps] == picked


def test_one_route_only() -> None:
    _, run = paused(Router(name="r", choices=[says("x"), says("y")], requires_user_input=True))
    with pytest.raises(ValueError, match="Only one"):
        run.steps_requiring_route[0].select("x", "y")


@pytest.mark.parametrize(("yes", "content"), [(True, "i(in|None)"), (False, "e(in|None)")])
def test_a_condition_that_a_person_decides(yes: bool, content: str) -> None:
    condition = Condition(
        name="c", steps=[says("i")], else_steps=[says("e")], requires_confirmation=True, on_reject="else"
    )
    flow, run = paused(condition)
    asked = run.step_requirements[0]
    asked.confirm() if yes else asked.reject()
    assert flow.continue_run(run).content == content


def test_an_agent_in_a_step_asks() -> None:
    echo = Echo("P", status="PAUSED")
    flow, run = paused(says("a"), echo, says("z"))
    asked = run.step_requirements[0]
    assert (run.pause_kind, asked.requires_executor_input, asked.executor_type) == ("executor", True, "agent")
    assert (asked.executor_name, asked.executor_run_id) == ("P", run.embedded[0].run_id)
    decide(asked)
    done = flow.continue_run(run)
    assert done.content == "z(in|P went on)"
    assert [inner.status for inner in done.embedded] == ["COMPLETED"]
    assert done.embedded[0].run_id == asked.executor_run_id
    assert echo.resumed[0][0].raw["confirmation"] is True


@pytest.mark.parametrize(
    "container",
    [
        lambda inner: Steps(name="st", steps=[says("b"), *inner, says("c")]),
        lambda inner: Condition(name="st", steps=[says("b"), *inner, says("c")]),
        lambda inner: Loop(name="st", steps=[says("b"), *inner, says("c")], max_iterations=1),
        lambda inner: Router(name="st", choices=[[says("b"), *inner, says("c")]], selector=lambda _: "choice_1"),
    ],
    ids=["steps", "condition", "loop", "router"],
)
@pytest.mark.parametrize("kind", ["agent", "confirmation"])
def test_in_the_middle_of_a_container(container: Any, kind: str) -> None:
    inner = [Echo("P", status="PAUSED")] if kind == "agent" else [asks("P")]
    flow, run = paused(says("a"), container(inner), says("z"))
    partial = run.step_results[-1]
    assert (partial.step_name, partial.is_paused) == ("st", True)
    asked = run.step_requirements[-1]
    decide(asked) if kind == "agent" else asked.confirm()
    done = flow.continue_run(run)
    said = "P went on" if kind == "agent" else "P(in|b(in|a(in|None)))"
    assert (done.status, done.content) == ("COMPLETED", f"z(in|c(in|{said}))")
    assert not any(output.is_paused for output in done.step_results)


def test_in_the_second_round_of_a_loop() -> None:
    asked_in: list[int] = []

    def counts(step_input: StepInput) -> str:
        asked_in.append(1)
        return f"n{len(asked_in)}"

    flow, run = paused(Loop(name="l", steps=[counts, asks("q")], max_iterations=2))
    run.step_requirements[-1].confirm()
    run = flow.continue_run(run)
    assert run.status == "PAUSED"
    run.step_requirements[-1].confirm()
    done = flow.continue_run(run)
    assert done.status == "COMPLETED"
    assert [output.content for output in done.step_results[0].steps] == ["n1", "q(in|n1)", "n2", "q(in|n2)"]
    assert len(done.step_requirements) == 2


def test_a_step_left_out_of_a_container() -> None:
    flow, run = paused(Steps(name="st", steps=[says("b"), asks("q"), says("c")]))
    run.step_requirements[0].reject()
    assert flow.continue_run(run).content == "c(in|b(in|None))"


def test_a_failed_step_is_tried_again_or_left_out() -> None:
    flow, run = paused(says("a"), Step(name="x", executor=breaks, max_retries=0, on_error="pause"), says("z"))
    failed = run.error_requirements[0]
    assert (failed.error_message, failed.error_type, failed.decision) == ("broken", "ValueError", None)
    assert run.pause_kind is None
    failed.retry()
    run = flow.continue_run(run)
    assert [item.decision for item in run.error_requirements] == ["retry", None]
    run.error_requirements[-1].skip()
    done = flow.continue_run(run)
    assert (done.status, [output.step_name for output in done.step_results]) == ("COMPLETED", ["a", "x", "z"])


def test_an_output_is_accepted_changed_or_made_anew() -> None:
    echo = Echo()
    flow, run = paused(
        Step(name="b", agent=echo, requires_output_review=True, on_reject="retry", output_review_message="Good?"),
        says("z"),
    )
    assert run.steps_requiring_output_review[0].raw["step_output"]["content"] == "Echo heard: in"
    run.step_requirements[0].reject("too short")
    run = flow.continue_run(run)
    assert echo.requests[1].input == "in\n\nYour previous answer was rejected: too short"
    assert run.step_requirements[-1].retry_count == 1
    run.step_requirements[-1].edit("better")
    done = flow.continue_run(run)
    assert (done.content, len(done.step_results)) == ("z(in|better)", 2)


def test_an_output_is_made_anew_only_so_often() -> None:
    flow, run = paused(asks("b", requires_confirmation=False, requires_output_review=True, on_reject="retry"))
    for _ in range(3):
        run.step_requirements[-1].reject()
        run = flow.continue_run(run)
        assert run.status == "PAUSED"
    run.step_requirements[-1].reject()
    assert flow.continue_run(run).status == "CANCELLED"


def test_a_review_only_of_some_outputs() -> None:
    flow = Workflow(steps=[asks("b", requires_confirmation=False, requires_output_review=lambda output: False)])
    assert flow.run("in").status == "COMPLETED"


@pytest.mark.parametrize(
    ("policy", "status", "content"),
    [("approve", "COMPLETED", "z(in|b(in|None))"), ("skip", "COMPLETED", "z(in|None)"), ("cancel", "CANCELLED", None)],
)
def test_nobody_decided_in_time(policy: str, status: str, content: str | None) -> None:
    flow, run = paused(asks("b", timeout=60, on_timeout=policy), says("z"))
    assert not run.step_requirements[0].is_timed_out
    run.step_requirements[0].timeout_at = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    done = flow.continue_run(run)
    assert done.status == status
    assert content is None or done.content == content


def test_a_round_of_a_loop_is_looked_at() -> None:
    def said(step_input: StepInput) -> str:
        return str((step_input.additional_data or {}).get("rejection_feedback"))

    loop = Loop(name="l", steps=[said], max_iterations=3, requires_iteration_review=True, on_reject="retry")
    flow, run = paused(says("a"), loop, says("z"))
    asked = run.steps_requiring_output_review[0]
    assert (asked.step_type, asked.is_post_execution) == ("Loop", True)
    asked.reject("more")
    run = flow.continue_run(run)
    run.steps_requiring_output_review[0].confirm()
    done = flow.continue_run(run)
    assert (done.status, done.content) == ("COMPLETED", "z(in|more)")
    assert [output.content for output in done.step_results[1].steps] == ["None", "more"]


def test_a_router_whose_output_is_rejected_asks_for_another_route() -> None:
    router = Router(
        name="r",
        choices=[says("x"), says("y")],
        selector=lambda _: "x",
        requires_output_review=True,
        on_reject="retry",
    )
    flow, run = paused(router, says("z"))
    run.steps_requiring_output_review[0].reject()
    run = flow.continue_run(run)
    run.steps_requiring_route[0].select("y")
    run = flow.continue_run(run)
    run.steps_requiring_output_review[0].confirm()
    assert flow.continue_run(run).content == "z(in|y(in|None))"


def test_a_run_that_does_not_wait() -> None:
    flow = Workflow(steps=[says("a")])
    with pytest.raises(ValueError, match="only a paused run"):
        flow.continue_run(flow.run("in"))


def test_which_run() -> None:
    with pytest.raises(ValueError, match="Name the run"):
        Workflow(steps=[says("a")]).continue_run()


def test_events_of_a_pause_and_after_it() -> None:
    flow = Workflow(steps=[says("a"), asks("b")])
    events = [event.event for event in flow.run("in", stream=True, stream_events=True)]
    assert events[-2:] == ["StepPaused", "WorkflowPaused"]
    run = flow.run("in")
    run.step_requirements[0].confirm()
    events = [event.event for event in flow.continue_run(run, stream=True, stream_events=True)]
    assert events == [
        "WorkflowStarted",
        "StepContinued",
        "StepStarted",
        "StepOutput",
        "StepCompleted",
        "WorkflowCompleted",
    ]


def test_a_workflow_inside_cannot_ask() -> None:
    flow = Workflow(steps=[Workflow(name="Inner", steps=[asks("b")])])
    with pytest.raises(RuntimeError, match="cannot inside another"):
        flow.run("in")


def decide(asked: Any) -> None:
    """Confirm the tool that the agent in the step asks for."""
    raw = asked.raw["executor_requirements"][0]
    raw["confirmation"] = True
    raw["tool_execution"]["confirmed"] = True
