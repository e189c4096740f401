"""A copy names itself and its own runs; what was said in it stays."""

from typing import Any

from agentos.transfer.renaming import Renaming, new_run_id

NAMES = Renaming("old", "new", {"r1": "n1", "r2": "n2"})


def test_references_follow() -> None:
    run = {
        "run_id": "r1", "session_id": "old", "parent_run_id": "r2", "regenerated_from": "r2",
        "forked_from_session_id": "old",
        "member_responses": [{"run_id": "r2", "session_id": "old", "tools": [{"child_run_id": "r1"}]}],
        "step_results": [{"step_run_id": "r2", "steps": [{"step_run_id": "elsewhere"}]}],
        "session_state": {"current_session_id": "old", "current_run_id": "r1"},
        "requirements": [{"member_run_id": "r2"}],
    }  # fmt: skip
    assert NAMES.of_run(run) == {
        "run_id": "n1", "session_id": "new", "parent_run_id": "n2", "regenerated_from": "n2",
        "forked_from_session_id": "old",
        "member_responses": [{"run_id": "n2", "session_id": "new", "tools": [{"child_run_id": "n1"}]}],
        "step_results": [{"step_run_id": "n2", "steps": [{"step_run_id": "elsewhere"}]}],
        "session_state": {"current_session_id": "new", "current_run_id": "n1"},
        "requirements": [{"member_run_id": "n2"}],
    }  # fmt: skip


def test_words_stay() -> None:
    run = {
        "content": {"run_id": "r1"},
        "tools": [{"tool_args": {"session_id": "old"}, "result": "r1"}],
        "input": {"run_id": "r1"},
    }
    assert NAMES.of_run(run) == run


def test_thoughts_follow_their_run() -> None:
    data = {"session_state": {"reasoning_steps": {"r1": ["a"], "x": []}, "run_id": "r1"}, "session_name": "old"}
    assert NAMES.of_state(data)["session_state"]["reasoning_steps"] == {"n1": ["a"], "x": []}
    odd: Any
    for odd in (None, {}, {"session_state": None}, {"session_state": {"reasoning_steps": []}}):
        assert NAMES.of_state(odd) == odd


def test_new_ids_are_the_same_each_time() -> None:
    assert new_run_id("s", "r") == new_run_id("s", "r") != new_run_id("s2", "r")
