"""Walking through a JSON list piece by piece gives what decoding it at once gives."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.db import reader_scan
from agentos.db.reader_scan import NotAList, elements

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=20,
)


def walk(text: str | bytes) -> list[Any]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("INSERT INTO t VALUES (CAST(? AS TEXT))", [text])
        with connection.blobopen("t", "x", 1, readonly=True) as blob:
            return [value for value, _ in elements(blob)]


@pytest.fixture(params=[1, 3, 64, 1_000_000], autouse=True, scope="module")
def piece(request: pytest.FixtureRequest) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader_scan, "_PIECE", request.param)
        yield


@given(st.lists(VALUES, max_size=6), st.booleans(), st.booleans(), st.sampled_from([None, 1]))
def test_equals_decoding_at_once(values: list[Any], twice: bool, ascii_only: bool, indent: int | None) -> None:
    text = json.dumps(values, ensure_ascii=ascii_only, indent=indent)
    text = json.dumps(text, ensure_ascii=ascii_only) if twice else text
    text = text.encode("utf-8", "replace").decode()

    assert walk(f" {text} ") == reading(text)


def reading(text: str) -> Any:
    value = json.loads(text)
    return json.loads(value) if isinstance(value, str) else value


@pytest.mark.parametrize(
    "text",
    ["", "  ", "null", "{}", "5", '"', '"[', '"[]', "[", "[1", "[1,", "[1,]", "[1 2]", '["a', "[1}", '"null"',
     '"\\"[]\\""', '"\\q"', "[" * 5000, b"\x00\x01", b"\xff\xfe["],
)  # fmt: skip
def test_what_is_no_list(text: str | bytes) -> None:
    with pytest.raises(NotAList):
        walk(text)


def test_long_runs_of_backslashes_and_pairs() -> None:
    for value in ("\\" * 999, "😀" * 99, '\\"' * 99, "\ud83d" * 9 + "\\ud83d"):
        once = json.dumps([value])
        assert walk(once) == walk(json.dumps(once)) == json.loads(once)


def test_tolerated() -> None:
    assert walk(b'["a\xffb"]') == ["a�b"]
    assert walk('["\\ud800", 1e400, 12345678901234567890123]') == ["\ud800", float("inf"), 12345678901234567890123]
    assert walk("[NaN]")[0] != walk("[NaN]")[0]
