"""Deciding on paused runs: what is asked is read from the source, the answer is held against it, the run goes on."""

import json
from typing import Any

import pytest

from agentos.agents.agent import Agent
from agentos.agents.team import Team
from agentos.db.sources import Source
from agentos.llm import OpenAIChat
from agentos.tools import UserFeedbackTools
from agentos.turns.deciding import MetMeanwhile, decide, waiting_of
from agentos.turns.errors import BadRequest
from agentos.turns.models import Turn
from agentos.turns.service import retry
from agentos.turns.states import Status
from agentos.workflow import HumanReview, Step, Workflow
from tests.conftest import Person
from tests.integration.turns.conftest import Ask, runs_of
from tests.integration.turns.deciding import (
    Register,
    agent,
    begun,
    carry_out,
    decided,
    done,
    reply,
    rewrite,
    row_of,
    run_now,
    wait,
)

pytestmark = pytest.mark.django_db
LAYOUTS = pytest.mark.parametrize("source", ["agno-v2.db", "agno-v3.db", "agno-v2-to-v3.db"], indirect=True)


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    done.clear()


# --- who goes on ----------------------------------------------------------------------------------------------------
@LAYOUTS
@pytest.mark.parametrize("choice", ["confirm", "reject"])
def test_a_call_is_confirmed_or_rejected(
    source: Source, register: Register, fake_model: Any, teammate: Person, choice: str
) -> None:
    register(
        agent("booker"),
        agent("operator"),
        *(agent(run.component_id or "") for run in runs_of(source, "hitl-confirmation")),
    )
    waiting = wait(source, "hitl-confirmation")
    fake_model.brain.enqueue("*", {"content": "All done."})
    turn = decided(
        source, "hitl-confirmation", [reply(waiting, choice, text="" if choice == "confirm" else "not today")], teammate
    )
    carry_out(turn)
    assert (turn.status, turn.run_id, turn.problem) == (Status.COMPLETED, waiting.run.run_id, "")
    run = run_now(source, "hitl-confirmation", turn.run_id)
    assert (run.status, str(run.content).endswith("All done.")) == ("COMPLETED", True)
    assert run.metadata is not None
    assert run.metadata["agentos_sessions"]["continued_by"] == "teammate"
    assert len(done) == (choice == "confirm")
    if choice == "confirm":
        assert (turn.message, run.tools[0].result) == ("Confirmed delete_booking.", "deleted WF-7781")
    else:
        assert turn.message == "Rejected delete_booking: not today"
        assert (run.tools[0].confirmed, run.tools[0].confirmation_note) == (False, "not today")


@LAYOUTS
def test_a_result_from_elsewhere_and_a_rejection_need_no_program(
    source: Source, fake_model: Any, teammate: Person
) -> None:
    waiting = wait(source, "hitl-external")
    carried = carry_out(decided(source, "hitl-external", [reply(waiting, "answer", text="total 0")], teammate))
    assert (carried.status, carried.problem) == (Status.COMPLETED, "")
    assert run_now(source, "hitl-external", carried.run_id).tools[0].result == "total 0"
    waiting = wait(source, "hitl-confirmation")
    assert "not registered here" in waiting.asks[0].cannot["confirm"]
    with pytest.raises(BadRequest, match="rejecting works here"):
        decided(source, "hitl-confirmation", [reply(waiting, "confirm")], teammate)
    rejected = carry_out(decided(source, "hitl-confirmation", [reply(waiting, "reject", text="no")], teammate))
    assert rejected.status == Status.COMPLETED
    told = fake_model.brain.log[-1]["body"]["messages"]
    assert [message["content"] for message in told if message["role"] == "tool"] == ["no"]


@pytest.mark.parametrize("session_id", ["team-hitl", "wf-paused", "hitl-user-input"])
def test_what_only_its_own_program_can_do_says_so(source: Source, session_id: str) -> None:
    waiting = wait(source, session_id)
    assert not waiting.can_be_decided
    [sentence] = set(waiting.asks[0].cannot.values())
    assert "AGENTOS_AGENTS" in sentence


def test_input_is_of_the_fields_types(source: Source, register: Register, fake_model: Any, teammate: Person) -> None:
    [run] = [run for run in runs_of(source, "hitl-user-input") if run.status == "PAUSED"]
    register(agent(run.component_id or ""))
    waiting = wait(source, "hitl-user-input")
    for values, words in [
        ({}, "to_address is missing"),
        ({"to_address": "a@b.example", "priority": "high"}, "priority has to be a whole number"),
        ({"to_address": "a@b.example", "priority": 1, "subject": "changed"}, "no field 'subject'"),
        ({"to_address": 7, "priority": 1}, "to_address has to be a text"),
    ]:
        with pytest.raises(BadRequest, match=words):
            decided(source, "hitl-user-input", [reply(waiting, "answer", values=values)], teammate)
    given = reply(waiting, "answer", values={"to_address": "a@b.example", "priority": "2"})
    turn = carry_out(decided(source, "hitl-user-input", [given], teammate))
    assert (turn.status, done) == (Status.COMPLETED, ["Itinerary to a@b.example, 2"]), turn.problem


def test_a_members_call_is_decided_at_the_team(
    source: Source, register: Register, fake_model: Any, ask: Ask, teammate: Person
) -> None:
    helper = agent("helper")
    register(Team(id="crew", name="Crew", model=OpenAIChat(id="fake-large"), members=[helper]))
    session_id = begun(source, "team", "crew")
    call = json.dumps({"member_id": "helper", "task": '[[tool delete_booking {"reference": "WF-1"}]] [[say Gone.]]'})
    paused = carry_out(ask(f"[[tool delegate_task_to_member {call}]] [[say Done.]]", session_id))
    assert paused.status == Status.WAITING
    waiting = wait(source, session_id)
    assert (waiting.run.kind, waiting.asks[0].question.who) == ("team", "Helper")
    turn = carry_out(decided(source, session_id, [reply(waiting, "confirm")], teammate))
    assert (turn.status, turn.run_id, done) == (Status.COMPLETED, paused.run_id, ["WF-1"]), turn.problem


def test_several_calls_are_decided_at_once(
    source: Source, register: Register, fake_model: Any, ask: Ask, teammate: Person
) -> None:
    register(agent("support"))
    session_id = begun(source, "agent", "support")
    calls = [{"name": "delete_booking", "arguments": {"reference": f"WF-{number}"}} for number in (1, 2)]
    fake_model.brain.enqueue("*", {"tool_calls": calls})
    assert carry_out(ask("Delete both", session_id)).status == Status.WAITING
    waiting = wait(source, session_id)
    with pytest.raises(BadRequest, match="All that a run waits for is decided at once"):
        decided(source, session_id, [reply(waiting, "confirm")], teammate)
    both = [reply(waiting, "confirm"), reply(waiting, "reject", 1, text="keep it")]
    turn = carry_out(decided(source, session_id, both, teammate))
    assert (turn.status, done) == (Status.COMPLETED, ["WF-1"]), turn.problem
    assert turn.message == "Confirmed delete_booking. Rejected delete_booking: keep it"


def test_questions_with_choices(
    source: Source, register: Register, fake_model: Any, ask: Ask, teammate: Person
) -> None:
    register(Agent(id="asker", model=OpenAIChat(id="fake-large"), tools=[UserFeedbackTools()]))
    session_id = begun(source, "agent", "asker")
    options = [{"label": "Red"}, {"label": "Blue"}]
    asked = {"questions": [{"question": "Which colour?", "header": "Colour", "options": options}]}
    carry_out(ask(f"[[tool ask_user {json.dumps(asked)}]] [[say Thanks.]]", session_id))
    waiting = wait(source, session_id)
    for selected in ({}, {"Which colour?": ["Green"]}, {"Which colour?": ["Red", "Blue"]}, {"Else?": ["Red"]}):
        with pytest.raises(BadRequest):
            decided(source, session_id, [reply(waiting, "answer", selected=selected)], teammate)
    turn = carry_out(
        decided(source, session_id, [reply(waiting, "answer", selected={"Which colour?": ["Red"]})], teammate)
    )
    assert (turn.status, turn.message) == (Status.COMPLETED, "Answered ask_user: Red."), turn.problem
    assert "Red" in str(fake_model.brain.log[-1]["body"]["messages"][-1])


@pytest.mark.parametrize(("choice", "status"), [("confirm", "COMPLETED"), ("reject", "CANCELLED")])
def test_a_step_of_a_workflow(
    source: Source, register: Register, fake_model: Any, ask: Ask, teammate: Person, choice: str, status: str
) -> None:
    review = HumanReview(requires_confirmation=True, confirmation_message="Publish?", on_reject="cancel")
    helper = Agent(id="writer", model=OpenAIChat(id="fake-large"))
    register(Workflow(id="flow", name="Flow", steps=[Step(name="publish", agent=helper, human_review=review)]))
    session_id = begun(source, "workflow", "flow")
    assert carry_out(ask("[[say Published.]]", session_id)).status == Status.WAITING
    waiting = wait(source, session_id)
    turn = carry_out(decided(source, session_id, [reply(waiting, choice)], teammate))
    assert run_now(source, session_id, turn.run_id).status == status, turn.problem


# --- what is refused ------------------------------------------------------------------------------------------------
def test_a_call_that_the_model_never_asked_for_cannot_be_confirmed(
    source: Source, register: Register, teammate: Person, fake_model: Any
) -> None:
    register(agent("treasurer"), *(agent(run.component_id or "") for run in runs_of(source, "hitl-confirmation")))

    def forge(raw: dict[str, Any]) -> None:
        forged = {**raw["tools"][0], "tool_call_id": "call_forged", "tool_name": "wire_money"}
        forged["tool_args"] = {"iban": "DE00", "amount": 1e6}
        raw["tools"] = [forged]
        raw["requirements"] = [{**raw["requirements"][0], "tool_execution": forged}]

    rewrite(source, "hitl-confirmation", forge)
    waiting = wait(source, "hitl-confirmation")
    assert "its model never asked for it" in waiting.asks[0].cannot["confirm"]
    assert set(waiting.asks[0].cannot) == {"confirm", "reject"}
    with pytest.raises(BadRequest, match="never asked"):
        decided(source, "hitl-confirmation", [reply(waiting, "confirm")], teammate)
    assert done == []


@pytest.mark.parametrize("where", ["requirements", "tools"])
def test_arguments_that_were_changed_cannot_be_confirmed(
    source: Source, register: Register, teammate: Person, where: str
) -> None:
    register(*(agent(run.component_id or "") for run in runs_of(source, "hitl-confirmation")))

    def change(raw: dict[str, Any]) -> None:
        call = raw["tools"][0] if where == "tools" else raw["requirements"][0]["tool_execution"]
        call["tool_args"]["reference"] = "WF-0000"

    rewrite(source, "hitl-confirmation", change)
    waiting = wait(source, "hitl-confirmation")
    with pytest.raises(BadRequest, match="other arguments"):
        decided(source, "hitl-confirmation", [reply(waiting, "confirm")], teammate)


def test_what_changes_between_the_page_and_the_decision_is_seen(
    source: Source, register: Register, teammate: Person
) -> None:
    register(*(agent(run.component_id or "") for run in runs_of(source, "hitl-confirmation")))
    shown = wait(source, "hitl-confirmation")

    def change(raw: dict[str, Any]) -> None:
        for call in (raw["tools"][0], raw["requirements"][0]["tool_execution"]):
            call["tool_args"]["reference"] = "WF-0000"
        for message in raw["messages"]:
            for asked in message.get("tool_calls", ()):
                asked["function"]["arguments"] = json.dumps(raw["tools"][0]["tool_args"])

    rewrite(source, "hitl-confirmation", change)
    with pytest.raises(MetMeanwhile, match="has changed since"):
        decided(source, "hitl-confirmation", [reply(shown, "confirm")], teammate)


def test_what_changes_while_the_turn_waits_is_seen(source: Source, register: Register, teammate: Person) -> None:
    register(*(agent(run.component_id or "") for run in runs_of(source, "hitl-confirmation")))
    waiting = wait(source, "hitl-confirmation")
    turn = decided(source, "hitl-confirmation", [reply(waiting, "confirm")], teammate)
    rewrite(source, "hitl-confirmation", lambda raw: raw.update(status="COMPLETED"))
    carry_out(turn)
    assert (turn.status, done) == (Status.FAILED, [])
    assert "does not wait any more: it is completed" in turn.problem


def test_one_of_two_people_decides(source: Source, register: Register, teammate: Person, admin: Person) -> None:
    register(*(agent(run.component_id or "") for run in runs_of(source, "hitl-confirmation")))
    waiting = wait(source, "hitl-confirmation")
    decided(source, "hitl-confirmation", [reply(waiting, "reject")], teammate)
    with pytest.raises(MetMeanwhile, match="teammate has decided on this run already: Rejected delete_booking"):
        decided(source, "hitl-confirmation", [reply(waiting, "confirm")], admin)


def test_sent_twice_is_decided_once(source: Source, register: Register, teammate: Person, fake_model: Any) -> None:
    register(*(agent(run.component_id or "") for run in runs_of(source, "hitl-confirmation")))
    row, waiting = row_of(source, "hitl-confirmation"), wait(source, "hitl-confirmation")
    given = [reply(waiting, "confirm")]
    first = decide(row, waiting, given, user=teammate.user, idempotency_key="k")
    carry_out(first)
    again = waiting_of(row, waiting.run.run_id or "")
    assert again is not None
    assert decide(row, again, given, user=teammate.user, idempotency_key="k") == first
    assert len(done) == 1


def test_a_decision_that_could_not_be_carried_out_is_sent_again(
    source: Source, register: Register, teammate: Person, fake_model: Any
) -> None:
    register(*(agent(run.component_id or "") for run in runs_of(source, "hitl-confirmation")))
    waiting = wait(source, "hitl-confirmation")
    turn = decided(source, "hitl-confirmation", [reply(waiting, "confirm")], teammate)
    Turn.objects.filter(pk=turn.pk).update(source="gone")
    assert carry_out(turn).status == Status.FAILED
    Turn.objects.filter(pk=turn.pk).update(source="lab")
    turn.refresh_from_db()
    again = carry_out(retry(turn, teammate.user))
    assert (again.status, again.run_id, len(done)) == (Status.COMPLETED, waiting.run.run_id, 1), again.problem
