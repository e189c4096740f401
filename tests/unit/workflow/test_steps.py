"""Steps and what holds them: what each is given, what it gives back, and what happens when one fails."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from agentos.records import Image
from agentos.records.events import RunOutputEvent
from agentos.workflow import (
    Condition,
    HumanReview,
    Loop,
    Parallel,
    Router,
    Step,
    StepInput,
    StepOutput,
    StepProgress,
    Steps,
)
from tests.unit.workflow.parts import Echo, breaks, says


def texts(output: StepOutput) -> list[Any]:
    return [inner.content for inner in output.steps]


def given(value: Any = "in", **values: Any) -> StepInput:
    return StepInput(input=value, **values)


def test_a_function_is_a_step() -> None:
    output = Step(name="one", executor=says("f")).execute(given())
    assert output.content == "f(in|None)"
    assert (output.step_name, output.step_type, output.executor_type, output.executor_name) == (
        "one",
        "Step",
        "function",
        "f",
    )
    assert output.success and not output.stop
    assert output.step_run_id is None


def test_an_output_has_every_key() -> None:
    stored = Step(name="one", executor=says("f")).execute(given()).to_dict()
    assert (
        list(stored)
        == (
            "content step_name step_id step_type executor_type executor_name step_run_id "
            "images videos audio files metrics success error stop is_paused"
        ).split()
    )


def test_exactly_one_executor() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Step(name="none")
    with pytest.raises(ValueError, match="exactly one"):
        Step(name="two", agent=Echo(), executor=says("f"))


def test_a_keyword_that_is_no_setting() -> None:
    with pytest.raises(TypeError, match="requires_magic"):
        Step(name="one", executor=says("f"), requires_magic=True)


def test_settings_of_the_review_beside_it() -> None:
    step = Step(name="one", executor=says("f"), requires_confirmation=True, on_reject="cancel")
    assert step.human_review == HumanReview(requires_confirmation=True, on_reject="cancel")


@pytest.mark.parametrize("value", ["text", {"a": 1}, ["x"], None])
def test_whatever_a_function_returns_is_the_content(value: Any) -> None:
    assert Step(name="one", executor=lambda _: value).execute(given()).content == value


def test_functions_get_the_state_they_ask_for() -> None:
    def by_state(step_input: StepInput, session_state: dict[str, Any]) -> str:
        session_state["seen"] = True
        return "ok"

    def by_context(step_input: StepInput, run_context: Any) -> str:
        return f"{run_context.session_id} {run_context.session_state['seen']}"

    state: dict[str, Any] = {}
    output = Steps(steps=[by_state, by_context]).execute(given(), "s1", session_state=state)
    assert texts(output) == ["ok", "s1 True"]
    assert state == {"seen": True}


def test_an_asynchronous_function_on_a_loop_of_its_own() -> None:
    async def slowly(step_input: StepInput) -> str:
        await asyncio.sleep(0.01)
        return "done"

    assert Step(name="one", executor=slowly).execute(given()).content == "done"


def test_an_asynchronous_function_on_the_callers_loop() -> None:
    seen: list[Any] = []

    async def slowly(step_input: StepInput) -> str:
        seen.append(asyncio.get_running_loop())
        return "done"

    async def caller() -> StepOutput:
        seen.append(asyncio.get_running_loop())
        return await Step(name="one", executor=slowly).aexecute(given())

    assert asyncio.run(caller()).content == "done"
    assert seen[0] is seen[1]


def test_an_asynchronous_function_called_plainly_inside_a_running_loop() -> None:
    async def slowly(step_input: StepInput) -> str:
        return "done"

    async def caller() -> StepOutput:
        return Step(name="one", executor=slowly).execute(given())

    assert asyncio.run(caller()).content == "done"


def test_generators() -> None:
    def whole(step_input: StepInput) -> Iterator[Any]:
        yield "x"
        yield StepOutput(content="end")

    def pieces(step_input: StepInput) -> Iterator[str]:
        yield "x"
        yield "y"

    async def later(step_input: StepInput) -> AsyncIterator[str]:
        yield "p"
        yield "q"

    assert texts(Steps(steps=[whole, pieces, later]).execute(given())) == ["end", "xy", "pq"]


def test_a_generator_says_how_far_it_is() -> None:
    def slowly(step_input: StepInput) -> Iterator[Any]:
        yield StepProgress(content="half", data={"done": 50})
        yield "end"

    *items, output = Step(name="one", executor=slowly).execute_stream(given())
    assert isinstance(output, StepOutput)
    events = [item for item in items if isinstance(item, RunOutputEvent)]
    assert [event.event for event in events] == ["StepStarted", "StepProgress", "StepOutput", "StepCompleted"]
    assert events[1].raw["data"] == {"done": 50}


def test_an_agent_is_asked_with_what_was_said_before() -> None:
    echo = Echo()
    output = Steps(steps=[echo, echo]).execute(given({"q": 1}), "s1")
    assert [request.input for request in echo.requests] == [{"q": 1}, "Echo heard: {'q': 1}"]
    assert output.steps[1].step_run_id == echo.requests[1].run_id
    assert output.steps[1].executor_type == "agent"
    assert output.steps[1].metrics is not None and output.steps[1].metrics.tokens == 5


def test_an_agent_after_steps_side_by_side_hears_all() -> None:
    echo = Echo()
    Steps(steps=[Parallel(says("a"), says("b")), echo]).execute(given())
    assert echo.requests[0].input == "=== a ===\na(in|None)\n\n=== b ===\nb(in|None)"


def test_an_agents_event_says_where_it_is() -> None:
    event = next(
        event
        for event in Step(name="one", agent=Echo()).execute_stream(given())
        if isinstance(event, RunOutputEvent) and event.event == "RunContent"
    )
    assert event.raw["step_name"] == "one"
    assert event.raw["step_index"] == 0
    assert "workflow_run_id" in event.raw


def test_media_are_handed_on() -> None:
    picture = Image(id="i1", url="https://example.org/a.png")
    made = Image(id="i2", url="https://example.org/b.png")
    echo = Echo()
    Steps(steps=[says("a", images=[made]), echo]).execute(given(images=[picture]))
    assert [image.id for image in echo.requests[0].images] == ["i1", "i2"]


def test_a_step_is_tried_again() -> None:
    tries: list[int] = []

    def flaky(step_input: StepInput) -> str:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError("not yet")
        return "at last"

    assert Step(name="one", executor=flaky, max_retries=2).execute(given()).content == "at last"


def test_a_step_that_may_fail() -> None:
    output = Step(name="one", executor=breaks, max_retries=0, skip_on_failure=True).execute(given())
    assert (output.success, output.error) == (False, "broken")


def test_a_failed_agent_fails_its_step() -> None:
    with pytest.raises(RuntimeError, match="heard"):
        Step(name="one", agent=Echo(status="ERROR"), max_retries=1).execute(given())


def test_steps_end_with_one_that_stops() -> None:
    output = Steps(name="row", steps=[says("a", stop=True), says("b")]).execute(given())
    assert texts(output) == ["a(in|None)"]
    assert output.stop


def test_steps_end_with_one_that_fails() -> None:
    output = Steps(name="row", steps=[Step(name="x", executor=breaks, max_retries=0), says("b")]).execute(given())
    assert [inner.success for inner in output.steps] == [False]
    assert (output.success, output.steps[0].error) == (False, "broken")


def test_a_step_inside_whose_failure_is_fatal() -> None:
    bad = Step(name="x", executor=breaks, max_retries=0, on_error="fail")
    with pytest.raises(ValueError, match="broken"):
        Steps(steps=[bad]).execute(given())


def test_a_container_in_which_no_failure_is_taken() -> None:
    bad = Step(name="x", executor=breaks, max_retries=0)
    with pytest.raises(ValueError, match="broken"):
        Condition(steps=[bad], on_error="fail").execute(given())


def test_a_loop_begins_anew_each_time() -> None:
    output = Loop(name="l", steps=[says("a"), says("b")], max_iterations=2).execute(given())
    assert texts(output) == ["a(in|None)", "b(in|a(in|None))"] * 2
    assert output.executor_type is None


def test_a_loop_hands_on() -> None:
    output = Loop(steps=[says("a")], max_iterations=2, forward_iteration_output=True).execute(given())
    assert texts(output) == ["a(in|None)", "a(in|a(in|None))"]


def test_a_loop_ends_when_its_condition_holds() -> None:
    async def enough(outputs: list[StepOutput], session_state: dict[str, Any]) -> bool:
        session_state["n"] = session_state.get("n", 0) + 1
        return bool(session_state["n"] == 2)

    assert len(Loop(steps=[says("a")], max_iterations=9, end_condition=enough).execute(given()).steps) == 2


@pytest.mark.parametrize(("holds", "branch"), [(True, "if"), (False, "else")])
def test_a_condition_does_one_branch(holds: bool, branch: str) -> None:
    condition = Condition(name="c", evaluator=lambda _: holds, steps=[says("a")], else_steps=[says("b")])
    output = condition.execute(given())
    assert texts(output) == ["a(in|None)" if holds else "b(in|None)"]
    assert f"{branch} branch" in output.content


def test_a_condition_that_does_not_hold() -> None:
    output = Condition(name="c", evaluator=False, steps=[says("a")]).execute(given())
    assert "not met" in output.content
    assert "steps" not in output.to_dict()


@pytest.mark.parametrize(
    ("selection", "names"),
    [("a", ["a"]), (["b", "a"], ["b", "a"]), (None, []), ([["a"], "b"], ["a", "b"])],
)
def test_a_router_does_what_is_selected(selection: Any, names: list[str]) -> None:
    output = Router(name="r", choices=[says("a"), says("b")], selector=lambda _: selection).execute(given())
    assert [inner.step_name for inner in output.steps] == names


def test_a_router_takes_the_choice_itself() -> None:
    choices = [says("a"), Step(name="b", executor=says("x"))]
    router = Router(choices=choices, selector=lambda _, step_choices: step_choices[1])
    assert texts(router.execute(given())) == ["x(in|None)"]


def test_a_router_passes_over_what_is_no_choice(caplog: pytest.LogCaptureFixture) -> None:
    output = Router(name="r", choices=[says("a")], selector=lambda _: ["z", "a"]).execute(given())
    assert [inner.step_name for inner in output.steps] == ["a"]
    assert "no choice 'z'" in caplog.text


def test_side_by_side() -> None:
    def slow(name: str) -> Step:
        def function(step_input: StepInput) -> str:
            time.sleep(0.1)
            return name

        return Step(name=name, executor=function)

    began = time.perf_counter()
    output = Parallel(slow("a"), slow("b"), slow("c"), name="p").execute(given())
    assert time.perf_counter() - began < 0.29
    assert texts(output) == ["a", "b", "c"]
    assert output.content.startswith("## Parallel Execution Results\n\n### ✅ SUCCESS: a\na")
    assert (output.executor_type, output.executor_name) == ("parallel", "p")


def test_side_by_side_all_change_one_state() -> None:
    def add(key: str, number: int) -> Step:
        def function(step_input: StepInput, session_state: dict[str, Any], run_context: Any) -> str:
            session_state["sum"] += number
            session_state["deep"][key] = number
            run_context.session_state.pop(f"old_{key}")
            return key

        return Step(name=key, executor=function)

    state = {"sum": 10, "deep": {"x": 0}, "old_a": 1, "old_b": 1}
    Parallel(add("a", 1), add("b", 5)).execute(given(), session_state=state)
    assert state == {"sum": 16, "deep": {"x": 0, "a": 1, "b": 5}}


def test_one_of_several_side_by_side_fails() -> None:
    output = Parallel(says("a"), Step(name="x", executor=breaks, max_retries=0)).execute(given())
    assert [inner.success for inner in output.steps] == [True, False]
    assert not output.success
    assert "❌ FAILURE: x" in output.content


def test_nobody_can_be_asked_side_by_side() -> None:
    with pytest.raises(ValueError, match="inside Parallel"):
        Parallel(Step(name="ask", agent=Echo(status="PAUSED"))).execute(given())


def test_containers_in_containers() -> None:
    inner = Steps(name="in", steps=[says("b"), says("c")])
    seen: list[StepInput] = []

    def last(step_input: StepInput) -> str:
        seen.append(step_input)
        return "end"

    Steps(steps=[Parallel(says("a"), inner, name="p"), last]).execute(given())
    step_input = seen[0]
    assert step_input.get_last_step_content() == "c(in|b(in|None))"
    assert step_input.previous_step_content == "c(in|b(in|None))"
    assert step_input.get_step_content("a") == "a(in|None)"
    assert step_input.get_step_content("p") == {"a": "a(in|None)", "b": "b(in|None)", "c": "c(in|b(in|None))"}
    assert step_input.get_step_content("nobody") is None
    assert step_input.get_all_previous_content().startswith("=== p ===\n## Parallel")


def test_an_input_as_text_and_as_json() -> None:
    step_input = StepInput(
        input={"a": "ä"},
        previous_step_outputs={"x": StepOutput(step_name="x", content="said")},
        additional_data={"k": 1},
    )
    assert step_input.get_input_as_string() == '{\n  "a": "ä"\n}'
    again = StepInput.from_dict(step_input.to_dict())
    assert again.to_dict() == step_input.to_dict()
    assert again.get_step_content("x") == "said"


def test_events_of_containers() -> None:
    nested = Steps(name="row", steps=[Loop(name="l", steps=[says("a")], max_iterations=1), Condition([says("b")])])
    events = [event for event in nested.execute_stream(given()) if isinstance(event, RunOutputEvent)]
    assert [(event.event, event.step_index) for event in events if event.event != "StepOutput"] == [
        ("StepsExecutionStarted", 0),
        ("LoopExecutionStarted", [0, 0]),
        ("LoopIterationStarted", [0, 0]),
        ("StepStarted", [0, 0, 0]),
        ("StepCompleted", [0, 0, 0]),
        ("LoopIterationCompleted", [0, 0]),
        ("LoopExecutionCompleted", [0, 0]),
        ("ConditionExecutionStarted", [0, 1]),
        ("StepStarted", [0, 1, 0]),
        ("StepCompleted", [0, 1, 0]),
        ("ConditionExecutionCompleted", [0, 1]),
        ("StepsExecutionCompleted", 0),
    ]
    assert events[1].raw["parent_step_id"] == nested.step_id


def test_what_cannot_be_a_step() -> None:
    with pytest.raises(TypeError, match="int cannot be a step"):
        Steps(steps=[5])
