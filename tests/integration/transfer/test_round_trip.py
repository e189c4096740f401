"""Every session of every corpus database goes out, into the other vendors and layouts, and comes out the same."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from agentos.db.layout import look
from agentos.db.reader import Reader
from agentos.db.sources import Source, use_sources
from agentos.transfer.envelope import exact
from agentos.transfer.importing import NotImportable, import_session
from tests.conftest import CORPUS, PG_DUMPS, SQLITE_FILES, PgServer
from tests.corpus import texts
from tests.integration.db.session_dbs import LIST_TABLE

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]
MANIFEST: dict[str, Any] = json.loads((CORPUS / "manifest.json").read_text())["databases"]
TARGETS = ("sqlite", "sqlite-list", "postgresql", "postgresql-list", "postgresql-json")


@contextmanager
def empty(kind: str, folder: Path, pg_server: PgServer) -> Iterator[Source]:
    """A source without a session, of this vendor and layout."""
    vendor, _, layout = kind.partition("-")
    if vendor == "sqlite":
        url = f"sqlite:///{folder / f'{kind}.db'}"
        if layout:
            with sqlite3.connect(folder / f"{kind}.db") as database:
                database.execute(LIST_TABLE.format(table="agno_sessions", json="JSON"))
            database.close()
    else:
        url = pg_server.database()
        if layout:
            made = LIST_TABLE.format(table="ai.agno_sessions", json="JSON" if layout == "json" else "JSONB")
            pg_server.psql(url.partition("?")[0].rpartition("/")[2], f"CREATE SCHEMA ai; {made}".encode())
    with use_sources(f"target={url}") as [source]:
        yield source


def exported(source: Source, session_id: str) -> bytes:
    return "".join(exact(source, session_id)).encode()


def content(document: bytes) -> tuple[dict[str, Any], list[Any]]:
    """What must be the same everywhere: the session's columns and the runs in their order."""
    read = json.loads(document)
    return read["session"], [run.get("data", run.get("text")) for run in read["runs"]]


@pytest.fixture(params=[*SQLITE_FILES, *PG_DUMPS])
def documents(
    request: pytest.FixtureRequest, corpus_file: Callable[[str], Path]
) -> tuple[str, list[tuple[str, bytes]]]:
    """A corpus database's name, and every session of it as (id, exact JSON)."""
    name: str = request.param
    pg: Any = request.getfixturevalue("pg_corpus") if name in PG_DUMPS else None
    url = pg(name) if pg else f"sqlite:///{corpus_file(name)}"
    found = []
    for _, text, entries in texts(name, url, MANIFEST[name]["sessions"]):
        with use_sources(text) as [source]:
            found += [(entry["session_id"], exported(source, entry["session_id"])) for entry in entries]
    assert len(found) == len(MANIFEST[name]["sessions"])
    return name, found


@pytest.mark.parametrize("target", TARGETS)
def test_every_session_comes_out_the_same(
    documents: tuple[str, list[tuple[str, bytes]]], target: str, tmp_path: Path, pg_server: PgServer
) -> None:
    name, sessions = documents
    refused = {}
    with empty(target, tmp_path, pg_server) as source:
        for session_id, document in sessions:
            try:
                import_session(BytesIO(document), source)
            except NotImportable as error:
                refused[session_id] = error.problems
                assert Reader(source).stamp(session_id) is None
                continue
            again = exported(source, session_id)
            assert content(again) == content(document)
            before, after = json.loads(document), json.loads(again)
            assert after["source"]["layout"] == str(look(source).layout)
            if target in ("sqlite", "postgresql") and before["source"]["layout"] == "table":
                assert [run["columns"] for run in after["runs"]] == [run["columns"] for run in before["runs"]]
    nul = "Run 3: It cannot be stored: tools.0.result has NUL or half a surrogate pair in it, which PostgreSQL cannot"
    nul += " hold."
    has_nul = "pg" not in name and name != "agno-v2.0.db" and "postgresql" in target
    assert refused == ({"tools-trouble-01": [nul]} if has_nul else {})
