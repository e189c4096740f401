"""Records as views: what they accept, what reads as missing, how they are built."""

from typing import Any

import pytest

from agentos.records import (
    BadRun,
    Message,
    Metrics,
    RecordError,
    Requirement,
    RunOutput,
    RunStatus,
    Session,
    StepOutput,
    StepRequirement,
    Tally,
    TallyBuilder,
    TeamRunOutput,
    WorkflowRunOutput,
    display_name,
    parse_run,
)


def test_a_record_is_a_view() -> None:
    raw = {"role": "user", "content": "Hi", "unknown": [1]}
    message = Message.from_dict(raw)
    assert message.to_dict() is raw
    message.content = "Bye"
    assert raw == {"role": "user", "content": "Bye", "unknown": [1]}
    assert "Bye" not in repr(message)


def test_a_record_is_built_under_agnos_names() -> None:
    message = Message(id="m", role="user", content="Hi", name=None, created_at=7)
    assert message.raw == {
        **{"id": "m", "role": "user", "content": "Hi", "created_at": 7},
        **{"from_history": False, "stop_after_tool_call": False},
    }
    run = RunOutput(agent_id="a", run_id="r", messages=[message], metrics=Metrics(input_tokens=3))
    assert run.raw["messages"] == [message.raw]
    assert run.raw["metrics"] == {"input_tokens": 3}
    assert Session(session_id="s", runs=[run]).runs == [run]
    assert WorkflowRunOutput(step_results=[StepOutput(step_name="x")]).step_results[0].step_name == "x"


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(TypeError, match="no field 'rolle'"):
        Message(rolle="user")
    with pytest.raises(RecordError, match=r"A Message is a JSON object, not null\."):
        Message.from_dict(None)  # type: ignore[arg-type]  # what a careless caller may pass


def test_a_wrong_type_reads_as_missing() -> None:
    wrong = {"role": 1, "tool_calls": {"id": "x"}, "metrics": [], "from_history": "yes", "created_at": True}
    message = Message.from_dict({**wrong, "images": [1, None, {"id": "i"}], "tool_call_error": 0})
    assert (message.role, message.tool_calls, message.metrics, message.from_history) == (None, [], None, False)
    assert (message.created_at, message.tool_call_error) == (None, None)
    assert [image.id for image in message.images] == ["i"]


@pytest.mark.parametrize(
    ("stored", "read"), [(5, 5), (5.9, 5), (True, None), (10**40, None), ("5", None), (1e400, None)]
)
def test_numbers(stored: Any, read: int | None) -> None:
    metrics = Metrics.from_dict({"input_tokens": stored, "cost": stored})
    assert metrics.input_tokens == read
    assert metrics.cost is None or abs(metrics.cost) <= 1e300


def test_lone_surrogates_read_as_replacement_characters() -> None:
    assert Message.from_dict({"content": "a\ud800", "role": "\udfff"}).text == "a\ufffd"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Hi", "Hi"),
        (None, ""),
        ([{"type": "text", "text": "one"}, {"type": "image_url", "image_url": {}}, "two"], "one\ntwo"),
        ({"a": "ü"}, '{\n  "a": "ü"\n}'),
        (5, "5"),
    ],
)
def test_message_text(content: Any, text: str) -> None:
    assert Message.from_dict({"content": content}).text == text


@pytest.mark.parametrize(
    ("raw", "run_class"),
    [
        ({"agent_id": None, "team_id": "t"}, RunOutput),
        ({"agent_id": "a", "workflow_id": "w"}, RunOutput),
        ({"team_id": "t"}, TeamRunOutput),
        ({"workflow_id": "w"}, WorkflowRunOutput),
        ({}, WorkflowRunOutput),
    ],
)
def test_kinds(raw: dict[str, Any], run_class: type) -> None:
    assert type(parse_run(raw)) is run_class


@pytest.mark.parametrize("raw", [None, "text", 5, 1.5, True, []])
def test_what_is_no_run(raw: Any) -> None:
    run = parse_run(raw)
    assert isinstance(run, BadRun)
    assert (run.kind, run.to_dict()) == ("bad", raw)
    assert run.problem.startswith("A run is a JSON object, but ")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ({"agent_id": "a", "input": {"input_content": "Hi"}}, "Hi"),
        ({"agent_id": "a", "input": {"input_content": ["Hi", "there"]}}, "Hi\nthere"),
        ({"agent_id": "a", "input": {"input_content": [{"role": "user", "content": "Hi"}]}}, "Hi"),
        ({"agent_id": "a", "input": {"input_content": {"role": "user", "content": [{"text": "Hi"}]}}}, "Hi"),
        ({"agent_id": "a", "input": {"input_content": {"topic": "x"}}}, '{\n  "topic": "x"\n}'),
        ({"agent_id": "a", "input": "bare"}, "bare"),
        ({"agent_id": "a"}, ""),
        ({"workflow_id": "w", "input": "Hi"}, "Hi"),
        ({"workflow_id": "w", "input": {"input_content": 1}}, '{\n  "input_content": 1\n}'),
    ],
)
def test_input_text(raw: dict[str, Any], text: str) -> None:
    run = parse_run(raw)
    assert not isinstance(run, BadRun)
    assert run.input_text == text


def test_statuses_compare_with_what_is_stored() -> None:
    assert RunOutput(agent_id="a", status=RunStatus.paused).status == "PAUSED"
    assert RunOutput.from_dict({"status": "PAUSED"}).status is RunStatus.paused
    assert RunOutput.from_dict({"status": "completed"}).status != RunStatus.completed


def test_step_outputs_nest() -> None:
    inner = {"step_name": "inner", "content": {"a": 1}}
    [loop] = WorkflowRunOutput.from_dict({"step_results": [[{"step_name": "loop", "steps": [inner, 3]}]]}).step_results
    assert [(step.step_name, step.content_text) for step in loop.steps] == [("inner", '{\n  "a": 1\n}')]


@pytest.mark.parametrize(
    ("raw", "tokens"),
    [
        ({}, None),
        ({"duration": 2.0}, None),
        ({"total_tokens": 7, "input_tokens": 3}, 7),
        ({"input_tokens": 3}, 3),
        ({"input_tokens": 3, "output_tokens": 2, "total_tokens": "x"}, 5),
        ({"total_tokens": 0, "timer": None}, 0),
        ({"steps": {}, "duration": None}, None),
    ],
)
def test_tokens_are_unknown_only_when_none_are_stored(raw: dict[str, Any], tokens: int | None) -> None:
    assert Metrics.from_dict(raw).tokens == tokens


def test_metrics_of_models_and_steps() -> None:
    metrics = Metrics.from_dict({"details": {"model": [{"id": "m", "input_tokens": 2}, 5], "odd": 3}, "steps": 1})
    assert [(role, [entry.id for entry in entries]) for role, entries in metrics.models.items()] == [("model", ["m"])]
    assert metrics.steps == {}
    step = Metrics.from_dict({"steps": {"draft": {"step_name": "draft", "metrics": {"total_tokens": 4}}}}).steps[
        "draft"
    ]
    assert step.metrics is not None
    assert step.metrics.tokens == 4


@pytest.mark.parametrize(
    ("raw", "kind", "resolved"),
    [
        ({"tool_execution": {"requires_confirmation": True}}, "confirmation", False),
        ({"tool_execution": {"requires_confirmation": False, "confirmed": False}}, "confirmation", True),
        ({"confirmation": True, "tool_execution": {"requires_confirmation": True}}, "confirmation", True),
        ({"tool_execution": {"requires_user_input": True}, "user_input_schema": [{"name": "n"}]}, "user_input", False),
        ({"tool_execution": {"user_feedback_schema": [{"question": "?"}], "answered": True}}, "user_feedback", True),
        ({"tool_execution": {"external_execution_required": True}}, "external_execution", False),
        ({"external_execution_result": "done"}, "external_execution", True),
        ({}, None, False),
    ],
)
def test_requirements(raw: dict[str, Any], kind: str | None, resolved: bool) -> None:
    requirement = Requirement.from_dict(raw)
    assert (requirement.kind, requirement.is_resolved()) == (kind, resolved)


def test_step_requirements() -> None:
    assert not StepRequirement(requires_confirmation=True).is_resolved
    assert StepRequirement(requires_confirmation=True, confirmed=False).is_resolved
    assert StepRequirement(requires_user_input=True, user_input={"a": 1}).is_resolved
    waiting = Requirement.from_dict({"tool_execution": {"requires_confirmation": True}})
    assert not StepRequirement(requires_executor_input=True, executor_requirements=[waiting]).is_resolved


def said(text: Any, role: str = "user", **more: Any) -> dict[str, Any]:
    return {"agent_id": "a", "messages": [{"role": role, "content": text}], **more}


@pytest.mark.parametrize(
    ("session", "runs", "name"),
    [
        ({"session_data": {"session_name": "Trip"}}, [said("Hi")], "Trip"),
        ({}, [], None),
        ({"session_data": []}, [said("Hello", "assistant"), said("Hi")], "Hi"),
        ({}, [{"agent_id": "a", "input": {"input_content": "In"}}, said("Hi")], "In"),
        ({"session_type": "team"}, [said("member"), {**said("leader"), "agent_id": None}], None),
        (
            {"session_type": "team"},
            [said("member"), {"team_id": "t", "messages": said("leader")["messages"]}],
            "leader",
        ),
        ({"session_type": "workflow"}, [None, {"input": "Go"}], "Go"),
        ({"session_type": "workflow"}, [{"input": {"a": 1}}], '{"a": 1}'),
        ({"session_type": "workflow", "workflow_data": {"name": "Flow"}}, [{"input": ["x"]}], "New Flow Session"),
        ({"session_type": "workflow", "workflow_data": {"name": "Flow"}}, [], None),
    ],
)
def test_display_name(session: dict[str, Any], runs: list[Any], name: str | None) -> None:
    assert display_name(Session.from_dict(session), map(parse_run, runs)) == name


def test_sessions_answer_for_their_component() -> None:
    model = {"id": "gpt", "name": "OpenAIChat", "provider": "OpenAI"}
    session = Session(session_type="team", agent_id="a", team_id="t", team_data={"name": "Press", "model": model})
    assert (session.component_id, session.component_name, session.model_id) == ("t", "Press", "gpt")
    odd = Session.from_dict({"session_type": "committee", "agent_id": "a", "agent_data": 5})
    assert (odd.component_id, odd.component_name, odd.model_id) == ("a", None, None)


def test_a_summary_may_be_plain_text() -> None:
    assert Session(summary="They talked.").summary_text == "They talked."
    assert Session(summary={"summary": "S", "topics": ["a", 1]}).topics == ["a"]
    assert Session(summary=[1]).summary_text is None


def test_a_tally_can_go_on() -> None:
    builder = TallyBuilder()
    assert builder.result() == Tally()
    builder.add(RunOutput(agent_id="a", run_id="m", parent_run_id="t"))
    assert builder.result().orphan_parents == ["t"]
    builder.add(TeamRunOutput(team_id="t", run_id="t", member_responses=[{"agent_id": "a", "run_id": "m"}]))
    builder.add(BadRun(5, "No run."))
    result = builder.result()
    assert (result.run_count, result.forest_run_count, result.bad_run_count) == (2, 2, 1)
    assert (result.orphan_parents, result.statuses) == ([], ["RUNNING", "RUNNING"])
