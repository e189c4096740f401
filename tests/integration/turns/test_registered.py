"""Components that AGENTOS_AGENTS names answer in their sessions; what they do is told while they do it."""

import sys
import types
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from agentos.agents import registry
from agentos.agents.agent import Agent
from agentos.agents.team import Team
from agentos.catalog.sync import refresh_session
from agentos.db.sources import Source
from agentos.db.writer import Writer
from agentos.llm import OpenAIChat
from agentos.records import Session
from agentos.turns.log import answer_so_far, steps_so_far
from agentos.turns.models import Turn
from agentos.turns.runner import run_turn
from agentos.turns.states import Status
from agentos.workflow import Step, Workflow
from sessions_ui.streaming.live import LiveTurn
from tests.conftest import Person
from tests.integration.turns.conftest import Ask, runs_of

pytestmark = pytest.mark.django_db
Register = Callable[..., str]
HOSTILE = "<img src=x onerror=alert(1)>\"'</code>"


@pytest.fixture
def register(settings: Settings) -> Iterator[Register]:
    """Call it with components by attribute; AGENTOS_AGENTS then names them. Returns the module's name."""
    names: list[str] = []

    def registered(**attributes: Any) -> str:
        name = f"registered_{uuid.uuid4().hex}"
        sys.modules[name] = types.ModuleType(name)
        vars(sys.modules[name]).update(attributes)
        names.append(name)
        settings.AGENTOS_AGENTS = ", ".join(f"{name}:{attribute}" for attribute in attributes)
        return name

    yield registered
    for name in names:
        del sys.modules[name]


def get_weather(city: str) -> str:
    """Say what the weather is."""
    if city == "nowhere":
        raise ValueError(f"There is no {HOSTILE}.")
    return f"Rain in {city}."


def support(**options: Any) -> Agent:
    return Agent(id="support", name="Support", model=OpenAIChat(id="fake-large"), tools=[get_weather], **options)


def begun(source: Source, kind: str, component_id: str) -> str:
    session_id = f"{component_id}-session"
    raw = {"session_id": session_id, "session_type": kind, f"{kind}_id": component_id, "user_id": "alice"}
    Writer(source).create_session(Session.from_dict(raw))
    refresh_session(source, session_id)
    return session_id


def carry_out(turn: Turn) -> Turn:
    run_turn(turn.pk)
    turn.refresh_from_db()
    return turn


def test_it_answers_with_its_tools_in_the_sessions_source(
    source: Source, ask: Ask, fake_model: Any, register: Register
) -> None:
    register(agent=support())
    session_id = begun(source, "agent", "support")
    turn = carry_out(ask('[[reason Hm.]] [[tool get_weather {"city": "Oslo"}]] [[say It rains.]]', session_id))
    assert (turn.status, turn.answering, turn.model) == (Status.COMPLETED, "Support", "fake-large"), turn.problem
    [run] = runs_of(source, session_id)
    assert (run.run_id, run.user_id, run.tools[0].result) == (str(turn.pk), "alice", "Rain in Oslo.")
    assert answer_so_far(turn) == "It rains.\n\nIt rains."
    steps = steps_so_far(turn, turn.last_seq)
    assert [(step["name"], step["state"]) for step in steps] == [("get_weather", "running"), ("get_weather", "ok")]
    live = LiveTurn.at(turn, turn.last_seq)
    assert len(live.steps) == 1
    assert "Rain in Oslo." in live.steps_html and "Completed" in live.steps_html


def test_a_tool_that_fails_is_told_and_nothing_of_it_becomes_markup(
    source: Source, ask: Ask, fake_model: Any, register: Register, teammate: Person
) -> None:
    register(agent=support())
    session_id = begun(source, "agent", "support")
    turn = carry_out(ask('[[tool get_weather {"city": "nowhere"}]] [[say Sorry.]]', session_id))
    [step] = LiveTurn.at(turn, turn.last_seq).steps.values()
    assert (step["state"], HOSTILE in step["result"]) == ("error", True)
    html = teammate.client.get(f"/turns/{turn.pk}/").content.decode()
    assert "<img src=x" not in html
    assert "&lt;img src=x onerror" in html


def test_a_team_tells_of_its_members_and_a_workflow_of_its_steps(
    source: Source, ask: Ask, fake_model: Any, register: Register
) -> None:
    helper = Agent(id="helper", name="Helper", model=OpenAIChat(id="fake-small"))
    crew = Team(id="crew", name="Crew", model=OpenAIChat(id="fake-large"), members=[helper])
    flow = Workflow(id="flow", name="Flow", steps=[Step(name="work", agent=helper)])
    register(everybody=[crew, flow])
    task = '[[tool delegate_task_to_member {"member_id": "helper", "task": "[[say From the helper.]]"}]]'
    turn = carry_out(ask(f"{task} [[say Done.]]", begun(source, "team", "crew")))
    assert (turn.status, answer_so_far(turn)) == (Status.COMPLETED, "Done.\n\nDone."), turn.problem
    found = LiveTurn.at(turn, turn.last_seq).steps.values()
    assert ("agent", "Helper", "ok") in [(step["kind"], step["name"], step["state"]) for step in found]
    turn = carry_out(ask("[[say From the step.]]", begun(source, "workflow", "flow")))
    assert (turn.status, answer_so_far(turn)) == (Status.COMPLETED, "From the step."), turn.problem
    found = LiveTurn.at(turn, turn.last_seq).steps.values()
    assert ("step", "work", "ok") in [(step["kind"], step["name"], step["state"]) for step in found]


def test_two_turns_do_not_share_what_a_run_leaves_in_the_object(
    source: Source, ask: Ask, fake_model: Any, register: Register
) -> None:
    agent = support(session_state={"count": 1})
    register(agent=agent)
    carry_out(ask("[[say one]]", begun(source, "agent", "support")))
    assert agent.db is None


def test_the_pane_says_who_answers(source: Source, register: Register, teammate: Person, viewer: Person) -> None:
    session_id = begun(source, "agent", "support")
    before = teammate.client.get(f"/sessions/lab/{session_id}/").content.decode()
    assert "No tools can be called here" in before
    name = register(agent=support())
    after = teammate.client.get(f"/sessions/lab/{session_id}/").content.decode()
    assert f"registered here as {name}:agent" in after
    limits, others = after.split('id="composer-limits"')[1].split("Who else can answer")
    assert "No tools can be called here" not in limits
    assert "its model alone" in others and "No tools can be called here" in others
    assert "Demo model." not in after


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nowhere.at.all:agent", "No module named"),
        ("agentos.agents.agent", "write module:attribute"),
        ("agentos.agents.agent:nothing", "has no attribute"),
        ("agentos.agents.agent:Agent", "is no agent, team or workflow"),
        ("tests.integration.turns.test_registered:get_weather", "a function is no agent"),
    ],
)
def test_what_cannot_be_loaded_is_a_sentence_of_doctors(settings: Settings, text: str, words: str) -> None:
    settings.AGENTOS_AGENTS = text
    assert registry.registered() == ()
    [sentence] = registry.problems()
    assert words in sentence
    with pytest.raises(CommandError):
        call_command("doctor")


def test_one_id_is_registered_once(register: Register) -> None:
    register(one=support(), two=support())
    assert len(registry.registered()) == 1
    assert "registered already" in registry.problems()[0]
