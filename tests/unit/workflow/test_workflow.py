"""Workflows without a database: what a run of one is, plain and as a stream."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from agentos.records import WorkflowRunOutput
from agentos.records.events import RunOutputEvent
from agentos.workflow import Parallel, Step, StepInput, StepOutput, Steps, Workflow, WorkflowExecutionInput
from tests.unit.workflow.parts import Echo, breaks, says


def run(*steps: Any, given: Any = "in", **options: Any) -> WorkflowRunOutput:
    done: WorkflowRunOutput = Workflow(name="Flow", steps=list(steps)).run(given, **options)
    return done


def names(events: Iterator[RunOutputEvent]) -> list[str | None]:
    return [event.event for event in events]


def test_steps_in_their_order() -> None:
    done = run(says("a"), Step(name="second", executor=says("b")), Echo())
    assert done.status == "COMPLETED"
    assert [output.step_name for output in done.step_results] == ["a", "second", "Echo"]
    assert done.content == "Echo heard: b(in|a(in|None))"


def test_what_is_stored_of_a_run() -> None:
    done = run(says("a"), Echo(), session_id="s1", user_id="ada", metadata={"m": 1})
    stored = done.to_dict()
    assert stored["input"] == "in"
    assert (stored["workflow_id"], stored["workflow_name"], stored["session_id"]) == ("flow", "Flow", "s1")
    assert (stored["user_id"], stored["metadata"], stored["content_type"]) == ("ada", {"m": 1}, "str")
    assert [stored[kind] for kind in ("images", "videos", "audio", "files")] == [[], [], [], []]
    assert "messages" not in stored
    inner = stored["step_executor_runs"][0]
    assert inner["parent_run_id"] == stored["run_id"]
    assert inner["workflow_step_id"] == stored["step_results"][1]["step_id"]
    assert inner["run_id"] == stored["step_results"][1]["step_run_id"]


def test_metrics_by_step() -> None:
    metrics = run(says("a"), Echo("One"), Parallel(Echo("Two"))).metrics
    assert metrics is not None and metrics.duration is not None and metrics.duration > 0
    assert {name: step.metrics.tokens for name, step in metrics.steps.items() if step.metrics} == {"One": 5, "Two": 5}


def test_steps_of_one_name_are_added_up() -> None:
    metrics = run(Echo("One"), Echo("One")).metrics
    assert metrics is not None
    assert metrics.steps["One"].metrics is not None and metrics.steps["One"].metrics.tokens == 10


def test_a_workflow_that_is_one_function() -> None:
    def whole(workflow: Workflow, given: WorkflowExecutionInput, topic: str, session_state: dict[str, Any]) -> str:
        session_state["seen"] = topic
        return f"{workflow.name}: {given.input} {topic}"

    state: dict[str, Any] = {}
    flow = Workflow(name="Flow", steps=whole, session_state=state)
    done = flow.run("in", topic="tea")
    assert (done.content, done.step_results) == ("Flow: in tea", [])
    assert flow.component_data()["steps"] == [{"name": "whole", "description": None, "type": "Callable"}]


def test_a_workflow_in_a_workflow() -> None:
    inner = Workflow(name="Inner", steps=[says("i"), Echo()])
    done = run(says("a"), inner, says("z"))
    output = done.step_results[1]
    assert (output.step_type, output.executor_type, output.executor_name) == ("Workflow", "workflow", "Inner")
    assert [item.step_name for item in output.steps] == ["i", "Echo"]
    embedded = done.embedded[0]
    assert (embedded.kind, embedded.parent_run_id, embedded.workflow_id) == ("workflow", done.run_id, "inner")
    assert embedded.embedded[0].component_id == "echo"
    assert done.content == f"z(in|{output.content})"


def test_a_workflow_without_steps() -> None:
    with pytest.raises(ValueError, match="no steps"):
        Workflow(name="Flow").run("in")


def test_a_step_that_stops_the_run() -> None:
    done = run(says("a", stop=True), says("b"))
    assert (done.status, len(done.step_results)) == ("COMPLETED", 1)


def test_a_failed_step_is_skipped() -> None:
    done = run(Step(name="x", executor=breaks, max_retries=0), says("z"))
    assert (done.status, done.step_results[0].success, done.step_results[0].error) == ("COMPLETED", False, "broken")


def test_a_fatal_failure() -> None:
    flow = Workflow(steps=[Step(name="x", executor=breaks, max_retries=0, on_error="fail")])
    with pytest.raises(ValueError, match="broken"):
        flow.run("in")


def test_a_stream_ends_with_the_error() -> None:
    flow = Workflow(steps=[says("a"), Step(name="x", executor=breaks, max_retries=0, on_error="fail")])
    seen: list[RunOutputEvent] = []
    with pytest.raises(ValueError, match="broken"):
        for event in flow.run("in", stream=True):
            seen.append(event)
    assert names(iter(seen)) == ["WorkflowStarted", "StepOutput", "StepError", "WorkflowError"]
    assert (seen[-1].error, seen[-1].error_type) == ("broken", "ValueError")


def test_a_stream() -> None:
    flow = Workflow(name="Flow", steps=[says("a"), Echo()])
    events = list(flow.run("in", stream=True, stream_events=True))
    assert names(iter(events)) == [
        "WorkflowStarted",
        "StepStarted",
        "StepOutput",
        "StepCompleted",
        "StepStarted",
        "RunContent",
        "StepCompleted",
        "WorkflowCompleted",
    ]
    last = events[-1]
    assert last.content == "Echo heard: a(in|None)"
    assert [item.step_name for item in last.step_results] == ["a", "Echo"]
    assert {event.raw.get("run_id") for event in events if event.event != "RunContent"} == {last.run_id}
    assert events[5].raw["workflow_run_id"] == last.run_id


def test_a_plain_stream_has_no_details() -> None:
    events = Workflow(steps=[says("a"), Echo()]).run("in", stream=True)
    assert names(events) == ["WorkflowStarted", "StepOutput", "RunContent", "WorkflowCompleted"]


def test_a_stream_without_the_agents_events() -> None:
    events = Workflow(steps=[Echo()], stream_executor_events=False).run("in", stream=True)
    assert names(events) == ["WorkflowStarted", "WorkflowCompleted"]


def test_on_an_event_loop() -> None:
    async def both() -> tuple[Any, list[Any]]:
        flow = Workflow(steps=[says("a"), Echo()])
        return (await flow.arun("in")).content, [event.event async for event in flow.arun("in", stream=True)]

    content, events = asyncio.run(both())
    assert content == "Echo heard: a(in|None)"
    assert events == ["WorkflowStarted", "StepOutput", "RunContent", "WorkflowCompleted"]


def test_cancelled_between_steps() -> None:
    flow = Workflow(name="Flow")

    def cancels(step_input: StepInput) -> str:
        flow.cancel_run("r1")
        return "a"

    flow.steps = [cancels, says("b")]
    done = flow.run("in", run_id="r1")
    assert (done.status, [output.step_name for output in done.step_results]) == ("CANCELLED", ["cancels"])
    assert "r1" in done.content_text


def test_cancelled_while_an_asynchronous_step_waits() -> None:
    async def forever(step_input: StepInput) -> str:
        await asyncio.sleep(60)
        return "never"

    flow = Workflow(steps=[forever])
    threading.Timer(0.2, flow.cancel_run, ["r2"]).start()
    assert flow.run("in", run_id="r2").status == "CANCELLED"


def test_what_a_cancelled_step_has_said_is_kept() -> None:
    flow = Workflow(name="Flow")

    def speaks(step_input: StepInput) -> Iterator[Any]:
        yield "half"
        flow.cancel_run("r3")
        yield " and the rest"

    flow.steps = [Steps(name="row", steps=[says("a"), speaks])]
    done = flow.run("in", run_id="r3")
    row = done.step_results[0]
    assert (done.status, row.step_name, row.success, row.is_paused) == ("CANCELLED", "row", False, False)
    assert [output.content for output in row.steps] == ["a(in|None)", "half"]


def test_an_asynchronous_stream_is_read_once_and_may_be_awaited() -> None:
    async def names_in_two_parts() -> tuple[list[Any], list[Any]]:
        stream = await Workflow(steps=[says("a")]).arun("in", stream=True)
        first = [(await anext(stream)).event]
        return first, [event.event async for event in stream]

    first, rest = asyncio.run(names_in_two_parts())
    assert (first, rest) == (["WorkflowStarted"], ["StepOutput", "WorkflowCompleted"])


def test_events_have_classes() -> None:
    from agentos.workflow.events import EVENT_CLASSES, StepOutputEvent

    events = list(Workflow(steps=[says("a")]).run("in", stream=True))
    assert [type(event).__name__ for event in events] == [
        "WorkflowStartedEvent",
        "StepOutputEvent",
        "WorkflowCompletedEvent",
    ]
    assert isinstance(events[1], StepOutputEvent)
    assert EVENT_CLASSES["StepOutput"](content="x").event == "StepOutput"


def test_a_caller_that_goes_away_cancels() -> None:
    ran: list[str] = []

    def last(step_input: StepInput) -> str:
        ran.append("last")
        return "x"

    stream = Workflow(steps=[says("a"), last]).run("in", stream=True)
    next(stream)
    next(stream)
    stream.close()
    assert ran == []


def test_a_model_as_input_and_between_steps() -> None:
    from pydantic import BaseModel

    class Order(BaseModel):
        item: str

    def double(step_input: StepInput) -> StepOutput:
        return StepOutput(content=Order(item=step_input.input.item * 2))

    flow = Workflow(steps=[double, Echo(), double], input_schema=Order)
    done = flow.run({"item": "x"})
    assert done.input == {"item": "x"}
    assert done.step_results[1].content == 'Echo heard: {"item": "xx"}'
    assert isinstance(done.content, Order)
    assert done.content_type == "Order"


def test_no_chat_agent_in_front() -> None:
    with pytest.raises(ValueError, match="chat agent"):
        Workflow(agent=Echo(), steps=[says("a")])


def test_printed(capsys: pytest.CaptureFixture[str]) -> None:
    flow = Workflow(steps=[says("a"), Echo()])
    flow.print_response("in")
    whole = capsys.readouterr().out
    flow.print_response("in", stream=True)
    asyncio.run(flow.aprint_response("in"))
    assert "— a —\na(in|None)" in whole
    assert "— Echo —\n…" in capsys.readouterr().out
