"""AGENTOS_REMOTES and the keys beside it: what is read, what is refused, and that a key is in no word about it."""

from pathlib import Path
from typing import Any

import pytest

from agentos.remotes.errors import RemoteError, refused
from agentos.remotes.reading import is_end, read_event
from agentos.remotes.remote import Remote, all_remotes, parse_remotes, problem

KEY = "sk-very-secret"


def test_names_urls_and_sources_are_read() -> None:
    prod, lab = parse_remotes("prod=https://hidden.test/os/, lab=http://127.0.0.1:7777?source=lab&source=demo")
    assert (prod.name, prod.url, prod.sources) == ("prod", "https://hidden.test/os", ())
    assert (lab.url, lab.sources) == ("http://127.0.0.1:7777", ("lab", "demo"))
    assert prod.serves_source("anything")
    assert lab.serves_source("demo") and not lab.serves_source("prod")
    assert parse_remotes(" ") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://hidden.test", "needs a name"),
        ("Prod=https://hidden.test", "needs a name"),
        ("prod=ftp://hidden.test", "cannot be understood"),
        ("prod=https://", "cannot be understood"),
        ("prod=https://host:port", "cannot be understood"),
        (f"prod=https://me:{KEY}@hidden.test", "no place in the URL"),
        (f"prod=https://hidden.test?key={KEY}", "and nothing else"),
        ("prod=https://hidden.test#here", "and nothing else"),
        ("a-b=https://one.hidden.test, a_b=https://two.hidden.test", "their keys would be one"),
    ],
)
def test_what_is_wrong_is_said_without_the_url(text: str, words: str, settings: Any) -> None:
    with pytest.raises(RemoteError, match=words) as error:
        parse_remotes(text)
    assert KEY not in str(error.value) and "hidden.test" not in str(error.value)
    settings.AGENTOS_REMOTES = text
    assert all_remotes() == []
    assert problem().startswith("AGENTOS_REMOTES: ")


def test_a_key_is_taken_from_its_setting_or_its_file_each_time(settings: Any, tmp_path: Path) -> None:
    remote = Remote("my-lab", "http://127.0.0.1:1")
    settings.AGENTOS_REMOTE_KEYS = {}
    assert (remote.has_key, remote.key()) == (False, "")
    settings.AGENTOS_REMOTE_KEYS = {"AGENTOS_REMOTE_MY_LAB_KEY": KEY}
    assert (remote.has_key, remote.key()) == (True, KEY)
    file = tmp_path / "key"
    settings.AGENTOS_REMOTE_KEYS = {"AGENTOS_REMOTE_MY_LAB_KEY_FILE": str(file)}
    with pytest.raises(RemoteError, match="cannot be read"):
        remote.key()
    for key in ("first", "second"):
        file.write_text(f"{key}\n")
        assert remote.key() == key
    file.write_text("two\nlines")
    with pytest.raises(RemoteError, match="more than one key"):
        remote.key()
    assert KEY not in repr(remote)


@pytest.mark.parametrize(
    ("url", "in_clear"),
    [
        ("http://hidden.test", True), ("https://hidden.test", False),
        ("http://127.0.0.1:7777", False), ("http://[::1]:7777", False), ("http://localhost:1", False),
    ],
)  # fmt: skip
def test_a_key_in_clear_is_noticed(url: str, in_clear: bool, settings: Any) -> None:
    settings.AGENTOS_REMOTE_KEYS = {"AGENTOS_REMOTE_LAB_KEY": KEY}
    assert Remote("lab", url).sends_key_in_clear is in_clear


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "refuses the key. Check AGENTOS_REMOTE_LAB_KEY"), (403, "does not allow this: “no scope”"),
        (404, "does not know the agent support"), (422, "does not take what was sent"), (429, "Wait a minute"),
        (302, "another address"), (503, "failed (503)"), (418, "refused the request (418)"),
    ],
)  # fmt: skip
def test_each_refusal_has_its_sentence(status: int, words: str, settings: Any) -> None:
    settings.AGENTOS_REMOTE_KEYS = {"AGENTOS_REMOTE_LAB_KEY": KEY}
    remote = Remote("lab", "http://127.0.0.1:7777")
    error = refused(remote, status, b'{"detail": "no scope"}', "the agent support")
    assert words in str(error) and error.status == status
    hostile = f'{{"detail": "your key {KEY}\\nis \\u202eodd{"!" * 9_999}"}}'.encode()
    said = str(refused(remote, status, hostile, "it"))
    assert KEY not in said and "\n" not in said and "\u202e" not in said and len(said) < 500


@pytest.mark.parametrize("data", ["", "no json", "[1]", "null", '"text"', '{"event": 7}', '{"a":' * 5_000, "{}"])
def test_what_is_no_event_is_none(data: str) -> None:
    assert read_event("", data) is None


def test_an_event_is_of_bounded_size() -> None:
    huge = "x" * 1_000_000
    tool = f'{{"tool_call_id": "{huge}", "tool_name": "{huge}", "result": "{huge}", "tool_args": null}}'
    event = read_event("", f'{{"event": "ToolCallCompleted", "run_id": "{huge}", "content": "{huge}", "tool": {tool}}}')
    assert event is not None and event.tool is not None
    assert len(str(event.raw)) < 10_000
    ended = read_event("", f'{{"event": "TeamRunCompleted", "messages": ["{huge}"], "content": "{huge}"}}')
    assert ended is not None and is_end(ended)
    assert len(str(ended.raw)) < 100
