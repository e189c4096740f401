"""What is taken out of values, what stays, and what a text looks like where it stands in another encoding."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.records import MARKER, Message, RunOutput
from agentos.records.needles import Needles
from agentos.records.placeholders import blank_media
from agentos.records.redacting import KEPT, Redactor
from agentos.records.redaction_targets import of_medium, of_message, of_text

NEEDLE = "Zoë \"Q\" 'x'\n& co"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "text",
    [
        NEEDLE,
        json.dumps(NEEDLE),
        json.dumps(NEEDLE, ensure_ascii=False),
        json.dumps(json.dumps({"a": NEEDLE})),
        json.dumps(json.dumps({"a": NEEDLE}, ensure_ascii=False)),
        json.dumps(json.dumps(json.dumps([NEEDLE]))),
        repr([NEEDLE]),
        "Zoë%20%22Q%22%20%27x%27%0A%26%20co".replace("ë", "%C3%AB"),
        NEEDLE.replace("&", "&amp;").replace('"', "&quot;").replace("'", "&#x27;"),
        NEEDLE.replace("ë", "e\u0308"),
        NEEDLE.replace("\n", "\r\n"),
    ],
)
def test_found_in_every_spelling(text: str) -> None:
    found, number = Needles([NEEDLE]).replaced(f"before {text} after")
    assert number == 1
    assert "co" not in found and found.startswith("before ") and found.endswith(" after")


def test_case_is_an_option() -> None:
    assert Needles(["secret"]).replaced("SECRET")[1] == 0
    assert Needles(["secret"], any_case=True).replaced("x SeCrEt x") == (f"x {MARKER} x", 1)


@given(JSON, JSON, st.text(min_size=3, max_size=12).filter(lambda text: text not in MARKER and MARKER not in text))
def test_nothing_is_left_of_it(before: Any, after: Any, needle: str) -> None:
    if any(one in needle or needle in one for one in ("role", "type", "null", "true", "false", "Infinity", "redacted")):
        return
    value = {"content": [before, needle, {"x": f"<{needle}>", needle: after}], "tool_args": {"deep": {"er": needle}}}
    redactor = of_text(needle)
    found = redactor.run(value)
    assert not Needles([needle]).are_in(json.dumps(_texts(found)))
    assert redactor.taken.total() >= 4
    again = of_text(needle)
    assert again.run(found) == found
    assert not again.taken


def _texts(value: Any) -> list[str]:
    """Every string in a value."""
    if isinstance(value, dict):
        return [
            text for key, item in value.items() for text in (key, *_texts(item)) if key not in ("content", "tool_args")
        ]
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    return [value] if isinstance(value, str) else []


@given(JSON)
def test_what_is_not_in_it_stays(value: Any) -> None:
    redactor = of_text("\u2603 nobody says this \u2603")
    assert redactor.run({"content": value, "other": value}) == {"content": value, "other": value}
    assert not redactor.taken


def test_ids_and_names_of_programs_stay() -> None:
    run: dict[str, Any] = dict.fromkeys(sorted(KEPT), "needle") | {
        "tools": [{"tool_name": "needle", "tool_call_id": "needle", "result": "needle", "tool_args": {"id": "needle"}}],
        "messages": [
            {"role": "user", "tool_calls": [{"id": "needle", "function": {"name": "needle", "arguments": "needle"}}]}
        ],
    }
    redactor = of_text("needle")
    found = redactor.run(run)
    assert {key: found[key] for key in KEPT} == dict.fromkeys(KEPT, "needle")
    assert found["tools"] == [
        {"tool_name": "needle", "tool_call_id": "needle", "result": MARKER, "tool_args": {"id": MARKER}}
    ]
    assert found["messages"][0]["tool_calls"][0]["function"] == {"name": "needle", "arguments": MARKER}
    assert redactor.kept == len(KEPT) + 4


def test_arguments_stay_json() -> None:
    """A number is no text, and a needle may reach over the quotes."""
    assert json.loads(of_text("4111").free('{"card": 41112222, "x": "a"}')) == {"card": MARKER, "x": "a"}
    assert json.loads(of_text('"x","b"').free('{"a": "x","b": "y"}')) == {"redacted": MARKER}
    assert of_text("4111").free({"card": 41112222, "on": True}) == {"card": MARKER, "on": True}


def test_an_answer_in_pieces() -> None:
    events = [{"event": "RunContent", "run_id": "r", "content": piece} for piece in ("my na", "me is Z", "oe.", "Bye")]
    found = of_text("name is Zoe").run({"run_id": "r", "events": events})
    assert [event["content"] for event in found["events"]] == ["", "", "", f"my {MARKER}.Bye"]


def test_a_short_message_goes_only_where_it_is_all_that_is_said() -> None:
    message = Message(role="user", content="Yes")
    run = {"run_id": "r", "content": "Yes, done", "input": {"input_content": "Yes"}, "messages": [message.raw]}
    found = of_message("r", message).run(run)
    assert (found["content"], found["input"]["input_content"]) == ("Yes, done", MARKER)
    assert found["messages"][0]["content"] == MARKER
    other = {"run_id": "other", "content": "Yes", "messages": [{"role": "user", "content": "Yes", "id": "x"}]}
    assert of_message("r", message).run(other) == other


def test_copies_without_ids_are_known_by_what_they_say() -> None:
    """Early Agno 2.0 gave messages no ids, and stored the history again with each run."""
    raw = {"role": "user", "content": "Hi", "from_history": False}
    copy = {**raw, "from_history": True}
    found = of_message("r", Message.from_dict(raw)).run(
        {"run_id": "later", "messages": [copy, {**raw, "content": "Ho"}]}
    )
    assert [message["content"] for message in found["messages"]] == [MARKER, "Ho"]


@pytest.mark.parametrize("kind", ["image/png", "audio/wav", "video/mp4", "text/plain", "application/pdf"])
def test_what_stands_for_a_medium_is_of_its_kind(kind: str) -> None:
    raw = {"id": "m", "content": "aGVsbG8gd29ybGQ=", "mime_type": kind, "filename": "mine.png", "url": "https://x"}
    found = blank_media(raw)
    run = RunOutput.from_dict({"run_id": "r", "images": [found]})
    assert run.images[0].data is not None or kind in ("text/plain", "application/pdf")
    assert "mine" not in json.dumps(found) and "https" not in json.dumps(found)
    assert found["mime_type"].partition("/")[0] == ("text" if kind == "application/pdf" else kind.partition("/")[0])
    taken = Redactor(Needles([]), item=of_medium(RunOutput.from_dict({"images": [raw]}).images[0])._item)
    assert taken.run({"images": [raw, {**raw, "content": "b3RoZXI="}]})["images"][1]["content"] == "b3RoZXI="
