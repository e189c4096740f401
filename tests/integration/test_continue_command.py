"""`manage.py continue`: the same turn as in the chat pane, in a terminal."""

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agentos.db.sources import Source, use_sources
from agentos.llm.wire import to_wire
from tests.conftest import Person
from tests.integration.turns.conftest import AGENT, WORKFLOW, runs_of

pytestmark = pytest.mark.django_db(transaction=True)
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 20


@pytest.fixture
def source(corpus_file: Any) -> Iterator[Source]:
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}") as sources:
        yield sources[0]


def say(message: str, session_id: str = AGENT, **options: Any) -> str:
    out = io.StringIO()
    call_command("continue", "lab", session_id, message, stdout=out, **options)
    return out.getvalue()


def test_the_answer_is_printed_and_stored(source: Source, fake_model: Any) -> None:
    assert say("[[say All is well.]]") == "All is well.\n"
    assert runs_of(source, AGENT)[-1].content == "All is well."


def test_what_would_steer_the_terminal_is_left_out(source: Source, fake_model: Any) -> None:
    fake_model.brain.enqueue("*", {"content": "\x1b[31mred\x1b]0;title\x07\r\u202eevil\x9b2J\n\tok"})
    assert say("x") == "[31mred]0;titleevil2J\n\tok\n"


def test_an_error_is_not_a_success(source: Source, fake_model: Any) -> None:
    with pytest.raises(CommandError, match="The model server failed"):
        say("[[error 500 exploded]]")
    assert runs_of(source, AGENT)[-1].status == "ERROR"


@pytest.mark.parametrize("session_id", [AGENT, WORKFLOW])
def test_files_are_stored_as_media_and_sent(source: Source, fake_model: Any, tmp_path: Path, session_id: str) -> None:
    (tmp_path / "dot.png").write_bytes(PNG)
    (tmp_path / "data.json").write_text('{"a": 1}')
    say("[[say seen]]", session_id, attach=[str(tmp_path / "dot.png"), str(tmp_path / "data.json")])
    run = runs_of(source, session_id)[-1]
    inner = run.embedded[0] if run.embedded else run
    user = next(message for message in inner.messages if message.role == "user")
    for images, files in ((inner.input_images, inner.input_files), (user.images, user.files)):
        assert [(image.content, image.mime_type) for image in images] == [(base64.b64encode(PNG).decode(), "image/png")]
        assert [(file.content, file.mime_type, file.filename) for file in files] == [
            ('{"a": 1}', "text/plain", "data.json")
        ]
    sent = fake_model.brain.log[-1]["body"]["messages"][-1]["content"]
    assert [part["type"] for part in sent] == ["text", "image_url", "text"]
    assert sent == to_wire([user])[0]["content"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("x.bin", b"\xff\xfe\x00", "neither a picture"), ("gone.txt", None, "cannot be read")],
)
def test_files_that_cannot_be_sent(
    source: Source, tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CommandError, match=words):
        say("x", attach=[str(tmp_path / name)])


def test_it_has_the_rights_of_the_person(source: Source, fake_model: Any, teammate: Person, viewer: Person) -> None:
    say("[[say ok]]", user="teammate")
    noted = {"continued_by": "teammate", "acting_for": "alice@example.com"}
    assert runs_of(source, AGENT)[-1].metadata == {"agentos_sessions": noted}
    with pytest.raises(CommandError, match="does not let you continue sessions"):
        say("x", user="viewer")


def test_strangers_are_refused(source: Source, stranger: Person) -> None:
    with pytest.raises(CommandError, match="belongs to another user"):
        say("x", user="stranger")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere", AGENT, "x"], "There is no source 'nowhere'"),
        (["lab", "no-such", "x"], "There is no session 'no-such'"),
        (["lab", AGENT, " "], "The message is empty"),
        (["lab", AGENT, "x", "--user", "nobody"], "no active user 'nobody'"),
    ],
)
def test_bad_arguments_are_named(source: Source, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        call_command("continue", *arguments)
