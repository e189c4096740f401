"""Session state: which value wins, and what of a run's changes is written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.agents.state import change_between, lasting, merged, starting_state

STATES = st.dictionaries(st.text(max_size=3), st.integers() | st.lists(st.integers(), max_size=2), max_size=5)


def test_run_over_stored_over_default_also_inside_objects() -> None:
    state = starting_state({"a": 1, "in": {"x": 1, "y": 1}}, {"in": {"y": 2}}, {"in": {"z": 3}}, overwrite=False)
    assert state == {"a": 1, "in": {"x": 1, "y": 2, "z": 3}}
    assert starting_state({"a": 1}, {"b": 2}, {"c": 3}, overwrite=True) == {"a": 1, "c": 3}


def test_nothing_is_shared_with_what_was_merged() -> None:
    default: dict[str, Any] = {"list": []}
    merged(default)["list"].append(1)
    assert default == {"list": []}


def test_what_holds_for_one_run_only_is_left_out() -> None:
    assert lasting({"n": 1, "current_user_id": "u", "current_run_id": "r"}) == {"n": 1}


@given(STATES, STATES)
def test_a_change_leads_from_one_state_to_the_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    change = change_between(before, after)
    if change is None:
        assert before == after
        return
    reached = {key: value for key, value in before.items() if key not in change.removed} | change.changed
    assert reached == after
    assert not set(change.changed) & change.removed


@pytest.mark.parametrize("before", [{}, {"n": 1}])
def test_no_change_writes_nothing(before: dict[str, Any]) -> None:
    assert change_between(before, dict(before)) is None
