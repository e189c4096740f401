"""Reading a file of any shape: in whatever pieces it comes, and with whatever is wrong in it."""

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentos.transfer import incoming
from agentos.transfer.envelope import encoded
from agentos.transfer.incoming import BadFile, Document, entries

RUN = {"place": "list", "data": {"run_id": "ré", "n": [1.5, None, "\ud800", 12345678901234567890123]}}

LEAVES = st.none() | st.booleans() | st.integers() | st.text()


class Drop(BytesIO):
    """A file that gives a few bytes at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(3)


def document(**changes: Any) -> dict[str, Any]:
    whole = {"format": "agentos-session", "version": 1, "session": {"session_id": "s"}, "runs": [RUN, RUN]}
    return {key: value for key, value in {**whole, **changes}.items() if value is not ...}


def read(data: bytes, file: type[BytesIO] = BytesIO) -> tuple[list[Any], Document]:
    found = Document()
    return [run.value for run in entries(file(data), found)], found


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("file", [BytesIO, Drop])
@pytest.mark.parametrize("reverse", [False, True])
def test_however_it_is_spelled(indent: int | None, file: type[BytesIO], reverse: bool) -> None:
    whole = document()
    if reverse:
        whole = dict(reversed(whole.items()))
    text = json.dumps(whole, indent=indent, ensure_ascii=indent is None)
    runs, found = read(
        b"\xef\xbb\xbf" + text.encode("utf-8", "surrogatepass") if indent is None else text.encode("utf-8", "replace"),
        file,
    )
    assert len(runs) == 2 and found.session == {"session_id": "s"}
    if indent is None:
        assert runs == [RUN["data"]] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {"format": ...}, {"version": "1"}, {"runs": ...}, {"runs": {}}, {"runs": [1]}, {"runs": [{}]}, {"runs": [[]]},
        {"runs": [{**RUN, "text": "{}"}]}, {"runs": [{**RUN, "place": "moon"}]},
        {"runs": [{**RUN, "columns": {"x": 1}}]}, {"runs": [{**RUN, "columns": []}]},
        {"runs": [{"place": "list", "text": "{"}]}, {"runs": [{"place": "list", "text": 3}]},
        {"session": ...}, {"session": "s"}, {"session_text": 3}, {"session_text": {"user_id": "{}"}},
        {"session_text": {"metadata": "not JSON"}}, {"session_text": {"metadata": "{"}},
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(changes: dict[str, Any]) -> None:
    with pytest.raises(BadFile, match=r"^[A-Z].*\.\)?$"):
        _, found = read(json.dumps(document(**changes)).encode())
        assert found.session


@given(st.binary(max_size=80))
def test_rubbish_is_never_more_than_refused(data: bytes) -> None:
    with pytest.raises(BadFile):
        read(data)


@given(st.integers(0, 400))
def test_a_file_cut_short_is_refused(length: int) -> None:
    whole = json.dumps(document()).encode()
    with pytest.raises(BadFile):
        read(whole[: min(length, len(whole) - 1)])


def test_larger_than_all_files_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incoming, "LARGEST", 100_000)
    with pytest.raises(BadFile, match="larger"):
        read(json.dumps(document(more="x" * 300_000)).encode())


def test_kept_text_is_read_again() -> None:
    runs, found = read(
        json.dumps(
            document(runs=[{"place": "list", "text": '{"n": NaN}'}], session_text={"metadata": '{"m": Infinity}'})
        ).encode()
    )
    assert str(runs[0]["n"]) == "nan" and found.session["metadata"] == {"m": float("inf")}


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_the_stack_of_its_own_writes_the_same(value: Any) -> None:
    from agentos.transfer.envelope import _deep

    assert "".join(_deep(value)) == json.dumps(value)


def test_any_depth_is_written() -> None:
    value: Any = []
    for _ in range(100_000):
        value = [value]
    assert encoded(value) == "[" * 100_001 + "]" * 100_001
