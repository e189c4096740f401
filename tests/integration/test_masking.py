"""No page, list, file, stream or answer as data shows a secret to whoever has not had it shown."""

import itertools
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from agentos.audit.models import Entry
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.sources import get_source
from agentos.db.writer import Writer
from agentos.masking import MASKED
from agentos.moderation.acting import Actor
from agentos.moderation.flags import flag
from agentos.moderation.remarks import note
from agentos.records import Session, parse_run
from agentos.turns.models import Turn, TurnEvent, session_key
from tests.conftest import Person
from tests.integration.test_every_url import PARAMETERS, address, body_of
from tests.url_rows import ROWS

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("flag_reasons")]
KEY = "sk-proj-abcdEFGH1234567890zqkey"
CARD = "4111 1111 1111 1111"
SECRETS = [KEY, CARD, "zqkey", "1111 1111"]
SESSION = "s1"


def run_full_of(text: str, run_id: str, **more: Any) -> dict[str, Any]:
    call = {"tool_call_id": "c1", "tool_name": "look_up", "tool_args": {"who": text}, "result": text}
    return {
        "run_id": run_id, "session_id": SESSION, "agent_id": "helper", "user_id": "alice@example.com", "model": "m",
        "status": "COMPLETED", "created_at": 1_790_000_000, "input": {"input_content": text}, "content": text,
        "reasoning_content": text, "session_state": {"k": text, text: 1}, "metadata": {"why": text}, "tools": [call],
        "messages": [
            {"role": "system", "content": text},
            {"role": "user", "content": text, "from_history": True},
            {"role": "user", "content": text, "files": [
                {"id": "f", "filename": "a.txt", "mime_type": "text/plain", "content": text}]},
            {"role": "assistant", "content": "", "reasoning_content": text, "tool_calls": [
                {"id": "c1", "type": "function", "function": {
                    "name": "look_up", "arguments": json.dumps({"who": text})}}]},
            {"role": "tool", "tool_call_id": "c1", "tool_name": "look_up", "content": text},
            {"role": "assistant", "content": text},
        ],
        "followups": [text], "references": [{"query": text}], **more,
    }  # fmt: skip


@pytest.fixture
def places(sources: Any, tmp_path: Path, moderator: Person) -> dict[str, Any]:
    """A session with secrets in everything that is shown, and the values of URL parameters about it."""
    sources(f"lab=sqlite:///{tmp_path / 'lab.db'}")
    text = f"my key is {KEY} and card {CARD} end"
    session = {
        "session_id": SESSION, "session_type": "agent", "agent_id": "helper", "user_id": "alice@example.com",
        "created_at": 1_790_000_000, "metadata": {"tags": [text], "note": text}, "agent_data": {"agent_id": "helper"},
        "session_data": {"session_name": text, "session_state": {"k": text, "n": 4111111111111111}},
        "summary": {"summary": text, "topics": [text]},
    }  # fmt: skip
    writer = Writer(get_source("lab"))
    writer.create_session(Session.from_dict(session))
    failed = run_full_of(text, "run-2", status="ERROR")
    for run in (run_full_of(text, "run-1"), failed):
        writer.append_run(SESSION, parse_run(run), expect_user_id="alice@example.com")  # type: ignore[arg-type]  # no BadRun
    refresh_source(get_source("lab"), budget=None)
    row = CatalogSession.objects.get(session_id=SESSION)
    actor = Actor.of(moderator.user)
    note(row, actor, text)
    case = flag(row, actor, "Something else", text, title=row.title).case
    turn = Turn.objects.create(
        source="lab", session_id=SESSION, session_key=session_key("lab", SESSION), status="failed", actor="somebody",
        message=text, idempotency_key=uuid.uuid4().hex, last_seq=3, attachments={}, problem="It failed.",
    )  # fmt: skip
    for seq, piece in enumerate((text[:14], text[14:30], text[30:]), 1):
        TurnEvent.objects.create(turn=turn, seq=seq, kind="content", payload={"text": piece})
    return {
        "source": "lab", "qid": SESSION, "qrun_id": "run-1", "number": 0, "part": "result", "act": "hide",
        "case_id": case.pk, "turn_id": turn.pk, "token": "none", "view_id": 1, "job_id": uuid.uuid4(),
        "user_id": moderator.user.pk,
    }  # fmt: skip


def asked(name: str, places: dict[str, Any]) -> Iterator[str]:
    """Every address of a URL that is read, with the queries of its row and some more."""
    site = {"mine": {**dict.fromkeys(PARAMETERS[name], 1), **places}}
    more = {
        "sessions": ("?preview=lab/s1", "?q=helper"),
        "sessions_export": ("?format=csv", "?format=jsonl"),
        "sessions_complete": ("?q=state.k:m", "?q=tag:", "?q=topic:"),
        "session": ("?tab=state", "?tab=metrics", "?tab=runs", "?tab=health", "?tab=raw&view=log", "?view=timeline"),
        "search": ("?q=card", "?q=key&by=hit", "?q=end&in=answer", "?q=key+is"),
        "jump": ("?q=my+key", "?q=s1"),
        "compare": ("?a=lab/s1&b=lab/s1", "?a=lab/s1/runs/run-1&b=lab/s1/runs/run-2"),
        "session_branch": ("?run=run-1",),
        "flag": ("?run=run-1&message=3",),
        "redact": ("?run=run-1&message=3",),
        "medium": ("?download",),
        "session_state": (),
    }
    for query in dict.fromkeys(("", *ROWS[name].queries, *more.get(name, ()))):
        yield address(name, site, "mine") + query


READ = [name for name, row in ROWS.items() if "GET" in row.methods and name not in ("sign_in_link", "livez", "readyz")]


@pytest.mark.parametrize("name", READ)
def test_nothing_shows_a_secret(
    places: dict[str, Any], admin: Person, viewer: Person, owner: Person, name: str
) -> None:
    """An administrator sees everything there is, but secrets; whoever else sees less."""
    for who, at in itertools.product((admin, viewer, owner), asked(name, places)):
        for accept in ("text/html", "application/json"):
            answer = who.client.get(at, headers={"Accept": accept})
            assert answer.status_code < 500, at
            body = body_of(answer)
            said = [secret for secret in SECRETS if secret in body]
            assert not said, (
                f"{at} as {accept} tells {who.user} {said}: …{body[max(0, body.index(said[0]) - 300) :][:400]}"
            )


def test_what_is_masked_is_there_to_be_found(places: dict[str, Any], viewer: Person) -> None:
    for path in (
        "",
        "?tab=state",
        "runs/run-1/",
        "runs/run-1/tools/0/",
        "export/?format=markdown",
        "export/?format=json",
    ):
        assert MASKED in body_of(viewer.client.get(f"/sessions/lab/s1/{path}")), path
    for path in ("/sessions/", "/search/?q=card", "/jump/?q=my+key"):
        assert MASKED in body_of(viewer.client.get(path)), path


def test_the_catalog_holds_no_secret(places: dict[str, Any]) -> None:
    """So nobody can search for one letter by letter."""
    with connection.cursor() as cursor:
        for table in ("session", "run", "text", "term"):
            cursor.execute(f"SELECT * FROM catalog_catalog{table}")
            assert not [row for row in cursor.fetchall() if KEY in str(row) or "1111 1111" in str(row)], table


def test_shown_for_a_reason_on_record(places: dict[str, Any], moderator: Person, admin: Person) -> None:
    url = "/sessions/lab/s1/"
    assert moderator.client.post(f"{url}secrets/", {"reason": ""}).status_code == 422
    assert moderator.client.post(f"{url}secrets/", {"reason": "the customer asked"}).status_code == 302
    entry = Entry.objects.filter(act="session.secrets.shown").latest("pk")
    assert (entry.reason, entry.actor) == ("the customer asked", "moderator")
    for path in ("", "runs/run-1/", "runs/run-1/tools/0/", "export/?format=json", "export/?format=markdown&secrets=1"):
        assert KEY in body_of(moderator.client.get(url + path)), path
        assert KEY not in body_of(admin.client.get(url + path)), path
    assert KEY not in body_of(moderator.client.get(f"{url}export/?format=markdown"))
    assert KEY not in body_of(moderator.client.get("/sessions/"))
    moderator.client.post(f"{url}secrets/", {"act": "mask"})
    assert KEY not in body_of(moderator.client.get(url))


def test_who_may_have_them_shown(
    places: dict[str, Any], owner: Person, viewer: Person, teammate: Person, stranger: Person
) -> None:
    for who in (owner, viewer, teammate):
        assert who.client.post("/sessions/lab/s1/secrets/", {"reason": "I am curious"}).status_code == 403
        assert KEY not in body_of(who.client.get("/sessions/lab/s1/export/?format=markdown&secrets=1"))
    assert stranger.client.post("/sessions/lab/s1/secrets/", {"reason": "I am curious"}).status_code == 404


def test_a_state_with_secrets_is_not_edited_blindly(places: dict[str, Any], teammate: Person) -> None:
    answer = teammate.client.get("/sessions/lab/s1/state/")
    assert answer.status_code == 403
    assert "have them shown first" in answer.text


def test_it_can_be_turned_off(places: dict[str, Any], viewer: Person, settings: Any) -> None:
    settings.AGENTOS_MASK = ["none"]
    assert KEY in body_of(viewer.client.get("/sessions/lab/s1/runs/run-1/"))
    assert viewer.client.get("/sessions/lab/s1/secrets/").status_code == 403


def test_kinds_and_rules_of_a_company(places: dict[str, Any], viewer: Person, settings: Any) -> None:
    settings.AGENTOS_MASK = ["cards"]
    settings.AGENTOS_MASK_RULES = ["look_[a-z]+"]
    body = body_of(viewer.client.get("/sessions/lab/s1/runs/run-1/?format=json"))
    assert KEY in body and CARD not in body
