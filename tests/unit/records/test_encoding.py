"""Reading and writing JSON nobody can vouch for."""

import json
import math
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.records import Message, RecordError, dumps, loads, readable, strip_for_postgres
from tests.unit.records.strategies import json_values

DEEP = 10_000


@pytest.mark.parametrize("times", [1, 2, 3])
def test_decodes_while_it_is_a_string(times: int) -> None:
    text: Any = {"a": [1, "ü", None]}
    for _ in range(times):
        text = json.dumps(text)
    assert loads(text) == {"a": [1, "ü", None]}
    assert loads(text.encode()) == {"a": [1, "ü", None]}


@pytest.mark.parametrize("value", [None, {"a": 1}, [1], 3, 2.5, True])
def test_what_is_no_text_is_decoded_already(value: Any) -> None:
    assert loads(value) is value


def test_plain_text_inside_json_is_kept() -> None:
    assert loads('"They talked about Lisbon."') == "They talked about Lisbon."
    assert loads('"{\\"a\\": 1"') == '{"a": 1'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e400", math.inf),
        ("[-Infinity]", [-math.inf]),
        ("1234567890123456789012345678901234567890", 1234567890123456789012345678901234567890),
        ("[18446744073709551616, -9223372036854775809]", [2**64, -(2**63) - 1]),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ('"\\ud800"', "\ud800"),
        ('"a\\u0000b"', "a\x00b"),
        (b'["\xff"]', ["\ufffd"]),
    ],
)
def test_odd_json_is_read(text: str | bytes, value: Any) -> None:
    assert loads(text) == value


def test_nan_is_read() -> None:
    assert math.isnan(loads("NaN"))


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"runs": [{"run_id"', "nope", b"\xff\xfe", "[" * DEEP + "]" * DEEP, '{"a":' * DEEP, "9" * 5000],
    ids=["empty", "open", "truncated", "word", "bytes", "deep list", "deep object", "long number"],
)
def test_what_cannot_be_read_is_said_in_a_sentence(text: str | bytes) -> None:
    with pytest.raises(RecordError, match=r"^The stored .+\.$"):
        loads(text)


def test_dumps_is_ascii() -> None:
    assert dumps({"a": "ü🇵🇹"}) == '{"a": "\\u00fc\\ud83c\\uddf5\\ud83c\\uddf9"}'


def test_dumps_converts_what_agno_converts() -> None:
    known = uuid.UUID(int=1)
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    assert dumps([known, moment, Message.from_dict({"role": "user"})]) == dumps(
        [
            str(known),
            "2026-01-02T00:00:00+00:00",
            {"role": "user"},
        ]
    )


@pytest.mark.parametrize("refused", [object(), {1: object()}, {(1, 2): 3}])
def test_dumps_refuses_what_is_not_json(refused: Any) -> None:
    with pytest.raises(RecordError):
        dumps(refused)


def test_dumps_refuses_what_is_too_deep() -> None:
    deep: list[Any] = []
    for _ in range(DEEP):
        deep = [deep]
    with pytest.raises(RecordError):
        dumps(deep)
    with pytest.raises(RecordError):
        strip_for_postgres(deep)


@given(json_values)
def test_dumped_is_loaded_unchanged(value: Any) -> None:
    if not isinstance(value, str):  # strings are decoded further
        assert loads(dumps(value)) == value
        assert loads(dumps(dumps(value))) == value


@given(st.one_of(st.text(), st.binary()))
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    try:
        loads(text)
    except RecordError as error:
        assert str(error).endswith(".")


def test_strips_what_postgres_refuses() -> None:
    dirty = {"k\x00": ["a\x00b\x1f\x0b\ufffe\uffff", "\t\n\r", "\ud800", math.nan, 1.5, None, True]}
    assert strip_for_postgres(dirty) == {"k": ["ab", "\t\n\r", "\ufffd", None, 1.5, None, True]}


@given(json_values)
def test_stripped_text_can_be_encoded(value: Any) -> None:
    json.dumps(strip_for_postgres(value), ensure_ascii=False, allow_nan=False).encode()


@given(st.text(alphabet=st.characters(), max_size=20))
def test_readable_text_can_be_encoded(text: str) -> None:
    readable(text).encode()


def test_readable_keeps_pairs() -> None:
    assert readable("é🇵🇹") == "é🇵🇹"
    assert readable("é\ud83d") == "é\ufffd"
