"""Stored media: shown only when that is safe, else a download, never fetched, and only to those who see the session."""

import base64
import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agentos.catalog.keys import quote_id
from agentos.catalog.models import CatalogRun
from agentos.catalog.sync import refresh_source
from agentos.db.reader import Reader
from agentos.db.sources import Source, get_source
from agentos.records import Run, build_forest, walk
from sessions_ui.presenters.media import media_of
from tests.conftest import PG_DUMPS, SQLITE_FILES, Person
from tests.corpus import texts, write

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int = 1, height: int = 1, text: bytes = b"") -> bytes:
    """A PNG of one black dot, whatever size its header states."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    note = chunk(b"tEXt", b"c\0" + text) if text else b""
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + note
        + chunk(b"IDAT", zlib.compress(b"\0\0"))
        + chunk(b"IEND", b"")
    )


GIF = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\4\0\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
WAV = b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0data\0\0\0\0"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0\0\x0b\x08\0\1\0\1\1\1\x11\0\xff\xd9"
WEBP = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture
def lab(sources: Open, corpus_file: Callable[[str], Path]) -> Path:
    """A table-layout database as the source `lab`; returns its path."""
    path: Path = corpus_file("agno-v3.db")
    refresh_source(sources(f"lab=sqlite:///{path}")[0])
    return path


def store(path: Path, session_id: str, run: dict[str, Any]) -> str:
    """Write a session of one run, and return the URL of the run. What is None in `run` is not stored."""
    stored = {"run_id": session_id, "agent_id": "a", "status": "COMPLETED", **run}
    write(
        path, "INSERT INTO agno_sessions (session_id, session_type, agent_id, user_id, created_at)"
        " VALUES (?, 'agent', 'a', 'alice@example.com', 1790000000)", session_id,
    )  # fmt: skip
    write(
        path, "INSERT INTO agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)"
        " VALUES (?, ?, 'agent', 0, ?, 1790000000)", session_id, session_id,
        json.dumps({name: value for name, value in stored.items() if value is not None}),
    )  # fmt: skip
    refresh_source(get_source("lab"))
    return f"/sessions/lab/{quote_id(session_id)}/runs/{quote_id(session_id)}/"


@pytest.mark.parametrize("name", [*SQLITE_FILES, *PG_DUMPS])
def test_every_medium_of_the_corpus_is_shown_once_on_its_runs_page(
    name: str, manifest: dict[str, Any], sources: Open, request: pytest.FixtureRequest, viewer: Person
) -> None:
    opened = request.getfixturevalue("pg_corpus" if name in PG_DUMPS else "corpus_file")(name)
    stated = found = 0
    for place, text, expected in texts(
        name, opened if name in PG_DUMPS else f"sqlite:///{opened}", manifest[name]["sessions"]
    ):
        [source] = sources(text)
        refresh_source(source)
        for session in expected:
            named = {run["run_id"]: run for run in session["runs"]}
            for node in walk(build_forest(Reader(source).all_runs(session["session_id"]))):
                assert isinstance(node.run, Run)
                run = named.get(node.run.run_id, {})
                stated += sum((run.get("input_media") or {}).values()) + sum((run.get("output_media") or {}).values())
                stated += bool(run.get("has_response_audio"))
                if media := media_of(node.run):
                    row = CatalogRun.objects.get(
                        session__source=place, session__session_id=session["session_id"], run_id=node.run.run_id
                    )
                    found += assert_media(
                        viewer, f"/sessions/{place}/{quote_id(session['session_id'])}/runs/{row.quoted_id}/", media
                    )
    assert found == stated


def assert_media(viewer: Person, at: str, media: list[Any]) -> int:
    """Each medium stands on the page once; what is stored opens, what is not is text. Returns how many there are."""
    page = viewer.client.get(at)
    held = [one for message in page.context["page"].messages for one in message.item.media] + page.context["page"].media
    assert sorted(one.number for one in held) == list(range(len(media)))
    for one, medium in ((one, media[one.number]) for one in held):
        answer = viewer.client.get(f"{at}media/{one.number}/")
        assert answer.status_code == (200 if medium.data is not None else 404)
        if medium.data is None:
            assert medium.url is None or medium.url in page.content.decode()
        else:
            assert answer.content == medium.data
            assert answer["Content-Disposition"].startswith("inline" if one.shown_as else "attachment")
    html = page.content.decode()
    assert 'src="http' not in html and 'href="https://example.com' not in html
    return len(media)


SHOWN = {"image/png": png(), "image/gif": GIF, "image/jpeg": JPEG, "image/webp": WEBP, "audio/wav": WAV}


@pytest.mark.parametrize("stated", SHOWN)
def test_what_is_safe_is_shown(stated: str, lab: Path, viewer: Person) -> None:
    kind = "audio" if stated.startswith("audio") else "images"
    at = store(lab, "safe", {kind: [{"id": "m", "mime_type": stated, "content": b64(SHOWN[stated])}]})
    answer = viewer.client.get(f"{at}media/0/")
    assert answer["Content-Type"] == stated and answer["Content-Disposition"].startswith("inline")
    assert_harmless(answer)
    assert viewer.client.get(f"{at}media/0/?download")["Content-Type"] == "application/octet-stream"
    html = viewer.client.get(at).content.decode()
    assert (f'<img src="{at}media/0/"' in html) == (kind == "images") and ("<audio" in html) == (kind == "audio")


def assert_harmless(answer: Any) -> None:
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(
    ("stated", "data"),
    [
        ("image/svg+xml", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        ("text/html", png()),
        ("image/svg+xml", png()),
        ("image/png", b"<html><script>alert(1)</script>"),
        ("image/png", png() + b"<html><script>alert(1)</script>"),
        ("image/png", png() + b"\0" * 10),
        ("image/png", png(text=b"<script>alert(1)</script>")),
        ("image/png", png(60_000, 60_000)),
        ("image/png", png(0, 0)),
        ("image/png", b"\x89PNG\r\n\x1a\n"),
        ("image/gif", GIF + b"PK\3\4"),
        ("image/jpeg", JPEG[:-2]),
        ("image/jpeg", b"\xff\xd8\xff" + b"\xff" * 9 + b"\xff\xd9"),
        ("image/bmp", b"BM" + b"\0" * 60),
        ("image/png", WAV),
        ("application/pdf", b"%PDF-1.7 <script>"),
        ("video/mp4", b"\0\0\0\x18ftypmp42" + b"\0" * 20),
        ("audio/wav", WAV + b"<script>alert(1)</script>"),
    ],
)
def test_what_may_not_be_safe_is_a_download(stated: str, data: bytes, lab: Path, viewer: Person) -> None:
    at = store(lab, "unsafe", {"images": [{"id": "m", "mime_type": stated, "content": b64(data)}]})
    answer = viewer.client.get(f"{at}media/0/")
    assert answer.content == data and answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert_harmless(answer)


@pytest.mark.parametrize(
    "name",
    [
        "../../settings.py",
        "/etc/passwd",
        "C:\\boot.ini",
        "a\0b.png",
        "x" * 300 + ".png",
        "\u202egnp.exe",
        'a"; x="b',
        "a\r\nSet-Cookie: x",
        "",
        "...",
        "\ud800",
        "日本.png",
    ],
)
def test_file_names_are_made_safe(name: str, lab: Path, viewer: Person) -> None:
    at = store(lab, "named", {"files": [{"filename": name, "mime_type": "text/plain", "content": "words"}]})
    header = viewer.client.get(f"{at}media/0/")["Content-Disposition"]
    assert header.startswith("attachment") and len(header) < 1_000
    assert not {"/", "\\", "\r", "\n", "\0", "\u202e"} & {*header.replace("utf-8''", "")}
    assert 'x="b' not in header and viewer.client.get(at).status_code == 200


def test_what_a_step_made_alone_is_there(lab: Path, viewer: Person) -> None:
    own, handed_on = (base64.b64encode(png(width)).decode() for width in (3, 4))
    inner = {"run_id": "inner", "agent_id": "x", "images": [{"id": "b", "content": handed_on}]}
    steps = [
        {"step_name": "draw", "images": [{"id": "a", "content": own, "mime_type": "image/png"}]},
        {"step_name": "loop", "steps": [{"step_name": "agent", "images": [{"id": "b", "content": handed_on}]}]},
    ]
    at = store(
        lab, "steps", {"agent_id": None, "workflow_id": "w", "step_results": steps, "step_executor_runs": [inner]}
    )
    page = viewer.client.get(at)
    assert [one.name for one in page.context["page"].media] == ["a"]
    assert viewer.client.get(f"{at}media/0/")["Content-Type"] == "image/png"
    assert viewer.client.get(f"{at}media/1/").status_code == 404


def test_nothing_is_fetched_or_opened(lab: Path, viewer: Person, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("do not tell")
    places = (
        "http://169.254.169.254/latest/meta-data", "http://[::ffff:a9fe:a9fe]/", f"file://{secret}",
        "javascript:alert(1)", "data:image/png;base64,AAAA", "//evil.example/x.png",
    )  # fmt: skip
    media = [*({"url": place} for place in places), {"filepath": str(secret)}, {"filepath": "../../settings.py"}]
    reference = {
        "storage_key": "a/b.png",
        "storage_backend": "s3",
        "bucket": "b",
        "url": "https://s3.example/b.png",
        "size": 4,
    }
    at = store(lab, "elsewhere", {"images": [*media, {"id": "r", "media_reference": reference}]})
    html = viewer.client.get(at).content.decode()
    for place in (*places, str(secret)):
        assert f'src="{place}' not in html and f'href="{place}' not in html
    assert html.count("Not loaded:") == len(media) and "Kept in media storage:" in html and "s3 / b / a/b.png" in html
    assert "<img" not in html and "do not tell" not in html
    for number in range(len(media) + 1):
        assert viewer.client.get(f"{at}media/{number}/").status_code == 404


def test_two_hundred_images_are_chips_that_load_nothing_until_opened(lab: Path, viewer: Person) -> None:
    images = [
        {"id": str(n), "mime_type": "image/png", "content": b64(png(text=str(n).encode() * 20_000))} for n in range(200)
    ]
    messages = [{"role": "user", "content": "Look", "images": images}]
    at = store(lab, "gallery", {"messages": messages, "input": {"input_content": "Look", "images": images}})
    page = viewer.client.get(at)
    html = page.content.decode()
    shown = [one for message in page.context["page"].messages for one in message.item.media] + page.context[
        "page"
    ].media
    assert sorted(one.number for one in shown) == list(range(200))
    assert html.count("<img ") == html.count('loading="lazy"') == 200 and len(html) < 500_000
    # A closed <details> has no box, and what has no box is not loaded lazily or otherwise.
    assert "<details open" not in html.partition('class="media"')[2].partition("</article>")[0]


def test_other_content_is_no_medium(lab: Path, viewer: Person) -> None:
    contents: list[Any] = ["not base64!", 7, None, ["x"], {"a": 1}, "", "é"]
    at = store(lab, "odd", {"images": [{"id": str(n), "content": content} for n, content in enumerate(contents)]})
    assert viewer.client.get(at).status_code == 200
    assert {viewer.client.get(f"{at}media/{n}/").status_code for n in range(len(contents))} == {404}


class TestOwnership:
    """Who may not see a session gets none of its bytes."""

    def test_only_those_who_see_the_session(
        self, lab: Path, owner: Person, teammate: Person, admin: Person, stranger: Person
    ) -> None:
        at = store(lab, "mine", {"images": [{"mime_type": "image/png", "content": b64(png())}]})
        assert {person.client.get(f"{at}media/0/").status_code for person in (owner, teammate, admin)} == {200}
        hidden = stranger.client.get(f"{at}media/0/", {"format": "json"})
        missing = stranger.client.get("/sessions/lab/none/runs/none/media/0/", {"format": "json"})
        assert (hidden.status_code, missing.status_code) == (404, 404) and hidden.content == missing.content

    @pytest.mark.parametrize("number", ["1", "99999999999999999999", "-1", "x"])
    def test_bad_numbers(self, number: str, lab: Path, viewer: Person) -> None:
        at = store(lab, "one", {"images": [{"mime_type": "image/png", "content": b64(png())}]})
        assert viewer.client.get(f"{at}media/{number}/").status_code == 404

    def test_a_source_that_is_gone_is_one_sentence(self, lab: Path, viewer: Person) -> None:
        at = store(lab, "gone", {"images": [{"mime_type": "image/png", "content": b64(png())}]})
        lab.rename(lab.with_suffix(".gone"))
        assert viewer.client.get(f"{at}media/0/").status_code == 503
