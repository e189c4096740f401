"""The run that is kept of an answer: every key that Agno wants, none that it cannot load."""

from typing import Any, cast

import pytest

from agentos.agents.answer import Component, Continuation
from agentos.agents.building import Answer, Question, build_run, sent_messages
from agentos.db.writer_check import check_writable
from agentos.llm.demo import DemoModel
from agentos.records import Message, Metrics, WorkflowRunOutput

USAGE = Metrics.from_dict({"input_tokens": 20, "output_tokens": 5, "total_tokens": 25})
DONE = Answer(status="COMPLETED", text="Fine.", usage=USAGE, duration=0.5, time_to_first_token=0.1, started_at=1000.7)
ENDS = [
    DONE,
    Answer(status="ERROR", text="Fi", problem="Try again.", started_at=1.0),
    Answer(status="ERROR", problem="Try again.", started_at=1.0),
    Answer(status="CANCELLED", text="Fi", started_at=1.0),
    Answer(status="CANCELLED", started_at=1.0),
    Answer(status="COMPLETED", started_at=1.0),
]


def who(kind: str = "agent", user_id: str | None = "alice", **changes: Any) -> Continuation:
    values: dict[str, Any] = {
        "session_id": "s",
        "user_id": user_id,
        "component": Component(kind, "c", "C"),
        "model": DemoModel(),
        "system_message": Message(role="system", content="Be brief."),
        "history": [Message(role="user", content="before"), Message(role="assistant", content="answered")],
        "session_state": {"stage": 1},
    }
    return Continuation(**(values | changes))


QUESTION = Question("How are you?", continued_by="dana")


@pytest.mark.parametrize("kind", ["agent", "team", "workflow"])
@pytest.mark.parametrize("answer", ENDS)
@pytest.mark.parametrize("user_id", ["alice", None])
def test_whatever_comes_of_it_agno_can_load_it(kind: str, answer: Answer, user_id: str | None) -> None:
    run = build_run(who(kind, user_id), QUESTION, answer, run_id="r")
    check_writable(run)
    assert (run.run_id, run.kind, run.component_id, run.component_name) == ("r", kind, "c", "C")
    assert run.status == answer.status
    assert ("user_id" in run.raw) == (user_id is not None)
    assert None not in run.raw.values()


def test_an_agents_run_in_full() -> None:
    run = build_run(who(), QUESTION, DONE, run_id="r")
    ids = [message.pop("id") for message in cast("list[dict[str, Any]]", run.raw["messages"])]
    assert len(set(ids)) == 3
    flags = {"from_history": False, "stop_after_tool_call": False, "created_at": 1000}
    tokens = {"input_tokens": 20, "output_tokens": 5, "total_tokens": 25}
    times = {"time_to_first_token": 0.1, "duration": 0.5}
    provider = "AgentOS Sessions demo"
    assert run.to_dict() == {
        "run_id": "r",
        "agent_id": "c",
        "agent_name": "C",
        "session_id": "s",
        "user_id": "alice",
        "input": {"input_content": "How are you?"},
        "content": "Fine.",
        "content_type": "str",
        "model": "demo",
        "model_provider": provider,
        "messages": [
            {"role": "system", "content": "Be brief.", **flags},
            {"role": "user", "content": "How are you?", **flags},
            {"role": "assistant", "content": "Fine.", "metrics": tokens | times, **flags},
        ],
        "metrics": {**tokens, **times, "details": {"model": [{"id": "demo", "provider": provider, **tokens}]}},
        "tools": [],
        "session_state": {"stage": 1},
        "metadata": {"agentos_sessions": {"continued_by": "dana"}},
        "created_at": 1000,
        "status": "COMPLETED",
    }


def test_the_key_that_tells_the_kind_is_there_without_an_id() -> None:
    run = build_run(who(component=Component("agent", "", None)), QUESTION, DONE, run_id="r")
    assert run.raw["agent_id"] == ""
    assert "agent_name" not in run.raw


def test_an_errors_content_is_what_to_do_and_the_messages_are_kept() -> None:
    run = build_run(who(), QUESTION, ENDS[1], run_id="r")
    assert run.content == "Try again."
    assert [message.text for message in run.messages] == ["Be brief.", "How are you?", "Fi"]
    assert len(build_run(who(), QUESTION, ENDS[2], run_id="r").messages) == 2


def test_a_stop_before_the_first_word_names_the_run() -> None:
    assert build_run(who(), QUESTION, ENDS[4], run_id="r").content == "Run r was cancelled"


def test_a_workflows_run_holds_the_run_of_its_step() -> None:
    run = build_run(who("workflow"), QUESTION, DONE, run_id="r")
    assert isinstance(run, WorkflowRunOutput)
    assert "messages" not in run.raw
    [step] = run.embedded
    [result] = run.step_results
    assert step.parent_run_id == "r"
    assert step.workflow_step_id == result.raw["step_id"]
    assert step.run_id == result.raw["step_run_id"]


def test_the_model_is_sent_history_that_is_not_stored() -> None:
    texts = [message.text for message in sent_messages(who(), QUESTION)]
    assert texts == ["Be brief.", "before", "answered", "How are you?"]
    stored = build_run(who(), QUESTION, DONE, run_id="r").messages
    assert "before" not in [message.text for message in stored]
