"""`manage.py sync`."""

import io
import itertools
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from agentos.catalog.models import CatalogSession
from agentos.db.sources import use_sources
from agentos.management.commands import sync

pytestmark = pytest.mark.django_db


def run(*args: str) -> str:
    out = io.StringIO()
    call_command("sync", *args, stdout=out)
    return out.getvalue()


def test_follows_the_source(corpus_file: Callable[[str], Path]) -> None:
    path = corpus_file("agno-v3.db")
    with use_sources(f"lab=sqlite:///{path}"):
        first = run()
        count = CatalogSession.objects.count()
        assert first.endswith(f", {count} changed, 0 removed\n")
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("DELETE FROM agno_sessions WHERE session_id = (SELECT min(session_id) FROM agno_sessions)")
        assert run("lab").endswith(", 0 changed, 1 removed\n")
        assert run("--rebuild").endswith(f", {count - 1} changed, 0 removed\n")


def test_a_source_that_is_down_spoils_no_other(corpus_file: Callable[[str], Path], tmp_path: Path) -> None:
    with (
        use_sources(f"gone=sqlite:///{tmp_path}/a.db, lab=sqlite:///{corpus_file('agno-v2.db')}"),
        pytest.raises(CommandError, match="1 of the sources"),
    ):
        run()
    assert CatalogSession.objects.filter(source="lab").exists()


def test_unknown_source_is_a_sentence() -> None:
    with use_sources(""), pytest.raises(CommandError, match="There is no source 'lab'; there is none"):
        run("lab")


def test_rebuilding_from_a_source_that_is_down_keeps_what_is_there(corpus_file: Callable[[str], Path]) -> None:
    path = corpus_file("agno-v3.db")
    with use_sources(f"lab=sqlite:///{path}"):
        run()
        count = CatalogSession.objects.count()
        path.rename(path.with_suffix(".away"))
        with pytest.raises(CommandError, match="1 of the sources"):
            run("--rebuild")
    assert CatalogSession.objects.count() == count > 0


def test_tells_how_far_a_long_pass_is(corpus_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "PROGRESS_SECONDS", 0.0)
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}"):
        lines = run().splitlines()
    count = CatalogSession.objects.count()
    # Eight sessions are stored at once.
    assert [line.partition(" sessions, ")[0] for line in lines[:3]] == [f"lab: {at} of {count}" for at in (8, 16, 24)]
    assert lines[-1] == f"lab: looked at {count}, {count} changed, 0 removed"


def test_watching_says_what_changes_until_interrupted(
    corpus_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = corpus_file("agno-v3.db")

    looks = itertools.count()

    def others_at_work(_: float) -> None:
        look = next(looks)
        if look == 1:
            with closing(sqlite3.connect(path)) as database, database:
                database.execute("UPDATE agno_sessions SET user_id = 'eve' WHERE session_id = 'many-runs'")
        if look == 3:
            path.rename(path.with_suffix(".away"))
        if look == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", others_at_work)
    with use_sources(f"lab=sqlite:///{path}"):
        lines = run("--watch").splitlines()
    assert len(lines) == 3
    assert "1 changed" in lines[1]
    assert CatalogSession.objects.filter(user_id="eve", session_id="many-runs").exists()
