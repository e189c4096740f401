"""What was redacted is nowhere any more: not in Agno's tables, nor in ours, nor in the bytes of their files."""

import json
import sqlite3
import subprocess
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from agentos.audit.models import Entry
from agentos.catalog.keys import index_key
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.connections import close_connections, connection_for
from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.moderation.acting import Actor, Conflict, Refused
from agentos.moderation.flags import flag
from agentos.moderation.remarks import note, tag
from agentos.records import MARKER, Run
from agentos.records.redaction_targets import of_call, of_medium, of_message, of_text
from agentos.redaction import service
from agentos.redaction.service import Target
from agentos.saved_views.models import SavedView
from agentos.turns.models import Turn, TurnEvent, session_key
from tests.conftest import CORPUS, PG_DUMPS, SQLITE_FILES, Person, PgServer

pytestmark = pytest.mark.django_db(transaction=True)
Open = Callable[[str], list[Source]]
NEEDLE = 'Zoë\'s "quarterly" code: Qx7391Zk'
RARE = b"qx7391zk"  # as indexes hold the word
SESSION = "5b0c4c1e-0d0e-4b0e-9a6e-0d6f3a0b0001"


def target_of(text: str, **options: Any) -> Target:
    return Target(of_text(text, **options), "a text", texts=(text,))


def redacted(row: CatalogSession, target: Target, person: Person, reason: str = "asked by the customer") -> Any:
    seen = service.preview(row, target)
    return service.redact(row, target, Actor.of(person.user), reason, seen.seen)


def row_of(source: Source, session_id: str) -> CatalogSession:
    row = CatalogSession.objects.one(source.name, session_id)
    assert row is not None
    return row


def run_full_of(needle: str, run_id: str, **more: Any) -> dict[str, Any]:
    """A run with the text in every field that holds what was said."""
    arguments = json.dumps({"who": needle, needle: 1})
    tool = {
        "tool_call_id": "call_1", "tool_name": "look_up", "tool_args": {"who": needle, "deep": [{needle: needle}]},
        "tool_call_error": None, "result": repr({"found": needle}), "metrics": None, "confirmation_note": needle,
        "user_input_schema": [{"name": "who", "field_type": "str", "description": needle, "value": needle}],
    }  # fmt: skip
    deltas = [
        {"event": "RunContent", "run_id": run_id, "content": piece} for piece in (needle[:9], needle[9:20], needle[20:])
    ]
    return {
        "run_id": run_id, "agent_id": "helper", "session_id": SESSION, "status": "COMPLETED",
        "created_at": 1_790_000_000,
        "input": {"input_content": f"I am {needle}", "files": [
            {"id": "f1", "mime_type": "text/plain", "content": needle, "filename": "a.txt"},
            {"id": "f2", "mime_type": "application/pdf", "content": b64encode(needle.encode()).decode()},
        ]},
        "content": f"Hello {needle}!", "content_type": "str", "reasoning_content": needle,
        "reasoning_steps": [{"title": needle, "reasoning": needle}],
        "messages": [
            {"id": "m0", "role": "user", "content": f"I am {needle}", "from_history": False},
            {"id": "m1", "role": "assistant", "content": [{"type": "text", "text": needle}], "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": arguments}}]},
            {"id": "m2", "role": "tool", "tool_call_id": "call_1", "content": json.dumps([needle])},
            {"id": "old", "role": "user", "content": needle, "from_history": True},
        ],
        "tools": [tool], "requirements": [{"id": "r1", "tool_execution": tool}], "session_state": {needle: [needle]},
        "metadata": {"note": needle}, "events": deltas, "followups": [needle],
        "member_responses": [{"run_id": f"{run_id}-m", "agent_id": "x", "content": needle, "status": "COMPLETED"}],
        "step_results": [{"step_name": "s", "content": needle, "steps": [{"content": {"deep": needle}}]}],
        **more,
    }  # fmt: skip


def fill(source: Source, session_id: str, needle: str) -> None:
    """Put the text into every table of a source that holds something of the session."""
    data = {"session_name": needle, "session_state": {"a": needle, "list": [needle]}}
    with connection_for(source).cursor() as cursor:
        is_sqlite, ours = source.vendor == "sqlite", Reader(source).layout.value
        sessions = '"agno_sessions"' if is_sqlite else '"ai"."agno_sessions"'
        runs = sessions.replace("sessions", "runs")
        as_json = "%s" if is_sqlite else "%s::jsonb"
        twice = json.dumps if ours == "blob" and is_sqlite else lambda text: text
        values = [twice(json.dumps(one)) for one in (data, {"summary": needle, "topics": [needle]}, {"why": needle})]
        columns = ("session_data", "summary", "metadata")
        sets = ", ".join(f"{column} = {as_json}" for column in columns)
        cursor.execute(f"UPDATE {sessions} SET {sets} WHERE session_id = %s", [*values, session_id])
        run = run_full_of(needle, "planted", session_id=session_id)
        if ours == "blob":
            cursor.execute(f"SELECT runs FROM {sessions} WHERE session_id = %s", [session_id])
            [stored] = cursor.fetchone()
            while isinstance(stored, str):
                stored = json.loads(stored)
            text = twice(json.dumps([*stored, run]))
            cursor.execute(f"UPDATE {sessions} SET runs = {as_json} WHERE session_id = %s", [text, session_id])
        else:
            cursor.execute(
                f"INSERT INTO {runs} (run_id, session_id, run_type, run_index, run_data, created_at, status)"
                f" VALUES ('planted', %s, 'agent', 99, {as_json}, 1790000000, 'COMPLETED')",
                [session_id, json.dumps(run)],
            )
        table = '"agno_approvals"' if is_sqlite else '"ai"."agno_approvals"'
        cursor.execute(f"DROP TABLE IF EXISTS {table}")
        kind = "JSON" if is_sqlite else "JSONB"
        cursor.execute(
            f"CREATE TABLE {table} (id VARCHAR PRIMARY KEY, session_id VARCHAR, tool_name VARCHAR, tool_args {kind},"
            f" context {kind}, resolved_by VARCHAR)"
        )
        cursor.execute(
            f"INSERT INTO {table} VALUES ('a1', %s, 'look_up', {as_json}, {as_json}, %s)",
            [session_id, json.dumps({"who": needle}), json.dumps(run["requirements"]), "mo"],
        )


def plant_ours(source: Source, session_id: str, person: Person, needle: str) -> Turn:
    """Put the text into every table of ours that holds something of the session."""
    turn = Turn.objects.create(
        source=source.name, session_id=session_id, session_key=session_key(source.name, session_id), user=person.user,
        actor="m", message=f"Say {needle}", status="completed", idempotency_key="k1", run_id="r", reason=needle,
        attachments={"files": [{"id": "f", "mime_type": "text/plain", "content": needle}]}, options={"was": needle},
    )  # fmt: skip
    pieces = [needle[:5], needle[5:11], needle[11:], " and more"]
    for seq, piece in enumerate(pieces, 1):
        TurnEvent.objects.create(turn=turn, seq=seq, kind="content", payload={"text": piece})
    TurnEvent.objects.create(turn=turn, seq=9, kind="step", payload={"tool": "look_up", "args": {"who": needle}})
    row = row_of(source, session_id)
    note(row, Actor.of(person.user), f"They said {needle}")
    flag(row, Actor.of(person.user), "Threat or harassment", f"See {needle}", title=needle)
    tag(row, Actor.of(person.user), "vip")
    SavedView.objects.create(owner=person.user, name=needle[:20], query=f"user:x {json.dumps(needle)}")
    return turn


def bytes_of(*paths: Path) -> bytes:
    """Everything that is in the files of SQLite databases, with their logs."""
    close_connections()
    found = [Path(f"{path}{suffix}") for path in paths for suffix in ("", "-wal", "-shm", "-journal")]
    return b"\n".join(file.read_bytes() for file in found if file.exists()).lower()


def forms(needle: str) -> list[bytes]:
    """The text as it may stand in bytes: as it is, in JSON once and twice, and its rarest word, as an index has it."""
    once = json.dumps(needle)[1:-1]
    found = {needle, once, json.dumps(once)[1:-1], json.dumps(needle, ensure_ascii=False)[1:-1], RARE.decode()}
    return [form.lower().encode() for form in found]


def own_dump(pg_server: PgServer) -> bytes:
    """All that our own tables hold, as text."""
    if connection.vendor == "sqlite":
        return bytes_of(Path(str(connection.settings_dict["NAME"])))
    return dump(pg_server, pg_server.url(str(connection.settings_dict["NAME"])))


def dump(pg_server: PgServer, url: str) -> bytes:
    command = [str(pg_server.bin_dir / "pg_dump"), url]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.lower()


@pytest.mark.usefixtures("flag_reasons")
@pytest.mark.parametrize("name", ["agno-v2.db", "agno-v3.db", "agno-v2-to-v3.db"])
def test_no_byte_is_left_in_files(
    name: str, sources: Open, corpus_file: Callable[[str], Path], moderator: Person, pg_server: PgServer
) -> None:
    path = corpus_file(name)
    [source] = sources(f"lab=sqlite:///{path}")
    fill(source, SESSION, NEEDLE)
    refresh_source(source)
    turn = plant_ours(source, SESSION, moderator, NEEDLE)
    connection_for(source).close()
    assert RARE in bytes_of(path)
    assert RARE in own_dump(pg_server)

    outcome = redacted(row_of(source, SESSION), target_of(NEEDLE), moderator)

    assert outcome.count > 30
    assert outcome.left == []
    for form in forms(NEEDLE):
        assert form not in bytes_of(path)
        assert form not in own_dump(pg_server)
    turn.refresh_from_db()
    assert turn.message == f"Say {MARKER}"
    row = row_of(source, SESSION)
    assert MARKER in row.title
    assert row.texts.filter(body__contains=MARKER).exists()


@pytest.mark.usefixtures("flag_reasons")
@pytest.mark.parametrize("name", PG_DUMPS)
def test_no_dump_has_it(name: str, sources: Open, moderator: Person, pg_server: PgServer) -> None:
    url = pg_server.database(CORPUS / name)
    [source] = sources(f"lab={url}")
    fill(source, SESSION, NEEDLE)
    refresh_source(source)
    plant_ours(source, SESSION, moderator, NEEDLE)
    assert RARE in dump(pg_server, url)

    outcome = redacted(row_of(source, SESSION), target_of(NEEDLE), moderator)

    assert outcome.count > 30
    assert outcome.left == []
    assert RARE not in dump(pg_server, url)
    assert RARE not in own_dump(pg_server)


def test_agno_reads_what_is_left(sources: Open, corpus_file: Callable[[str], Path], moderator: Person) -> None:
    """Ids, names of tools, roles and the JSON of arguments stay what they were."""
    [source] = sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")
    fill(source, SESSION, NEEDLE)
    refresh_source(source)
    before = Reader(source).all_runs(SESSION)
    redacted(row_of(source, SESSION), target_of(NEEDLE), moderator)
    after = Reader(source).all_runs(SESSION)
    assert [run.run_id for run in after if isinstance(run, Run)] == [r.run_id for r in before if isinstance(r, Run)]
    run = after[-1]
    assert isinstance(run, Run)
    call = run.messages[1].tool_calls[0]
    assert (call.name, call.args) == ("look_up", {"who": MARKER, MARKER: 1})
    assert [event["content"] for event in run.raw["events"]] == ["", "", MARKER]
    assert run.content == f"Hello {MARKER}!"
    others = [one.to_dict() for one in before[:-1] if isinstance(one, Run)]
    assert [one.to_dict() for one in after[:-1] if isinstance(one, Run)] == others


def test_what_others_write_meanwhile_stays(
    sources: Open, corpus_file: Callable[[str], Path], moderator: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that Agno stores between the look and the write is kept, and looked through as well."""
    path = corpus_file("agno-v3.db")
    [source] = sources(f"lab=sqlite:///{path}")
    fill(source, SESSION, NEEDLE)
    refresh_source(source)
    row, target = row_of(source, SESSION), target_of(NEEDLE)
    seen = service.preview(row, target)
    run = {
        "run_id": "late",
        "agent_id": "helper",
        "session_id": SESSION,
        "content": f"late {NEEDLE}",
        "status": "COMPLETED",
    }
    write = service._in_source

    def meanwhile(*args: Any) -> Any:
        with sqlite3.connect(path) as other:
            other.execute(
                "INSERT INTO agno_runs (run_id, session_id, run_type, run_index, run_data, created_at)"
                " VALUES ('late', ?, 'agent', 100, ?, 1790000001)",
                (SESSION, json.dumps(run)),
            )
        other.close()
        return write(*args)

    monkeypatch.setattr(service, "_in_source", meanwhile)
    service.redact(row, target, Actor.of(moderator.user), "asked by the customer", seen.seen)
    late = Reader(source).all_runs(SESSION)[-1]
    assert isinstance(late, Run)
    assert (late.run_id, late.content) == ("late", f"late {MARKER}")


def test_the_record_has_no_text(sources: Open, corpus_file: Callable[[str], Path], moderator: Person) -> None:
    [source] = sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")
    fill(source, SESSION, NEEDLE)
    refresh_source(source)
    redacted(row_of(source, SESSION), target_of(NEEDLE), moderator)
    entry = Entry.objects.filter(act="session.redacted").latest("pk")
    assert entry.reason == "asked by the customer"
    details = json.loads(entry.details)
    assert details["places"]["tool calls"] > 3
    assert len(details["fingerprint"]) == 16
    assert RARE not in entry.details.lower().encode()


def test_refusals(sources: Open, corpus_file: Callable[[str], Path], moderator: Person) -> None:
    [source] = sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")
    fill(source, SESSION, NEEDLE)
    refresh_source(source)
    row, target, recorded = row_of(source, SESSION), target_of(NEEDLE), Entry.objects.count()
    actor, seen = Actor.of(moderator.user), service.preview(row, target).seen
    with pytest.raises(Refused, match="reasons are kept"):
        service.redact(row, target, actor, f"They wrote {NEEDLE}", seen)
    with pytest.raises(Conflict, match="changed since you looked"):
        service.redact(row, target, actor, "asked by the customer", "another")
    with pytest.raises(Refused, match="nowhere"):
        service.redact(row, target_of("nobody ever said this"), actor, "asked by the customer", seen)
    Turn.objects.create(
        source=source.name, session_id=SESSION, session_key=session_key(source.name, SESSION), user=moderator.user,
        actor="m", message="Hi", status="queued", idempotency_key="k2",
    )  # fmt: skip
    with pytest.raises(Refused, match="being answered"):
        service.redact(row, target, actor, "asked by the customer", seen)
    assert Entry.objects.count() == recorded


def test_one_message_with_its_copies(sources: Open, corpus_file: Callable[[str], Path], moderator: Person) -> None:
    [source] = sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")
    fill(source, SESSION, NEEDLE)
    refresh_source(source)
    run = Reader(source).all_runs(SESSION)[-1]
    assert isinstance(run, Run)
    redacted(
        row_of(source, SESSION), Target(of_message(run.run_id, run.messages[0]), "a message", "planted"), moderator
    )
    after = Reader(source).all_runs(SESSION)[-1]
    assert isinstance(after, Run)
    assert after.messages[0].content == MARKER
    assert after.raw["input"]["input_content"] == MARKER
    assert after.content == run.content


def test_one_call(sources: Open, corpus_file: Callable[[str], Path], moderator: Person) -> None:
    [source] = sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")
    fill(source, SESSION, NEEDLE)
    refresh_source(source)
    run = Reader(source).all_runs(SESSION)[-1]
    assert isinstance(run, Run)
    redacted(
        row_of(source, SESSION), Target(of_call(run.run_id, run.tool_calls[0]), "a tool call", "planted"), moderator
    )
    after = Reader(source).all_runs(SESSION)[-1]
    assert isinstance(after, Run)
    [call] = after.tool_calls
    assert (call.name, call.args, call.result) == ("look_up", {"redacted": MARKER}, MARKER)
    assert after.messages[1].tool_calls[0].args == {"redacted": MARKER}
    assert after.messages[2].content == MARKER
    assert after.raw["requirements"][0]["tool_execution"]["tool_args"] == {"redacted": MARKER}


def test_one_medium(sources: Open, corpus_file: Callable[[str], Path], moderator: Person) -> None:
    [source] = sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")
    fill(source, SESSION, NEEDLE)
    refresh_source(source)
    run = Reader(source).all_runs(SESSION)[-1]
    assert isinstance(run, Run)
    redacted(row_of(source, SESSION), Target(of_medium(run.input_media[0]), "a file", "planted"), moderator)
    after = Reader(source).all_runs(SESSION)[-1]
    assert isinstance(after, Run)
    assert [medium.content == MARKER for medium in after.input_media] == [True, False]


@pytest.mark.parametrize("name", SQLITE_FILES)
def test_every_first_message_of_the_corpus(
    name: str, sources: Open, corpus_file: Callable[[str], Path], moderator: Person
) -> None:
    """Whatever real sessions hold: their first message is gone, and they still read as they did."""
    path = corpus_file(name)
    [source] = sources(f"lab=sqlite:///{path}")
    refresh_source(source)
    for row in list(CatalogSession.objects.filter(source="lab", problem="")):
        runs = [run for run in Reader(source).all_runs(row.session_id) if isinstance(run, Run)]
        text = next((run.input_text for run in runs if run.input_text and len(run.input_text) > 12), None)
        if text is None or text.startswith(("{", "[")) or "\0" in text:
            continue
        redacted(row, target_of(text), moderator)
        again = [run for run in Reader(source).all_runs(row.session_id) if isinstance(run, Run)]
        assert [run.run_id for run in again] == [run.run_id for run in runs]
        assert service.preview(row_of(source, row.session_id), target_of(text)).count == 0
        left = CatalogSession.objects.get(source="lab", session_key=index_key(row.session_id))
        assert left.run_count == row.run_count
        assert left.message_count == row.message_count
        assert left.tool_call_count == row.tool_call_count
