"""Sessions with their runs, as programs use them."""

from datetime import datetime
from types import MappingProxyType
from typing import Any

import pytest

from agentos.records import (
    AgentSession,
    Message,
    RunInput,
    RunOutput,
    RunStatus,
    SessionSummary,
    TeamRunOutput,
    TeamSession,
    WorkflowRunOutput,
    WorkflowSession,
    as_session,
    session_class,
)


def said(number: int, **values: Any) -> RunOutput:
    messages = [Message(role="user", content=f"ask {number}"), Message(role="assistant", content=f"say {number}")]
    return RunOutput(
        **{"run_id": f"r{number}", "agent_id": "a", "status": RunStatus.completed, "messages": messages} | values
    )


def texts(messages: list[Message]) -> list[str]:
    return [message.text for message in messages]


def test_runs_are_a_list_that_can_be_changed() -> None:
    session = AgentSession("s", agent_id="a", session_data={"n": 1})
    session.runs.append(said(1))
    session.upsert_run(said(2))
    session.upsert_run(said(1, content="again"))
    assert [run.run_id for run in session.runs] == ["r1", "r2"]
    assert session.get_run("r1").content == "again"
    assert session.get_run("none") is None


def test_there_and_back() -> None:
    summary = SessionSummary(summary="Short", topics=["t"], updated_at=datetime(2026, 1, 2))
    session = AgentSession("s", user_id="u", metadata={"k": 1}, summary=summary, runs=[said(1)], created_at=5)
    row = session.to_dict()
    again = AgentSession.from_dict(MappingProxyType(row))
    assert again.to_dict() == row
    assert (again.summary, again.summary.updated_at if again.summary else None) == (summary, "2026-01-02T00:00:00")
    assert "runs" not in session.to_dict(include_runs=False)
    assert AgentSession.from_dict({"agent_id": "a"}) is None
    with pytest.raises(TypeError, match="colour"):
        AgentSession("s", colour="red")


def test_messages_of_the_last_runs() -> None:
    session = AgentSession("s", runs=[said(n) for n in range(1, 4)])
    assert texts(session.get_messages(last_n_runs=2)) == ["ask 2", "say 2", "ask 3", "say 3"]
    assert session.get_messages(last_n_runs=0) == []
    assert texts(session.get_chat_history(last_n_runs=1)) == ["ask 3", "say 3"]


def test_one_system_message_and_no_result_without_its_call() -> None:
    messages = [
        Message(role="system", content="rules"),
        Message(role="assistant", tool_calls=[{"id": "c", "function": {"name": "f"}}]),
        Message(role="tool", content="found", tool_call_id="c"),
        Message(role="assistant", content="done"),
    ]
    session = AgentSession(
        "s", runs=[said(1, messages=messages), said(2, messages=[Message(role="system", content="more")])]
    )
    assert texts(session.get_messages()) == ["rules", "", "found", "done"]
    assert texts(session.get_messages(limit=3)) == ["rules", "done"]
    assert texts(session.get_messages(limit=1)) == ["rules"]
    assert texts(session.get_messages(skip_roles=["system", "tool"])) == ["", "done"]
    assert [call["id"] for call in session.get_tool_calls()] == ["c"]
    assert session.get_tool_calls(0) == []


@pytest.mark.parametrize("status", ["PAUSED", "CANCELLED", "ERROR", "REGENERATED"])
def test_what_came_to_no_answer_is_left_out_unless_asked_for(status: str) -> None:
    session = AgentSession("s", runs=[said(1, status=status), said(2)])
    assert texts(session.get_messages()) == ["ask 2", "say 2"]
    assert len(session.get_messages(skip_statuses=[])) == 4


def test_history_copies_and_members_are_left_out_unless_asked_for() -> None:
    copied = [Message(role="user", content="old", from_history=True), Message(role="user", content="new")]
    leader = TeamRunOutput(
        run_id="t",
        team_id="t",
        status=RunStatus.completed,
        messages=copied,
        content="A",
        input=RunInput(input_content="Q"),
    )
    session = TeamSession("s", runs=[said(1, parent_run_id="t"), leader])
    assert texts(session.get_messages()) == ["new"]
    assert texts(session.get_messages(skip_history_messages=False)) == ["old", "new"]
    assert texts(session.get_messages(member_ids=["a"])) == ["ask 1", "say 1"]
    assert len(session.get_messages(skip_member_messages=False)) == 3
    assert session.get_team_history() == [("Q", "A")]
    assert "input: Q\nresponse: A" in (session.get_team_history_context() or "")
    assert TeamSession("s").get_team_history_context() is None


def test_an_inner_teams_history_is_asked_for_by_its_id() -> None:
    values: dict[str, Any] = {"status": RunStatus.completed, "input": RunInput(input_content="Q")}
    leader = TeamRunOutput(run_id="t", team_id="t", content="A", **values)
    session = TeamSession("s", runs=[leader])
    session.upsert_run(run_response=TeamRunOutput(run_id="i", team_id="inner", parent_run_id="t", **values))
    assert session.get_team_history() == session.get_team_history(team_id="t") == [("Q", "A")]
    assert session.get_team_history(team_id="inner") == [("Q", "")]
    assert session.get_team_history_context("inner") == (
        "<team_history_context>\n[run-1]\ninput: Q\n\n</team_history_context>"
    )


@pytest.mark.parametrize("status", RunStatus)
def test_what_was_said_is_told_however_the_run_ended(status: RunStatus) -> None:
    messages = [*said(1).messages, Message(role="tool", content="found"), Message(role="user", content="", id="e")]
    assert texts(AgentSession("s", runs=[said(1, status=status, messages=messages)]).get_chat_history()) == [
        "ask 1",
        "say 1",
    ]
    assert len(TeamSession("s", runs=[said(1, status=status)]).get_chat_history()) == 2


def test_a_workflows_messages_are_in_its_steps() -> None:
    runs = [
        WorkflowRunOutput(
            run_id=f"w{n}",
            status=RunStatus.completed,
            input=f"in {n}",
            content=f"out {n}",
            step_executor_runs=[said(n)],
        )
        for n in range(3)
    ]
    session = WorkflowSession("s", workflow_name="Flow", runs=runs)
    assert session.get_workflow_history(num_runs=1) == [("in 2", "out 2")]
    assert [pair.output for pair in session.get_chat_history()] == ["out 0", "out 1", "out 2"]
    assert texts(session.get_messages(agent_id="a", last_n_runs=1)) == ["ask 2", "say 2"]
    with pytest.raises(ValueError, match="agent_id"):
        session.get_messages()
    session.runs += [
        WorkflowRunOutput(run_id="failed", status=RunStatus.error, input="in 3", content="broken"),
        WorkflowRunOutput(run_id="silent", status=RunStatus.completed, input="in 4"),
    ]
    assert [pair.input for pair in session.get_chat_history(last_n_runs=3)] == ["in 2", "in 3"]


def test_a_built_workflow_session_can_be_written_to() -> None:
    session = WorkflowSession("s", metadata={"k": 1})
    assert (session.session_data, session.workflow_data, session.metadata) == ({}, {}, {"k": 1})
    assert isinstance(session.created_at, int)
    assert session.updated_at == session.created_at
    assert WorkflowSession("s", created_at=5).updated_at == 5


def test_the_class_follows_the_type() -> None:
    assert [session_class(kind) for kind in ("agent", "team", "workflow", "odd", None)] == [
        *(AgentSession, TeamSession, WorkflowSession, AgentSession, AgentSession)
    ]
    session = as_session(AgentSession("s", agent_id="a"), [said(1)])
    assert (type(session), len(session.runs)) == (AgentSession, 1)
