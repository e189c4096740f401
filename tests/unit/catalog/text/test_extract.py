"""Which texts of runs and sessions are indexed, and where they stand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.catalog.text.extract import KINDS, LIMIT, parts_of_run, parts_of_session, unescaped
from agentos.records import Run, Session, parse_run


def found(is_inside: bool = False, **raw: Any) -> list[tuple[str, int | None, str]]:
    run = parse_run({"agent_id": "a", "run_id": "r1", **raw})
    assert isinstance(run, Run)
    return [(part.kind, part.place, part.text) for part in parts_of_run(run, run.messages, is_inside=is_inside)]


def call(call_id: str, name: str, arguments: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def test_messages_have_their_numbers_and_results_that_of_their_call() -> None:
    messages = [
        {"role": "system", "content": "You are helpful"},
        {"role": "user", "content": "old", "from_history": True},
        {"role": "user", "content": "What of visas?"},
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "Hm",
            "tool_calls": [call("c1", "look", '{"q": 1}')],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "Found 3"},
        {"role": "assistant", "content": "There are three."},
    ]
    tools = [{"tool_call_id": "c1", "tool_name": "look", "tool_args": {"q": 1}, "result": "Found 3"}]
    assert found(
        messages=messages, tools=tools, content="There are three.", input={"input_content": "What of visas?"}
    ) == [
        ("run_name", None, "r1"),
        ("user", 3, "What of visas?"),
        ("reasoning", 4, "Hm"),
        ("tool_call", 4, 'look {"q": 1}'),
        ("tool_result", 4, "Found 3"),
        ("answer", 6, "There are three."),
    ]


def test_what_no_message_holds_is_found_without_a_place() -> None:
    tools = [{"tool_call_id": "x", "tool_name": "pay", "tool_args": {"eur": 5}, "result": "done"}]
    texts = found(
        input={"input_content": "hello"}, content={"total": 5}, tools=tools, followups=["More?"],
        reasoning_steps=[{"title": "Plan", "reasoning": "because"}], references=[{"query": "visa"}],
    )  # fmt: skip
    assert {kind for kind, _, _ in texts} == {"run_name", "user", "answer", "tool_call", "tool_result", "reasoning"}
    assert {place for _, place, _ in texts} == {None}
    assert ("tool_result", None, "done") in texts and ("answer", None, "More?") in texts


def test_names_of_a_run_inside_another_and_of_files() -> None:
    image = {"role": "user", "content": "see", "images": [{"url": "https://x.org/passport.png"}]}
    texts = found(is_inside=True, agent_name="Scout", messages=[image])
    assert texts[0] == ("run_name", None, "r1\nScout\na") and texts[-1] == ("run_name", 1, "https://x.org/passport.png")


def test_a_session_says_its_names_summary_state_and_metadata() -> None:
    session = Session.from_dict(
        {
            "session_id": "s1", "session_type": "agent", "agent_id": "a", "user_id": "bob",
            "agent_data": {"name": "Scout"}, "metadata": {"plan": "gold"},
            "session_data": {"session_name": "Trip", "session_state": {"note": "first\nsecond"}},
            "summary": {"summary": "They spoke", "topics": ["travel"]},
        }
    )  # fmt: skip
    texts = {part.kind: part.text for part in parts_of_session(session, "Trip")}
    assert texts["name"] == "Trip\ns1\nbob\nScout\na" and texts["summary"] == "They spoke\ntravel"
    assert "first\nsecond" in texts["state"] and '"plan": "gold"' in texts["metadata"]


def test_a_long_text_is_cut_and_says_so() -> None:
    run = parse_run({"agent_id": "a", "messages": [{"role": "user", "content": "x " * LIMIT}]})
    assert isinstance(run, Run)
    [part] = parts_of_run(run, run.messages, is_inside=False)
    assert len(part.text) == LIMIT and part.cut


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (r'{"a": "one\ntwo", "b": "\u00e9\ud83c\udf89"}', '{"a": "one\ntwo", "b": "é🎉"}'),
        (r'["C:\\new"', '["C:\\new"'),
        (r"C:\new folder", r"C:\new folder"),
        ("plain", "plain"),
    ],
)
def test_escapes_of_json_are_undone(text: str, plain: str) -> None:
    assert unescaped(text) == plain


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("messages", "tools", "content", "input", "reasoning_steps", "references", "followups", "citations", "images")


@given(st.dictionaries(st.sampled_from([*KEYS, "run_id", "agent_name", "step_results", "team_id"]), JSON))
def test_no_run_is_too_odd(raw: dict[str, Any]) -> None:
    run = parse_run(raw)
    assert isinstance(run, Run)
    for part in parts_of_run(run, run.messages, is_inside=True):
        assert part.kind in KINDS and part.text.encode() and "\0" not in part.text
