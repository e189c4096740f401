"""Every session of every SQLite database real Agno wrote, against what Agno's own objects said of it."""

import json
from collections import Counter
from typing import Any

import pytest

from agentos.records import (
    Message,
    Run,
    Session,
    TeamRunOutput,
    WorkflowRunOutput,
    build_forest,
    dumps,
    loads,
    parse_run,
    tally,
    walk,
)
from agentos.records.details import StepOutput
from tests.unit.records.corpus import JSON_COLUMNS, case_id, session_cases, stored_row, stored_runs

Case = tuple[str, dict[str, Any]]
TOKENS = ("input_tokens", "output_tokens", "total_tokens", "reasoning_tokens", "cache_read_tokens")

cases = pytest.mark.parametrize("case", session_cases(), ids=case_id)


def parsed_runs(case: Case) -> list[Run]:
    runs = [parse_run(raw) for raw in stored_runs(*case)]
    assert all(isinstance(run, Run) for run in runs)
    return [run for run in runs if isinstance(run, Run)]


def parsed_session(case: Case) -> Session:
    row = stored_row(*case)
    return Session.from_dict({key: loads(value) if key in JSON_COLUMNS else value for key, value in row.items()})


@cases
def test_session_row(case: Case) -> None:
    session, expected = parsed_session(case), case[1]
    seen = {
        **{key: getattr(session, key) for key in ("session_id", "session_type", "user_id", "created_at", "updated_at")},
        **{key: getattr(session, key) for key in ("agent_id", "team_id", "workflow_id", "session_name", "metadata")},
        **{key: getattr(session, key) for key in ("agent_data", "team_data", "workflow_data")},
        "summary": session.summary_text,
        "has_summary": session.session_summary is not None,
        "topics": session.topics or None,
    }
    assert seen == {key: expected[key] for key in seen}
    assert (session.session_state or {}) == (expected["session_state"] or {})
    metrics = session.session_metrics
    totals = {key: getattr(metrics, key) or 0 for key in TOKENS[:3]} if metrics and metrics.raw else None
    assert totals == expected["session_metrics"]


@cases
def test_tally(case: Case) -> None:
    counted = tally(parsed_runs(case))
    names = (
        *("run_count", "top_level_run_count", "forest_run_count", "statuses", "message_count", "own_message_count"),
        *("forest_own_message_count", "tool_call_count", "tool_calls_by_name", "tool_error_count", "run_tokens_sum"),
        "orphan_parents",
    )
    assert {name: getattr(counted, name) for name in names} == {name: case[1][name] for name in names}


@cases
def test_each_run(case: Case) -> None:
    assert [run_facts(run) for run in parsed_runs(case)] == case[1]["runs"]


@cases
def test_forest_holds_each_run_once(case: Case) -> None:
    runs = parsed_runs(case)
    nodes = list(walk(build_forest(runs)))
    ids = [node.run.run_id for node in nodes if isinstance(node.run, Run)]
    assert len(ids) == len(set(ids)) == case[1]["forest_run_count"]
    assert sum(node.stored for node in nodes) == case[1]["run_count"]
    assert sum(node.depth == 0 for node in nodes) == case[1]["top_level_run_count"]


@cases
def test_dump_is_what_was_parsed(case: Case) -> None:
    row = stored_row(*case)
    for run in parsed_runs(case):
        assert loads(dumps(run.to_dict())) == run.raw
    for column in JSON_COLUMNS:
        if row.get(column) is not None:
            # Agno 2 encodes twice, Agno 3 once.
            assert dumps(loads(row[column])) in (row[column], json.loads(row[column]))


@cases
def test_rebuilding_records_changes_nothing(case: Case) -> None:
    for node in walk(build_forest(parsed_runs(case))):
        if isinstance(node.run, Run):
            assert [message.to_dict() for message in node.run.messages] == (node.run.raw.get("messages") or [])
            assert [tool.to_dict() for tool in node.run.tools] == (node.run.raw.get("tools") or [])


@cases
def test_every_tool_call_is_found(case: Case) -> None:
    for node in walk(build_forest(parsed_runs(case))):
        if not isinstance(node.run, Run):
            continue
        calls = node.run.tool_calls
        asked = {request.id for message in node.run.own_messages for request in message.tool_calls}
        done = {tool.tool_call_id for tool in node.run.tools}
        assert Counter(call.id for call in calls) == Counter(asked | done)
        assert all((call.name and call.args is not None) or call.status == "error" for call in calls)


def run_facts(run: Run) -> dict[str, Any]:
    """Say of a run what the manifest says of it, in its words."""
    facts = {
        **{key: getattr(run, key) for key in ("run_id", "kind", "component_id", "component_name", "parent_run_id")},
        **{key: getattr(run, key) for key in ("status", "created_at", "model", "content_type")},
        **{key: getattr(run, key) for key in ("forked_from_run_id", "regenerated_from")},
        "content_is": type(run.content).__name__,
        "content_chars": len(run.content) if isinstance(run.content, str) else None,
        "message_count": len(run.messages),
        "own_message_count": len(run.own_messages),
        "roles": [message.role for message in run.own_messages],
        "messages": [message_facts(message) for message in run.messages],
        "tool_calls": [tool.tool_name for tool in run.tools],
        "tool_errors": sum(tool.tool_call_error is True for tool in run.tools),
        "longest_tool_result": max((len(tool.result or "") for tool in run.tools), default=0),
        "has_reasoning_content": bool(run.reasoning_content),
        "reasoning_steps": len(run.reasoning_steps),
        "output_media": media_counts(images=run.images, videos=run.videos, audio=run.audio, files=run.files),
        "input_media": media_counts(
            images=run.input_images, videos=run.input_videos, audios=run.input_audio, files=run.input_files
        ),
        "has_response_audio": run.response_audio is not None,
        "citation_urls": len(run.citations.urls) if run.citations else 0,
        "followups": len(run.followups),
        "events": [event.get("event") for event in run.events],
        "requirements": len(run.requirements) + len(run.step_requirements),
        "tokens": token_facts(run),
    }
    if isinstance(run, TeamRunOutput):
        facts["member_responses"] = [run_facts(member) for member in run.embedded]
    if isinstance(run, WorkflowRunOutput):
        facts["step_results"] = [step_facts(step) for step in run.step_results]
        executors = [parse_run(raw) for raw in run.step_executor_runs]
        facts["step_executor_runs"] = [run_facts(member) for member in executors if isinstance(member, Run)]
        facts["workflow_agent_run"] = run_facts(run.workflow_agent_run) if run.workflow_agent_run else None
    return facts


def message_facts(message: Message) -> dict[str, Any]:
    # A tool message without the key is the trace of a call of an unknown tool; Agno's own object then says false.
    default = False if message.role == "tool" else None
    return {
        "role": message.role,
        "from_history": message.from_history,
        "tool_calls": len(message.tool_calls),
        "tool_call_error": default if message.tool_call_error is None else message.tool_call_error,
        "content_chars": len(message.content) if isinstance(message.content, str) else None,
    }


def token_facts(run: Run) -> dict[str, int]:
    if run.metrics is None or isinstance(run, WorkflowRunOutput):
        return {}
    return {key: getattr(run.metrics, key) or 0 for key in TOKENS}


def media_counts(**lists: list[Any]) -> dict[str, int]:
    return {name: len(items) for name, items in lists.items() if items}


def step_facts(step: StepOutput) -> dict[str, Any]:
    keys = ("step_name", "step_type", "executor_type", "executor_name", "step_run_id", "success", "error")
    return {**{key: getattr(step, key) for key in keys}, "steps": [step_facts(inner) for inner in step.steps]}
