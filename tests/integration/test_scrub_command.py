"""`manage.py scrub`: what was deleted is in no byte of the files any more."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agentos.audit.models import Entry
from agentos.db.sources import Source

pytestmark = pytest.mark.django_db(transaction=True)
GONE = b"what-was-deleted-here"


def test_what_was_deleted_is_overwritten(
    sources: Callable[[str], list[Source]], corpus_file: Callable[[str], Path], capsys: Any
) -> None:
    path = corpus_file("agno-v3.db")
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA secure_delete = OFF")
        database.execute("CREATE TABLE scrap (text)")
        database.execute("INSERT INTO scrap VALUES (?)", (GONE.decode() * 5000,))
        database.commit()
        database.execute("DELETE FROM scrap")
    database.close()
    assert GONE in path.read_bytes()
    sources(f"lab=sqlite:///{path}, fixed=sqlite:///{corpus_file('agno-v2.db')}?mode=ro")
    call_command("scrub")
    assert GONE not in path.read_bytes()
    said = capsys.readouterr().out
    assert "lab: done." in said and "fixed: opened read-only" in said and "our own database: done." in said
    assert {"lab", "our own database"} <= set(
        Entry.objects.filter(act="database.scrubbed").values_list("object", flat=True)
    )
    with pytest.raises(CommandError, match="no source nowhere"):
        call_command("scrub", "nowhere")


def test_postgresql_tables_are_written_anew(
    sources: Callable[[str], list[Source]], pg_server: Any, capsys: Any
) -> None:
    from tests.conftest import CORPUS

    sources(f"lab={pg_server.database(CORPUS / 'agno-v3.pg.sql.gz')}")
    call_command("scrub", "lab", "--full")
    assert "lab: done." in capsys.readouterr().out


def test_a_file_that_somebody_writes_to_is_told(
    sources: Callable[[str], list[Source]], corpus_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = corpus_file("agno-v3.db")
    sources(f"lab=sqlite:///{path}")
    monkeypatch.setattr("agentos.redaction.scrubbing._PATIENCE", 0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CommandError, match="Not done: lab"):
        call_command("scrub", "lab")
    other.execute("ROLLBACK")
    other.close()
