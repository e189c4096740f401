"""A session in which something was redacted is one that real Agno, of both releases, carries on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentos.db.connections import connection_for
from agentos.db.reader import Reader
from agentos.db.sources import Source, use_sources
from agentos.db.writer import Writer
from agentos.db.writer_redact import survey
from agentos.records import MARKER, Redactor, Run
from agentos.records.redaction_targets import of_call, of_medium, of_message, of_text
from tests.conftest import CORPUS, PgServer
from tests.interop.conftest import NEW, OLD, Side

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_only]
SESSIONS = ("5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001", "team-coordinate", "wf-sequential", "media-session")
WAYS = (
    ("agno-v2.db", OLD), ("agno-v2.pg.sql.gz", OLD), ("agno-v2.db", NEW), ("agno-v3.db", NEW),
    ("agno-v3.pg.sql.gz", NEW), ("agno-v2-to-v3.db", NEW),
)  # fmt: skip


def everything_of(runs: list[Run]) -> Iterator[Redactor]:
    """What a moderator may take out of these runs: texts, messages, calls and media."""
    for run in runs:
        if run.input_text and len(run.input_text) > 8:
            yield of_text(run.input_text, any_case=True)
        for call in run.tool_calls:
            yield of_call(run.run_id, call)
        for medium in (*run.input_media, *run.output_media):
            yield of_medium(medium)
        for message in run.messages:
            if message.role in ("user", "assistant"):
                yield of_message(run.run_id, message)


def opened(name: str, corpus_file: Any, pg_server: PgServer) -> str:
    if name.endswith(".gz"):
        return f"lab={pg_server.database(CORPUS / name)}"
    path: Path = corpus_file(name)
    return f"lab=sqlite:///{path}"


def stored(source: Source, session_id: str) -> list[Run]:
    return [run for run in Reader(source).all_runs(session_id) if isinstance(run, Run)]


@pytest.mark.parametrize("session_id", SESSIONS)
@pytest.mark.parametrize(("name", "release"), WAYS, ids=str)
def test_agno_carries_on(
    corpus_file: Any,
    pg_server: PgServer,
    sides: dict[str, Side],
    model_server: Any,
    name: str,
    release: str,
    session_id: str,
) -> None:
    key = f"redacted-{name}-{release}-{session_id}"
    with use_sources(opened(name, corpus_file, pg_server)) as [source]:
        before = stored(source, session_id)
        taken = list(everything_of(before))
        for redactor in taken:
            Writer(source).redact(session_id, redactor)
        session = Reader(source).session(session_id)
        assert session is not None
        ids = [run.run_id for run in stored(source, session_id)]
        connection_for(source).close()
        job = {"key": key, "model_url": model_server.url, "message": "And then? [[say Then the end.]]"}
        job |= {"kind": session.session_type, "url": source.url, "schema": source.schema}
        job |= {"component_id": session.component_id, "session_id": session_id, "user_id": session.user_id}
        seen = sides[release].do({**job, "do": "view"})
        result = sides[release].do({**job, "do": "run"})
        after = sides[release].do({**job, "do": "view"})
        for redactor in taken:  # nor did Agno bring anything back
            assert not survey(source, session_id, redactor.fresh()).taken
    assert ids == [run.run_id for run in before] == seen["run_ids"]
    assert result["status"] == "COMPLETED"
    assert after["run_ids"] == [*ids, result["run_id"]]
    asked = str([entry["body"]["messages"] for entry in model_server.brain.log if entry["key"] == key])
    assert MARKER in asked
    for run in before:
        if run.input_text and len(run.input_text) > 8:
            assert run.input_text not in asked
