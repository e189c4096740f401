"""Session totals grow as Agno's do."""

from typing import Any

import pytest

from agentos.db.writer_metrics import add, member_ids, run_metrics

ONE = {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12, "cost": 0.5, "duration": 3.0}


def details(model: str, tokens: int, role: str = "model", provider: str = "OpenAI Chat") -> dict[str, Any]:
    return {"details": {role: [{"id": model, "provider": provider, "total_tokens": tokens}]}}


def test_counts_are_added_and_times_are_not() -> None:
    total: dict[str, Any] = {}
    add(total, ONE)
    add(total, ONE)
    assert total == {"input_tokens": 20, "output_tokens": 4, "total_tokens": 24, "cost": 1.0}


def test_details_merge_by_role_provider_and_id() -> None:
    total: dict[str, Any] = {}
    for part in (
        details("a", 1),
        details("a", 2),
        details("b", 3),
        details("a", 4, provider="Azure"),
        details("a", 5, role="session_summary_model"),
    ):
        add(total, part)
    assert total["details"] == {
        "model": [
            {"id": "a", "provider": "OpenAI Chat", "total_tokens": 3},
            {"id": "b", "provider": "OpenAI Chat", "total_tokens": 3},
            {"id": "a", "provider": "Azure", "total_tokens": 4},
        ],
        "session_summary_model": [{"id": "a", "provider": "OpenAI Chat", "total_tokens": 5}],
    }


def test_what_was_added_can_be_taken_out() -> None:
    total: dict[str, Any] = {}
    add(total, {**ONE, **details("a", 12)})
    add(total, {**ONE, **details("a", 12)})
    add(total, {**ONE, **details("a", 12)}, sign=-1)
    assert total == {
        "input_tokens": 10, "output_tokens": 2, "total_tokens": 12, "cost": 0.5,
        "details": {"model": [{"id": "a", "provider": "OpenAI Chat", "total_tokens": 12}]},
    }  # fmt: skip


def test_additional_metrics_are_summed_where_they_are_numbers() -> None:
    total: dict[str, Any] = {"additional_metrics": {"pages": 1, "label": "x"}}
    add(total, {"additional_metrics": {"pages": 2, "label": "y", "eval": 0.5, "flag": True}})
    assert total == {"additional_metrics": {"pages": 3, "label": "x", "eval": 0.5}}


@pytest.mark.parametrize(
    "odd",
    [
        {"input_tokens": "12"},
        {"input_tokens": None},
        {"input_tokens": True},
        {"details": []},
        {"details": {"model": "x"}},
        {"details": {"model": [None, 3]}},
        {"additional_metrics": 3},
        {},
    ],
)
def test_odd_values_count_as_nothing(odd: dict[str, Any]) -> None:
    total: dict[str, Any] = {}
    add(total, odd)
    assert total == {}


def test_odd_totals_are_begun_anew() -> None:
    total: dict[str, Any] = {"input_tokens": None, "details": [1], "timer": None}
    add(total, {**ONE, **details("a", 12)})
    assert total["input_tokens"] == 10
    assert total["details"]["model"][0]["total_tokens"] == 12
    assert total["timer"] is None


def test_a_team_counts_its_embedded_members() -> None:
    inner = {"run_id": "c", "metrics": {"total_tokens": 1}}
    member = {"run_id": "b", "metrics": {"total_tokens": 2}, "member_responses": [inner, "odd"]}
    leader = {"run_id": "a", "metrics": {"total_tokens": 4}, "member_responses": [member]}

    assert sum(part["total_tokens"] for part in run_metrics(leader)) == 7
    assert sum(part["total_tokens"] for part in run_metrics(leader, frozenset({"c"}))) == 6
    assert member_ids(leader) == ["b", "c"]


def test_a_workflow_counts_its_steps_and_not_their_runs_again() -> None:
    run = {
        "metrics": {"steps": {"x": {"metrics": {"total_tokens": 3}}, "y": {"metrics": None}, "z": 1}, "duration": 2.0},
        "step_executor_runs": [{"metrics": {"total_tokens": 3}}],
    }
    assert list(run_metrics(run)) == [{"total_tokens": 3}]


@pytest.mark.parametrize("run", [{}, {"metrics": None}, {"metrics": []}, {"member_responses": {"a": 1}}])
def test_runs_without_metrics(run: dict[str, Any]) -> None:
    assert list(run_metrics(run)) == []
