"""What a run used, by model and role."""

from typing import Any

import pytest

from agentos.records import Run, Usage, parse_run, usage_of
from agentos.records.usage import MOST_LINES, as_row, from_row


def usage(metrics: Any, **run: Any) -> list[Usage]:
    found = parse_run({"agent_id": "a", "metrics": metrics, **run})
    assert isinstance(found, Run)
    return usage_of(found)


def test_a_line_for_each_role_and_model() -> None:
    details = {
        "model": [
            {"id": "gpt-5", "provider": "OpenAI Chat", "input_tokens": 10, "output_tokens": 2, "cache_read_tokens": 4}
        ],
        "memory_model": [{"id": "mini", "provider": "OpenAI Chat", "input_tokens": 1, "cost": 0.5}, {"id": "x"}],
    }  # fmt: skip
    assert usage({"input_tokens": 11, "details": details}) == [
        Usage("model", "OpenAI Chat", "gpt-5", 10, 2, 4, 0, 0, 0, 0),
        Usage("memory_model", "OpenAI Chat", "mini", 1, 0, 0, 0, 0, 0, 0, 0.5),
        Usage("memory_model", "", "x"),
    ]


def test_early_runs_have_one_line_of_their_totals() -> None:
    found = usage({"input_tokens": 7, "reasoning_tokens": 3}, model="gpt-4o", model_provider="OpenAI")
    assert found == [Usage("model", "OpenAI", "gpt-4o", 7, 0, 0, 0, 3, 0, 0)]
    assert found[0].tokens == 7 and found[0].is_known


@pytest.mark.parametrize("metrics", [None, {}, {"duration": 2.0}, [], "x", {"details": [1]}, {"details": {"model": 3}}])
def test_what_counts_nothing_has_no_line(metrics: Any) -> None:
    assert usage(metrics) == []


def test_a_workflow_has_none_of_its_own() -> None:
    run = parse_run({"workflow_id": "w", "metrics": {"steps": {}, "duration": 1, "input_tokens": 5}})
    assert isinstance(run, Run) and usage_of(run) == []


def test_nonsense_is_bounded() -> None:
    details = {
        f"role{at}": [{"id": "m" * 500, "input_tokens": 2**63 - 1, "output_tokens": -5, "cost": -1.0}]
        for at in range(90)
    }
    found = usage({"details": details})
    assert len(found) == MOST_LINES and len(found[0].model) == 120 and found[0].output == 0 and found[0].cost is None
    assert found[-1].role == "others" and found[-1].model == "" and found[-1].input == 2**63 - 1


def test_lines_come_back_from_json() -> None:
    line = Usage("model", "p", "m", 1, 2, 3, 4, 5, 6, 7, 0.25)
    assert from_row(as_row(line)) == line
    for bad in (None, [], [1], {"a": 1}, "x"):
        assert from_row(bad) is None
