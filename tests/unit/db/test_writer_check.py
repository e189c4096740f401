"""Runs that would make a session unreadable for Agno are refused; real ones are not."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from agentos.db.writer_check import check_summary, check_writable
from agentos.db.writer_errors import InvalidRun
from agentos.demo.fill import demo_sessions
from agentos.records import Run
from tests.conftest import CORPUS

GOOD: dict[str, Any] = {
    "run_id": "r",
    "session_id": "s",
    "agent_id": "a",
    "status": "COMPLETED",
    "created_at": 1,
    "input": {"input_content": "Hi"},
    "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": [{"type": "text"}]}],
}
CALLING = {"role": "assistant", "tool_calls": [{"id": "c1"}, {"id": "c2"}]}
FIELD = {"name": "n", "field_type": "str", "description": "d", "value": None}
WORKFLOW = {**GOOD, "agent_id": None, "workflow_id": "w", "input": "text"}
del WORKFLOW["agent_id"]

BAD: dict[str, dict[str, Any]] = {
    "no run_id": {"run_id": None},
    "empty run_id": {"run_id": ""},
    "no session_id": {"session_id": 7},
    "created_at is text": {"created_at": "1"},
    "created_at is a boolean": {"created_at": True},
    "unknown status": {"status": "DONE"},
    "status in lower case": {"status": "completed"},
    "status is a list": {"status": []},
    "input is text": {"input": "Hi"},
    "messages is an object": {"messages": {}},
    "message is text": {"messages": ["Hi"]},
    "message without role": {"messages": [{"content": "Hi"}]},
    "message content is a number": {"messages": [{"role": "user", "content": 7}]},
    "message content is an object": {"messages": [{"role": "user", "content": {}}]},
    "reasoning message without role": {"reasoning_messages": [{}]},
    "call without results": {"messages": [CALLING]},
    "call with half its results": {"messages": [CALLING, {"role": "tool", "tool_call_id": "c1"}]},
    "user before the result": {"messages": [CALLING, {"role": "user"}, {"role": "tool", "tool_call_id": "c1"}]},
    "tool call is text": {"messages": [{"role": "assistant", "tool_calls": ["x"]}]},
    "metrics is a list": {"metrics": []},
    "details is a list": {"metrics": {"details": []}},
    "message metrics is a list": {"messages": [{"role": "user", "metrics": []}]},
    "citations is a list": {"citations": []},
    "tools is an object": {"tools": {}},
    "tool is text": {"tools": ["x"]},
    "form field without value": {"tools": [{"user_input_schema": [{"name": "n"}]}]},
    "requirement without tool": {"requirements": [{}]},
    "requirement with an odd form": {"requirements": [{"tool_execution": {}, "user_input_schema": [{}]}]},
    "unknown next_action": {"reasoning_steps": [{"next_action": "stop"}]},
    "next_action is a list": {"reasoning_steps": [{"next_action": []}]},
    "unknown event": {"events": [{"event": "Surprise"}]},
    "event is text": {"events": ["RunStarted"]},
    "odd step requirement": {"step_requirements": [{"step_id": "x", "mood": 1}]},
    "step requirement without step": {"step_requirements": [{}]},
    "odd error requirement": {"error_requirements": [{"step_id": "x", "mood": 1}]},
    "broken member": {"member_responses": [{"agent_id": "b", "status": "COMPLETED", "input": "x"}]},
    "member is text": {"member_responses": ["x"]},
    "broken executor run": {"step_executor_runs": [{"agent_id": "b"}]},
    "broken workflow agent run": {"workflow_agent_run": {"agent_id": "b"}},
}
FINE: dict[str, dict[str, Any]] = {
    "as it is": {},
    "unknown keys": {"mood": {"x": 1}},
    "nulls": {"input": None, "messages": None, "metrics": None, "tools": None, "citations": None},
    "complete call": {"messages": [CALLING, *({"role": "tool", "tool_call_id": each} for each in ("c2", "c1"))]},
    "open call in a paused run": {"messages": [CALLING], "status": "PAUSED"},
    "form": {"tools": [{"user_input_schema": [FIELD]}]},
    "reasoning": {"reasoning_steps": [{"next_action": None}, {"next_action": "reset"}]},
    "events": {"events": [{"event": "RunStarted"}, {"event": "TeamRunContent"}, {"event": "WorkflowCompleted"}]},
    "odd media": {"images": "x"},
}


def run(**changes: Any) -> Run:
    return Run.from_dict({**GOOD, **changes})


@pytest.mark.parametrize("changes", BAD.values(), ids=BAD)
def test_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRun, match=r"^This run cannot be stored.*\.$"):
        check_writable(run(**changes))


@pytest.mark.parametrize("changes", FINE.values(), ids=FINE)
def test_accepted(changes: dict[str, Any]) -> None:
    check_writable(run(**changes))


def test_workflow_runs_have_bare_input_and_metrics_by_step() -> None:
    check_writable(Run.from_dict({**WORKFLOW, "metrics": {"steps": {}}}))
    with pytest.raises(InvalidRun, match="name no steps"):
        check_writable(Run.from_dict({**WORKFLOW, "metrics": {}}))
    with pytest.raises(InvalidRun, match="no agent_id"):
        check_writable(Run.from_dict({**WORKFLOW, "workflow_id": None}))


def test_runs_inside_runs_without_end() -> None:
    raw: dict[str, Any] = {"agent_id": "a", "status": "COMPLETED"}
    for _ in range(5000):
        raw = {"team_id": "t", "status": "COMPLETED", "member_responses": [raw]}
    with pytest.raises(InvalidRun, match="nested too deep"):
        check_writable(run(member_responses=[raw]))


def test_what_agno_wrote_is_accepted() -> None:
    """Except runs that died half-way: nothing of ours may look like those."""
    with closing(sqlite3.connect(f"file:{CORPUS / 'agno-v3.db'}?mode=ro&immutable=1", uri=True)) as connection:
        rows = connection.execute("SELECT run_data FROM agno_runs").fetchall()
    refused = []
    for (text,) in rows:
        try:
            check_writable(Run.from_dict(json.loads(text)))
        except InvalidRun as error:
            refused.append((json.loads(text)["session_id"], str(error)))
    assert refused == []
    assert len(rows) > 100


def test_the_demo_is_accepted() -> None:
    for script in demo_sessions(1_790_000_000):
        for raw in script.runs:
            check_writable(Run.from_dict(raw))


@pytest.mark.parametrize("summary", [{"summary": 1}, {"topics": [], "x": 1}, "text", [], {"updated_at": 5}])
def test_odd_summaries(summary: Any) -> None:
    with pytest.raises(InvalidRun):
        check_summary(summary)


@pytest.mark.parametrize("summary", [None, {}, {"summary": "x", "topics": ["a"], "updated_at": "2026-01-01T00:00:00"}])
def test_summaries(summary: Any) -> None:
    check_summary(summary)
