"""Workflows in sessions: what is stored, found again, and gone on with, in each kind of store."""

import asyncio
from typing import Any

import pytest

from agentos import Agent, Team, Workflow
from agentos.db.base import BaseDb
from agentos.records import TeamRunOutput, WorkflowRunOutput
from agentos.workflow import Parallel, Step, StepInput
from tests.integration.agents.conftest import ModelServer
from tests.unit.workflow.parts import breaks, says


def stored(flow: Workflow, session_id: str = "s1") -> list[WorkflowRunOutput]:
    session = flow.get_session(session_id)
    assert session is not None
    return [run for run in session.runs or [] if isinstance(run, WorkflowRunOutput)]


def test_a_run_is_found_again_as_it_was(store: BaseDb) -> None:
    flow = Workflow(name="Flow", db=store, steps=[says("a"), Parallel(says("b"), says("c"))])
    done = flow.run({"q": 1}, session_id="s1", user_id="ada")
    assert [run.to_dict() for run in stored(flow)] == [done.to_dict()]
    session = flow.get_session("s1")
    assert session is not None and session.workflow_data == flow.component_data()
    assert (session.workflow_id, session.user_id) == ("flow", "ada")


def test_state_outlives_the_run_without_its_transient_keys(store: BaseDb) -> None:
    def counts(step_input: StepInput, session_state: dict[str, Any]) -> str:
        session_state["n"] += 1
        return f"{session_state['n']} {session_state['workflow_name']} {session_state['current_session_id']}"

    flow = Workflow(name="Flow", db=store, steps=[counts], session_state={"n": 0})
    assert flow.run("in", session_id="s1").content == "1 Flow s1"
    assert flow.run("in", session_id="s1").content == "2 Flow s1"
    assert flow.get_session_state("s1") == {"n": 2}


def test_an_agents_run_is_inside_the_workflows(store: BaseDb, server: ModelServer) -> None:
    server.says("Hello.")
    agent = Agent(name="Greeter", model=server.model())
    flow = Workflow(name="Flow", db=store, steps=[Step(name="greet", agent=agent), says("z")])
    done = flow.run("Say hello", session_id="s1")
    assert done.content == "z(Say hello|Hello.)"
    run = stored(flow)[0]
    inner = run.embedded[0]
    assert (inner.parent_run_id, inner.workflow_id, inner.session_id) == (run.run_id, "flow", "s1")
    assert inner.workflow_step_id == run.step_results[0].step_id
    assert [message.role for message in inner.messages] == ["user", "assistant"]
    assert run.metrics is not None and run.metrics.steps["greet"].metrics is not None
    metrics = flow.get_session_metrics("s1")
    assert metrics is not None and metrics.tokens == run.metrics.steps["greet"].metrics.tokens


def test_executors_may_be_left_out(store: BaseDb, server: ModelServer) -> None:
    server.says("Hello.")
    steps = [Agent(name="Greeter", model=server.model())]
    flow = Workflow(db=store, steps=steps, store_executor_outputs=False)
    flow.run("in", session_id="s1")
    assert "step_executor_runs" not in stored(flow)[0].to_dict()


def test_a_teams_members_are_kept_inside(sqlite_store: BaseDb, server: ModelServer) -> None:
    member = Agent(name="Ada", model=server.model())
    team = Team(name="Crew", members=[member], model=server.model())
    server.calls(("delegate_task_to_member", {"member_id": "ada", "task": "count"}))
    server.says("Three.", "It is three.")
    flow = Workflow(db=sqlite_store, steps=[team])
    assert flow.run("How many?", session_id="s1").content == "It is three."
    inner = stored(flow)[0].embedded[0]
    assert isinstance(inner, TeamRunOutput)
    assert [run.component_name for run in inner.embedded] == ["Ada"]
    assert len(stored(flow)) == 1


def test_a_failed_run_is_kept(store: BaseDb) -> None:
    flow = Workflow(db=store, steps=[says("a"), Step(name="x", executor=breaks, max_retries=0, on_error="fail")])
    with pytest.raises(ValueError, match="broken"):
        flow.run("in", session_id="s1")
    with pytest.raises(ValueError, match="broken"):
        list(flow.run("in", session_id="s1", stream=True))
    assert [(run.status, run.content, len(run.step_results)) for run in stored(flow)] == [("ERROR", "broken", 1)] * 2


def test_events_are_kept_if_wanted(store: BaseDb) -> None:
    flow = Workflow(db=store, steps=[says("a")], store_events=True, events_to_skip=["StepStarted"])
    list(flow.run("in", session_id="s1", stream=True))
    flow.run("in", session_id="s1")
    first, second = stored(flow)
    assert [event["event"] for event in first.events] == [
        "WorkflowStarted",
        "StepOutput",
        "StepCompleted",
        "WorkflowCompleted",
    ]
    assert second.events == []


def test_history_for_the_steps(store: BaseDb, server: ModelServer) -> None:
    server.says("Hello.", "Again.")
    told: list[Any] = []

    def remembers(step_input: StepInput) -> str:
        told.append(step_input.get_workflow_history())
        return str(step_input.previous_step_content)

    flow = Workflow(
        db=store, steps=[Agent(model=server.model()), remembers], add_workflow_history_to_steps=True, num_history_runs=2
    )
    flow.run("one", session_id="s1")
    flow.run("two", session_id="s1")
    assert told == [[], [("one", "Hello.")]]
    question = server.last[-1][1]
    assert "one" in question and "Hello." in question and question.endswith("\ntwo")


def test_paused_and_continued_in_another_process(store: BaseDb) -> None:
    def flow() -> Workflow:
        asking = Step(name="b", executor=says("b"), requires_confirmation=True)
        return Workflow(name="Flow", db=store, steps=[says("a"), asking, says("z")])

    flow().run("in", session_id="s1")
    run = stored(flow())[0]
    assert run.is_paused
    run.step_requirements[0].confirm()
    done = flow().continue_run(run_id=run.run_id, session_id="s1", step_requirements=run.step_requirements)
    assert (done.status, done.content) == ("COMPLETED", "z(in|b(in|a(in|None)))")
    assert [again.to_dict() for again in stored(flow())] == [done.to_dict()]


def test_an_agent_in_a_step_waits_for_a_person(store: BaseDb, server: ModelServer) -> None:
    from agentos.tools import tool

    paid: list[int] = []

    @tool(requires_confirmation=True)
    def pay(amount: int) -> str:
        """Pay an amount."""
        paid.append(amount)
        return "paid"

    flow = Workflow(db=store, steps=[Agent(name="Clerk", model=server.model(), tools=[pay]), says("z")])
    server.calls(("pay", {"amount": 5}))
    run = flow.run("Pay 5", session_id="s1")
    assert (run.status, paid) == ("PAUSED", [])
    run.step_requirements[-1].executor_requirements[0].confirm()
    server.says("Done.")
    done = flow.continue_run(run)
    assert (done.status, done.content, paid) == ("COMPLETED", "z(Pay 5|Done.)", [5])
    inner = stored(flow)[0].embedded
    assert [item.status for item in inner] == ["COMPLETED"]
    assert inner[0].run_id == run.step_requirements[-1].executor_run_id


def test_named(store: BaseDb) -> None:
    flow = Workflow(name="Flow", description="Counts the stars", db=store, steps=[says("a")])
    flow.run("in", session_id="s1")
    assert (flow.set_session_name("s1", autogenerate=True).session_name or "").startswith("Counts the stars - ")
    assert flow.set_session_name("s1", session_name="Stars").session_name == "Stars"


def test_in_the_background(sqlite_store: BaseDb) -> None:
    async def slowly(step_input: StepInput) -> str:
        await asyncio.sleep(0.05)
        return "done"

    async def begun_and_ended() -> tuple[Any, Any]:
        flow = Workflow(db=sqlite_store, steps=[slowly])
        begun = await flow.arun("in", session_id="s1", background=True)
        for _ in range(100):
            run = await flow.aget_run_output(begun.run_id)
            if run.status == "COMPLETED":
                break
            await asyncio.sleep(0.02)
        return begun.status, run.content

    assert asyncio.run(begun_and_ended()) == ("PENDING", "done")


def test_a_caller_that_goes_away(store: BaseDb) -> None:
    flow = Workflow(db=store, steps=[says("a"), says("b")])
    stream = flow.run("in", session_id="s1", stream=True)
    next(stream)
    next(stream)
    stream.close()
    run = stored(flow)[0]
    assert run.status == "CANCELLED"


def test_media_may_be_left_out(store: BaseDb) -> None:
    from agentos.records import Image

    picture = Image(id="i1", url="https://example.org/a.png")
    flow = Workflow(db=store, steps=[Parallel(says("a", images=[picture]))], store_media=False)
    done = flow.run("in", session_id="s1")
    assert [image.id for image in done.images] == ["i1"]
    run = stored(flow)[0]
    assert run.images == [] and run.step_results[0].images == [] and run.step_results[0].steps[0].images == []
