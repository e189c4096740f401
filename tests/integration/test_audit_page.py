"""The audit log's page: what was done and read is there, for those who may look, and looking is on record."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from agentos.access.models import ApiToken, Binding, Grant, SignInLink
from agentos.audit.models import Entry, Head
from agentos.audit.notes import notes
from agentos.audit.service import Target, record
from agentos.audit.verifying import verify
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from tests.conftest import Person, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def moderator(db: None) -> Person:
    return person("moderator", "moderator")


@pytest.fixture
def session(sources: Any, corpus_file: Callable[[str], Path]) -> CatalogSession:
    refresh_source(sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")[0])
    found = CatalogSession.objects.filter(user_id="alice@example.com", error_count=0).exclude(runs=None).first()
    assert found is not None
    return found


def acts(since: int) -> list[tuple[str, str]]:
    """Store the reads that wait; return act and actor of all entries behind a number."""
    notes.flush()
    return list(Entry.objects.filter(number__gt=since).order_by("number").values_list("act", "actor"))


def at() -> int:
    return Head.objects.get().number


def test_reads_are_on_record(session: CatalogSession, teammate: Person) -> None:
    before = at()
    base = f"/sessions/lab/{session.quoted_id}/"
    run = session.runs.first()
    assert run is not None and run.run_id
    for url in (base, base, f"{base}?tab=raw", f"{base}runs/{run.quoted_id}/", f"{base}preview/", "/search/?q=hello"):
        assert teammate.client.get(url).status_code == 200
    assert acts(before) == [
        (act, "teammate") for act in ("session.opened", "run.opened", "session.previewed", "search")
    ]
    opened = Entry.objects.get(number=before + 2)
    assert (opened.session_id, opened.run_id, opened.origin) == (session.session_id, run.run_id, "127.0.0.1")
    assert Entry.objects.get(number=before + 4).facts == {"query": "hello"}


def test_what_may_not_be_seen_is_not_taken_for_read(session: CatalogSession, stranger: Person) -> None:
    before = at()
    assert stranger.client.get(f"/sessions/lab/{session.quoted_id}/").status_code == 404
    assert acts(before) == []


def test_exports_and_writes_are_on_record(session: CatalogSession, teammate: Person) -> None:
    before = at()
    base = f"/sessions/lab/{session.quoted_id}/"
    assert teammate.client.get(f"{base}export/?format=json").status_code == 200
    assert teammate.client.get("/sessions/export/?format=csv&q=agent:x").status_code == 200
    teammate.client.post(f"{base}turns/", {"message": "hello", "key": "k"})
    teammate.client.post("/views/", {"name": "Mine", "q": "has:error"})
    assert [act for act, _ in acts(before)] == ["session.exported", "sessions.exported", "turn.sent", "view.saved"]
    assert Entry.objects.get(number=before + 2).facts["chosen"] == [["all", "1"], ["q", "agent:x"]]


def test_signing_in_is_on_record(teammate: Person, client: Client) -> None:
    before = at()
    client.post("/sign-in/", {"username": "team\r\nmate", "password": "wrong"})
    client.post("/sign-in/", {"username": "teammate", "password": "teammate-password"})
    client.post("/sign-out/")
    token = SignInLink.objects.all().issue(teammate.user)
    client.post(f"/sign-in/{token}/")
    assert acts(before) == [
        ("sign_in.failed", "team␍␊mate"), ("sign_in.ok", "teammate"), ("sign_out", "teammate"),
        ("sign_in.ok", "teammate"),
    ]  # fmt: skip


def test_a_token_is_named(teammate: Person, client: Client, session: CatalogSession) -> None:
    before = at()
    bearer = {"Authorization": f"Bearer {ApiToken.objects.all().issue(teammate.user)}"}
    client.get(f"/sessions/lab/{session.quoted_id}/?format=json", headers=bearer)
    assert [act for act, _ in acts(before)] == ["token.used", "session.opened"]
    assert Entry.objects.latest("number").origin == f"127.0.0.1, token {ApiToken.objects.get().pk}"


def test_the_page_lists_filters_and_is_on_record_itself(session: CatalogSession, moderator: Person) -> None:
    on = Target("lab", session.session_id)
    number = record("turn.sent", actor="dora", actor_id=9, on=on, reason="ticket 8812", after={"a": 1}).number
    record("sign_out", actor="<b>eve</b>", actor_id=None, origin="10.9.9.9")
    html = moderator.client.get("/audit/").content.decode()
    assert "Sent a message" in html and "ticket 8812" in html and "&lt;b&gt;eve&lt;/b&gt;" in html
    assert f'href="/sessions/lab/{session.quoted_id}/"' in html
    for query, found in {
        "?who=dora": 1, "?who=nobody-such": 0, "?act=turn.sent&q=8812": 1, "?kind=sign-in&who=dora": 0,
        # The log is never emptied, so others may have left entries about the session in it.
        f"?who=dora&source=lab&session={quote(session.session_id)}": 1, "?who=dora&source=lab&session=other": 0,
        "?from=2026-01-01&who=dora": 1, "?to=2020-01-01": 0,
        "?q=10.9.9.9": 1, f"?who=dora&before={number}": 0, "?before=x&from=never&kind=no&who=dora": 1,
    }.items():  # fmt: skip
        data = moderator.client.get(f"/audit/{query}", headers={"Accept": "application/json"}).json()
        assert len(data["entries"]) == found, query
    assert acts(number)[-1] == ("audit.opened", "moderator")


def test_it_is_read_page_by_page(
    moderator: Person, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
) -> None:
    monkeypatch.setattr("sessions_ui.views.audit.PAGE", 10)
    for n in range(25):
        record("sign_out", actor="paged", actor_id=n)
    seen: list[int] = []
    before = None
    while True:
        with django_assert_max_num_queries(8):
            url = f"/audit/?who=paged&format=json{f'&before={before}' if before else ''}"
            data = moderator.client.get(url).json()
        seen += [entry["number"] for entry in data["entries"]]
        before = data["before"]
        if before is None:
            break
    assert len(seen) == 25 and seen == sorted(seen, reverse=True)
    with django_assert_max_num_queries(10):
        assert "Older" in moderator.client.get("/audit/?who=paged").content.decode()


def test_the_export_is_whole_bounded_and_on_record(moderator: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions_ui.streaming.audit.BATCH", 4)
    for n in range(10):
        record("sign_out", actor="=exported", actor_id=n)

    async def whole(response: Any) -> str:
        return b"".join([part async for part in response]).decode()

    text = async_to_sync(whole)(moderator.client.get("/audit/export/?format=csv&who=%3Dexported"))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["actor_id"] for row in rows] == [str(n) for n in range(10)]
    assert {row["actor"] for row in rows} == {"'=exported"}
    lines = async_to_sync(whole)(moderator.client.get("/audit/export/")).splitlines()
    assert json.loads(lines[-1])["act"] == "audit.exported"
    assert verify().is_whole


@pytest.mark.parametrize("who", ["owner", "viewer", "teammate"])
def test_it_is_not_there_for_others(request: pytest.FixtureRequest, who: str) -> None:
    someone: Person = request.getfixturevalue(who)
    for url in ("/audit/", "/audit/export/"):
        assert someone.client.get(url).status_code == 404
    assert "Audit log" not in someone.client.get("/sessions/").content.decode()


def test_it_is_not_there_for_moderators_of_a_part(moderator: Person, admin: Person) -> None:
    assert "Audit log" in moderator.client.get("/sessions/").content.decode()
    Grant.objects.create(user=moderator.user, kind="agent", value="billing")
    Binding.objects.create(user=admin.user, agno_user_id="alice@example.com")
    assert moderator.client.get("/audit/").status_code == 404
    assert admin.client.get("/audit/").status_code == 404
