"""Files sent along with a message: told by their bytes, measured before they are read, kept as Agno keeps them."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from agentos.catalog.sync import refresh_session
from agentos.db.sources import Source, use_sources
from agentos.turns.models import Turn
from agentos.turns.runner import run_turn
from tests.conftest import Person
from tests.integration.turns.conftest import AGENT, runs_of

pytestmark = pytest.mark.django_db
JSON, HTMX = {"Accept": "application/json"}, {"HX-Request": "true"}
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + b"0" * 40
URL = f"/sessions/lab/{quote(AGENT)}/turns/"


@pytest.fixture(autouse=True)
def source(corpus_file: Any) -> Iterator[Source]:
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}") as sources:
        refresh_session(sources[0], AGENT)
        yield sources[0]


def file(name: str, data: bytes, kind: str = "application/octet-stream") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type=kind)


def send(person: Person, *files: SimpleUploadedFile, message: str = "look", **options: Any) -> Any:
    body = {"message": message, "key": "k", "files": list(files)}
    return person.client.post(URL, body, headers=options.pop("headers", JSON), **options)


def test_each_is_kept_as_what_its_bytes_say(teammate: Person, source: Source, fake_model: Any) -> None:
    files = (
        file("a.txt", PNG, "text/html"), file("b.mp3", WAV, "audio/mpeg"), file("c.pdf", b"%PDF-1.7 x"),
        file("../../d.json", b'{"a": "\xc3\xbc"}', "application/json"),
        file("e.svg", b"<svg onload=x>", "image/svg+xml"),
    )  # fmt: skip
    assert send(teammate, *files).status_code == 201
    turn = Turn.objects.get()
    media = turn.attachments
    [image], [sound], [pdf, text, svg] = media["images"], media["audio"], media["files"]
    assert (image["mime_type"], image["format"]) == ("image/png", "png")
    assert base64.b64decode(image["content"]) == PNG
    assert (sound["mime_type"], sound["format"]) == ("audio/wav", "wav")
    assert (pdf["mime_type"], pdf["filename"], pdf["size"]) == ("application/pdf", "c.pdf", 10)
    assert (text["mime_type"], text["filename"], text["content"]) == ("text/plain", "d.json", '{"a": "ü"}')
    assert (svg["mime_type"], svg["content"]) == ("text/plain", "<svg onload=x>")
    run_turn(turn.pk)
    stored = runs_of(source, AGENT)[-1].input_media
    assert sorted(medium.kind for medium in stored) == ["audio", "file", "file", "file", "image"]
    parts = fake_model.brain.log[-1]["body"]["messages"][-1]["content"]
    assert {part["type"] for part in parts} == {"text", "image_url", "input_audio", "file"}


def test_files_alone_are_a_message(teammate: Person) -> None:
    assert send(teammate, file("a.png", PNG), message="").status_code == 201


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"PK\x03\x04zip", "neither a picture"),
        (b"\x7fELF\x00\x01", "neither a picture"),
        (b"\xff\xfe\x00bad", "neither a picture"),
        (b"", "is empty"),
        (b"BM" + b"0" * 50, "neither a picture"),
    ],
)
def test_what_is_not_taken_says_so(teammate: Person, data: bytes, words: str) -> None:
    answer = send(teammate, file("x\u202e<b>.png", data, "image/png"))
    assert answer.status_code == 422
    assert words in answer.json()["error"] and "\u202e" not in answer.json()["error"]
    assert not Turn.objects.exists()
    page = send(teammate, file("x.png", data, "image/png"), message="kept", headers=HTMX)
    assert words in page.content.decode() and ">kept</textarea>" in page.content.decode()


def test_too_many_or_too_large_are_refused(teammate: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    for count in (21, 101, 1_000):
        answer = send(teammate, *(file(f"{n}.txt", b"x") for n in range(count)))
        assert answer.status_code == 413
        assert "20 can be sent with one message" in answer.json()["error"]
    large = send(teammate, file("a.txt", b"x" * (20 * 2**20 + 1)))
    assert large.status_code == 422 and "a.txt is larger than 20 MB." in large.json()["error"]
    together = send(teammate, file("a.txt", b"x" * 12 * 2**20), file("b.txt", b"x" * 12 * 2**20))
    assert together.status_code == 413 and "22 MB together" in together.json()["error"]
    assert not Turn.objects.exists()


def test_500_megabytes_are_not_even_read(teammate: Person) -> None:
    answer = teammate.client.post(
        URL, b"x", content_type="multipart/form-data; boundary=x", headers=JSON, CONTENT_LENGTH="500000000"
    )
    assert answer.status_code == 413
    broken = teammate.client.post(URL, b"garbage", content_type="multipart/form-data; boundary=", headers=JSON)
    assert broken.status_code in (400, 413)


def test_a_live_turn_names_what_was_attached(teammate: Person) -> None:
    html = send(teammate, file("<i>.png", PNG), file("notes.txt", b"words"), headers=HTMX).content.decode()
    assert "notes.txt" in html and 'aria-label="Attached"' in html
    assert "<i>" not in html


def test_a_page_of_another_site_attaches_nothing(teammate: Person, stranger: Person) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(teammate.user)
    assert strict.post(URL, {"message": "x", "key": "k", "files": [file("a.png", PNG)]}).status_code == 403
    assert send(stranger, file("a.png", PNG)).status_code == 404
    assert not Turn.objects.exists()
