"""A call written out, and a text told by looking: for any call and any text, and at a bounded price."""

import json
import shlex
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.records import ToolCall, ToolExecution
from sessions_ui.presenters.budget import Budget
from sessions_ui.presenters.call_forms import LIMIT, as_curl, as_json, as_python, forms_of
from sessions_ui.presenters.contents import content_of

TEXT = st.text(st.characters(codec=None), max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def call(name: str, args: dict[str, Any]) -> ToolCall:
    return ToolCall(execution=ToolExecution(tool_call_id="c", tool_name=name, tool_args=args))


@given(TEXT, st.dictionaries(TEXT, JSON, max_size=3))
def test_nothing_leaves_its_quotes(name: str, args: dict[str, Any]) -> None:
    made = call(name, args)
    words = shlex.split(as_curl(made).replace("\\\n", ""))
    assert len(words) == 8 and words[:3] == ["curl", "--request", "POST"] and words[3].startswith("$TOOLS_URL/")
    assert json.loads(words[-1]) == (made.args or {})
    assert json.loads(as_json(made))["arguments"] == (made.args or {})
    for text in (as_curl(made), as_json(made), as_python(made)):
        assert text.replace("\n", "").isprintable()


def test_python_takes_names_or_a_dict() -> None:
    assert as_python(call("get_weather", {"city": "Lisbon", "days": 3})) == "get_weather(city='Lisbon', days=3)"
    assert as_python(call("run sh", {"if": True})) == "tools['run sh'](**{'if': True})"
    assert as_python(call("now", {})) == "now()"


def test_long_arguments_are_not_written_out() -> None:
    assert forms_of(call("t", {"x": "y" * LIMIT})) == []


@given(TEXT | JSON.map(json.dumps) | JSON.map(repr))
def test_any_text_has_a_form(text: str) -> None:
    budget = Budget(10_000, 2_000)
    found = content_of(text, budget)
    assert found.total == len(text) and (found.kind == "empty") == (text == "")
    assert all(len(row) == len(found.columns) for row in found.rows)


@pytest.mark.parametrize(
    "text",
    [
        "[" + "-" * 19_990 + "1]", "[" + "1+" * 9_900 + "1]", "[" * 400_000, "[{" * 100_000, "{" + '"a":{' * 60_000,
        "[" + ",".join(['{"a":1}'] * 50_000) + "]", "--- a\n" * 60_000, "- a\n" * 90_000, "#" * 400_000, "|-" * 200_000,
        "[" + "'a' " * 4_900 + "]", "[1" + "0" * 19_000 + "]", "+++ b\n@@ " * 40_000, " " * 400_000,
    ],
)  # fmt: skip
def test_no_text_makes_it_slow(text: str) -> None:
    began = time.process_time()
    content_of(text, Budget(400_000, 200_000, folded=200_000, nodes=1_500))
    assert time.process_time() - began < 2


def test_the_budget_of_values_ends_trees_and_tables() -> None:
    budget = Budget(1_000_000, 2_000, nodes=50)
    kinds = [content_of(json.dumps({"a": list(range(20))}), budget).kind for _ in range(5)]
    assert kinds[:2] == ["tree", "tree"] and kinds[-1] == "text"
