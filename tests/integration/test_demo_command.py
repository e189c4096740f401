"""`manage.py demo`: fills an empty source once, and says what it did."""

import base64
import struct
import zlib
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agentos.db.connections import connection_for
from agentos.db.reader import Reader
from agentos.db.sources import Source, use_sources
from agentos.demo.fill import demo_sessions, fill
from agentos.records import Run, build_forest, display_name, tally, walk
from tests.conftest import PgServer

pytestmark = pytest.mark.django_db
NOW = 1_790_000_000


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'demo.db'}"


def demo(*arguments: str) -> str:
    out = StringIO()
    call_command("demo", *arguments, stdout=out)
    return out.getvalue()


def test_fills_an_empty_source_once(url: str) -> None:
    with use_sources(f"demo={url}") as [source]:
        assert demo() == "demo: wrote 31 demo sessions with 314 runs.\n"
        stamps = Reader(source).stamps()
        assert len(stamps) == 31

        assert demo("--source", "demo") == "demo: it holds sessions already, so nothing was written.\n"
        assert Reader(source).stamps() == stamps


def test_a_source_with_sessions_is_left_alone(corpus_file: Any) -> None:
    with use_sources(f"mine=sqlite:///{corpus_file('agno-v2.db')}") as [source]:
        before = Reader(source).stamps()
        assert "nothing was written" in demo()
        assert Reader(source).stamps() == before


def test_asks_which_source(url: str, tmp_path: Path) -> None:
    with use_sources(f"one={url}, two=sqlite:///{tmp_path / 'two.db'}"):
        with pytest.raises(CommandError, match="--source one, two"):
            demo()
        with pytest.raises(CommandError, match="There is no source three; there are: one, two"):
            demo("--source", "three")
        assert "two: wrote" in demo("--source", "two")
    with use_sources(""), pytest.raises(CommandError, match="AGENTOS_SOURCES is empty"):
        demo()


def test_says_why_not(url: str, corpus_file: Any) -> None:
    with (
        use_sources(f"ro=sqlite:///{corpus_file('agno-v3.db')}?mode=ro"),
        pytest.raises(CommandError, match="read-only"),
    ):
        demo()
    with use_sources("down=postgresql://nobody@127.0.0.1:1/x"), pytest.raises(CommandError, match="does not answer"):
        demo()


def test_all_or_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = demo_sessions(NOW)
    broken[-1].runs[-1]["status"] = "WRONG"
    monkeypatch.setattr("agentos.demo.fill.demo_sessions", lambda now: broken)
    with use_sources(f"demo={url}") as [source]:
        with pytest.raises(CommandError, match="status"):
            demo()
        assert Reader(source).layout == "empty"


@pytest.fixture(params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, url: str) -> Iterator[Source]:
    if request.param == "postgresql":
        server: PgServer = request.getfixturevalue("pg_server")
        url = server.database()
    with use_sources(f"demo={url}") as [source]:
        fill(source, NOW)
        yield source
        connection_for(source).close()


def test_what_is_stored_is_what_was_written_down(filled: Source) -> None:
    reader = Reader(filled)
    for script in demo_sessions(NOW):
        session = reader.session(script.session_id)
        assert session is not None
        assert (session.session_type, session.user_id) == (script.component.kind, script.user_id)
        assert (session.session_name, session.session_state) == (script.name, script.state)
        assert session.created_at == script.started
        assert session.updated_at is not None
        assert script.started <= session.updated_at <= NOW
        runs = reader.all_runs(script.session_id)
        if filled.vendor == "sqlite":  # PostgreSQL leaves out some control characters
            assert [run.raw for run in runs] == script.runs
        assert len(runs) == len(script.runs)
        if runs:
            assert display_name(session, runs)


def test_every_kind_of_run_is_there(filled: Source) -> None:
    reader = Reader(filled)
    runs = [run for script in demo_sessions(NOW) for run in reader.all_runs(script.session_id)]
    nodes = list(walk(build_forest(runs)))
    everything = [node.run for node in nodes if isinstance(node.run, Run)]
    statuses = {"COMPLETED", "PAUSED", "CANCELLED", "ERROR", "RUNNING", "PENDING", "REGENERATED"}
    assert {run.status for run in everything} == statuses
    assert {run.kind for run in everything} == {"agent", "team", "workflow"}
    assert max(node.depth for node in nodes) >= 2
    assert {call.status for run in everything for call in run.tool_calls} >= {"ok", "error", "waiting"}
    assert max(len(reader.run_stubs(script.session_id)) for script in demo_sessions(NOW)) >= 250
    assert tally(runs).tool_error_count > 0


def test_pictures_are_real(filled: Source) -> None:
    runs = Reader(filled).all_runs("screenshot-help")
    pictures = [image for run in runs if isinstance(run, Run) for image in (*run.input_images, *run.images)]
    assert len(pictures) == 2
    for picture in pictures:
        data = base64.b64decode(picture.raw["content"])
        assert data.startswith(b"\x89PNG\r\n\x1a\n")
        width, height = struct.unpack(">II", data[16:24])
        body = data[data.index(b"IDAT") + 4 : data.index(b"IEND") - 8]
        assert len(zlib.decompress(body)) == height * (1 + 3 * width)


def test_ids_are_the_same_everywhere() -> None:
    def ids(now: int) -> list[str]:
        return [run["run_id"] for script in demo_sessions(now) for run in script.runs]

    assert ids(NOW) == ids(NOW + 12_345)
    assert len(set(ids(NOW))) == len(ids(NOW))
