"""What anybody may have chosen stays one line of an audit entry."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.audit.acts import Act, find, known, register
from agentos.audit.texts import bounded, stored_json


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alice@example.com", "alice@example.com"),
        ("a\r\n2026-11-28 admin deleted x", "a␍␊2026-11-28 admin deleted x"),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("nul\0", "nul␀"),
        ("\u202egnp.exe", "<U+202E>gnp.exe"),
        ("line\u2028para\u2029", "line<U+2028>para<U+2029>"),
        ("\x9b2J", "<U+009B>2J"),
        ("\ud800", "<U+D800>"),
        ("👩\u200d💻 क्\u200dष", "👩\u200d💻 क्\u200dष"),
        ("thin\u202fspace", "thin space"),
    ],
)
def test_a_text_stays_one_line(text: str, shown: str) -> None:
    assert bounded(text, 200) == shown


@given(st.text(alphabet=st.characters(), max_size=300), st.integers(1, 80))
def test_any_text_is_bounded_storable_and_on_one_line(text: str, limit: int) -> None:
    kept = bounded(text, limit)
    assert len(kept) <= limit
    assert len(kept.splitlines()) <= 1
    assert "\0" not in kept
    kept.encode()


def test_json_is_ascii_and_bounded() -> None:
    assert stored_json(None) == ""
    assert json.loads(stored_json({"a": "\ud800\0\n"})) == {"a": "\ud800\0\n"}
    assert stored_json({"a": "\0"}).isascii() and "\0" not in stored_json({"a": "\0"})
    cut = json.loads(stored_json({"a": "x" * 50_000}))
    assert cut["characters"] == 50_008 and len(cut["sha256"]) == 64 and cut["beginning"].startswith('{"a":"xxx')


def test_a_sentence_takes_its_details_as_plain_text() -> None:
    searched = find("search")
    assert searched is not None
    assert searched.told({"query": "{secret.__class__}\nx"}) == "Searched “{secret.__class__}␊x”"
    assert searched.told({}) == "Searched “…”"
    assert len(searched.told({"query": "x" * 5_000})) < 200


def test_an_act_is_registered_once_and_is_of_a_kind() -> None:
    register(Act("session.opened", "read", "eye", "Opened session"))
    with pytest.raises(ValueError, match="registered already"):
        register(Act("session.opened", "read", "eye", "Something else"))
    with pytest.raises(ValueError, match="of no kind"):
        register(Act("test.made_up", "joke", "eye", "Made up"))
    assert len(known()) == len({act.name for act in known()}) > 20
