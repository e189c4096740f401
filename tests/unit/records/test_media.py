"""Media: decoding, and telling types without trusting names."""

import base64
from typing import Any

import pytest

from agentos.records import Audio, File, Image, Media, Video, sniff_mime_type

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(200)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_content_is_base64() -> None:
    assert Image(content=encoded(PNG)).data == PNG
    assert Image(content="data:image/png;base64," + encoded(PNG)).data == PNG


def test_spoken_answers_are_encoded_twice() -> None:
    twice = Audio(content=encoded(encoded(WAV).encode()))
    assert (twice.data, twice.mime) == (WAV, "audio/wav")
    assert Audio(content=encoded(WAV)).data == WAV


def test_text_files_are_plain_text() -> None:
    note = File(content="Grüße", mime_type="text/plain", filename="note.txt")
    assert (note.data, note.text) == ("Grüße".encode(), "Grüße")
    assert File(content=encoded(b"%PDF-1.7"), mime_type="application/pdf").data == b"%PDF-1.7"
    assert File(content=encoded(b"%PDF-1.7")).text is None


@pytest.mark.parametrize("content", [None, 5, [], {}, "not base64!", "ü", "abc", "="])
def test_what_is_no_base64_has_no_data(content: Any) -> None:
    medium = Image.from_dict({"content": content})
    assert medium.data is None
    assert medium.mime is None


@pytest.mark.parametrize(
    ("medium", "mime"),
    [
        (Image(mime_type="image/png", format="gif"), "image/png"),
        (Image(format="jpeg"), "image/jpeg"),
        (Audio(format="pcm16"), "audio/pcm16"),
        (Image(url="https://x.test/a/b.png?size=1#f"), "image/png"),
        (Image(content=encoded(PNG)), "image/png"),
        (Video(filepath="/tmp/film.mp4"), "video/mp4"),
        (File(filename="report.pdf"), "application/pdf"),
        (File(media_reference={"mime_type": "text/csv", "storage_key": "k"}), "text/csv"),
        (File(url="https://x.test/"), None),
        (Media(), None),
    ],
)
def test_mime(medium: Media, mime: str | None) -> None:
    assert medium.mime == mime


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (PNG, "image/png"),
        (WAV, "audio/wav"),
        (b"\x00\x00\x00\x18ftypmp42", "video/mp4"),
        (b"<svg xmlns=", None),
        (b"<!doctype html><script>", None),
        (b"", None),
    ],
)
def test_markup_is_never_guessed(head: bytes, mime: str | None) -> None:
    assert sniff_mime_type(head) == mime


def test_a_reference_takes_the_place_of_content() -> None:
    medium = Image(id="i", media_reference={"storage_key": "a/b", "storage_backend": "s3", "size": 12})
    assert medium.media_reference is not None
    assert (medium.media_reference.storage_key, medium.media_reference.size, medium.data) == ("a/b", 12, None)
