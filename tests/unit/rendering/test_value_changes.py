"""The difference of two JSON values: which paths it names, and that no two values make it slow or fail."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions_ui.rendering.value_changes import value_changes


def told(before: Any, after: Any, limit: int = 100) -> list[str]:
    """The changes as a person would write them down."""
    signs = {"before": "-", "after": "+"}
    return [
        signs[line.kind] + "".join(part.text for part in line.parts)
        for line in value_changes(before, after, limit).lines
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, {}, []),
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, []),
        ({"refund": {"status": "asked"}}, {"refund": {"status": "sent", "transfer": "tr_1"}},
         ['-refund.status: "asked"', '+refund.status: "sent"', '+refund.transfer: "tr_1"']),
        ({"a": {"b": 1}}, {}, ['-a: {"b": 1}']),
        ({"a": 1}, {"a": True}, ["-a: 1", "+a: true"]),
        ({"a": 1}, {"a": 1.0}, ["-a: 1", "+a: 1.0"]),
        ({"a": {"b": [1, True]}}, {"a": {"b": [1, 1]}}, ["-a.b[1]: true", "+a.b[1]: 1"]),
        ({"a": None}, {}, ["-a: null"]),
        ({"two words": 1, "ü.x": 2}, {}, ['-["two words"]: 1', '-["ü.x"]: 2']),
        ([1, 2, 3], [0, 1, 2, 3], ["+[0]: 0"]),
        ([1, 2, 3, 4], [1, 9, 4], ["-[1]: 2", "+[1]: 9", "-[2]: 3"]),
        ([{"a": 1}, {"b": 1}], [{"a": 2}, {"b": 1}], ["-[0].a: 1", "+[0].a: 2"]),
        ({"n": float("nan")}, {"n": float("nan")}, []),
        ("x", "y", ['-"x"', '+"y"']),
    ],
)  # fmt: skip
def test_what_it_says(before: Any, after: Any, expected: list[str]) -> None:
    assert told(before, after) == expected


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(_values)
def test_a_value_does_not_differ_from_its_copy(value: Any) -> None:
    copy = json.loads(json.dumps(value))
    changes = value_changes(value, copy, 10)
    assert changes.count == 0 and not changes.lines and not changes.is_partial


@given(_values, _values)
def test_what_differs_one_way_differs_the_other(one: Any, other: Any) -> None:
    assert value_changes(one, other, 10).count == value_changes(other, one, 10).count


def test_more_changes_than_are_shown_are_counted() -> None:
    changes = value_changes({str(at): at for at in range(50)}, {}, 3)
    assert (len(changes.lines), changes.count) == (3, 50)


def test_no_two_values_make_it_slow() -> None:
    many: dict[str, Any] = {f"k{at}": {"list": list(range(20)), "at": at} for at in range(60_000)}
    other = {key: {"list": [*value["list"], -1], "at": value["at"]} for key, value in many.items()}
    began = time.process_time()
    changes = value_changes(many, other, 60)
    assert changes.is_partial and len(changes.lines) == 60
    assert time.process_time() - began < 3


def test_no_depth_is_too_deep() -> None:
    deep: Any = 1
    other: Any = 2
    for _ in range(100_000):
        deep, other = [deep], [other]
    changes = value_changes({"a": deep}, {"a": other}, 10)
    assert changes.count == 1 and "too deep" in changes.lines[0].parts[1].text
    # A fault in Python's own deletion of deep lists is not of interest here: it frees them one by one.
    for value in (deep, other):
        while isinstance(value, list):
            value = value.pop()
