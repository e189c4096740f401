"""`manage.py doctor`: one line for each thing it looks at."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from agentos.db.sources import use_sources

pytestmark = pytest.mark.django_db


def run() -> str:
    """The lines of a run that finds nothing wrong."""
    out = io.StringIO()
    call_command("doctor", stdout=out)
    return out.getvalue()


def run_badly() -> str:
    """The lines of a run that exits with 1."""
    out = io.StringIO()
    with pytest.raises(CommandError, match="found") as caught:
        call_command("doctor", stdout=out)
    assert caught.value.returncode == 1
    return out.getvalue()


def test_all_is_well(corpus_file: Callable[[str], Path]) -> None:
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}?mode=ro"):
        lines = run().splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * 3
    assert "migrated" in lines[0]
    assert "sessions" in lines[1]
    assert "read-only" in lines[1]
    assert "demo model" in lines[2]


def test_a_source_that_is_down_spoils_no_other(corpus_file: Callable[[str], Path], tmp_path: Path) -> None:
    down = "postgresql://nobody@127.0.0.1:1/none"
    with use_sources(
        f"lab=sqlite:///{corpus_file('agno-v2.db')}, gone=sqlite:///{tmp_path}/no/a.db?mode=ro, pg={down}"
    ):
        lines = run_badly().splitlines()
    assert [line.split()[0] for line in lines] == ["ok", "ok", "problem", "problem", "ok"]
    assert all(line.count("Traceback") == 0 for line in lines)


def test_without_sources() -> None:
    with use_sources(""):
        assert "names no source" in run_badly()


def test_model_key(settings: object, fake_model: object, corpus_file: Callable[[str], Path]) -> None:
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}"):
        assert "http://127.0.0.1:" in run()


def test_our_own_database_is_gone() -> None:
    def gone(*args: object) -> None:
        raise OperationalError("connection refused\nand more")

    with use_sources(""), connection.execute_wrapper(gone):
        first = run_badly().splitlines()[0]
    assert first == "problem  Our own database (DATABASE_URL) cannot be used: connection refused"
