"""`manage.py sync`."""

import io
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from agentos.catalog.models import CatalogSession
from agentos.db.sources import use_sources

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
