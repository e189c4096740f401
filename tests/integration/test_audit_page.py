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
from django.db import DatabaseError, connection, transaction
from django.test import Client

from agentos.access.models import ApiToken, Binding, Grant, SignInLink
from agentos.audit.models import Entry, Head
from agentos.audit.notes import notes
from agentos.audit.service import Target, note, record
from agentos.audit.verifying import verify
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.catalog.text.extract import Part
from agentos.catalog.text.store import Texts, write
from tests.conftest import Person, person
from tests.factories import make_session

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


class TestWhatASearchShowed:
    """Who saw a session's words is found by the session, also where a search of many showed them."""

    @staticmethod
    def texts(*session_ids: str) -> None:
        for number, session_id in enumerate(session_ids):
            row = make_session(session_id=session_id, source="lab")
            run = CatalogRun.objects.create(
                session=row, ordinal=0, root_ordinal=0, position=0, kind="agent", run_id="r"
            )
            part = Part("answer", 1, f"zqneedle number {number}")
            write([Texts(row.pk, run.pk, 1_790_000_000, (part,))])

    def test_the_entry_names_the_sessions_on_the_page_and_is_found_by_each(
        self, teammate: Person, moderator: Person, django_assert_max_num_queries: Any
    ) -> None:
        long = "ü" * 3_000
        self.texts("one", long)
        make_session(session_id="beside", source="lab")
        before = at()
        for _ in range(3):
            assert "zqneedle" in teammate.client.get("/search/", {"q": "zqneedle"}).text
        with django_assert_max_num_queries(6):
            notes.flush()
        entry = Entry.objects.get(act="search", number__gt=before)
        assert {one["session_id"][:3] for one in entry.facts["shown"]} == {"one", "üüü"}
        for session_id, count in (("one", 1), (long, 1), ("beside", 0)):
            asked = {"source": "lab", "session": session_id, "format": "json"}
            found = [one["number"] for one in moderator.client.get("/audit/", asked).json()["entries"]]
            assert found == [entry.number] * count, session_id
        assert verify().is_whole

    def test_another_page_of_hits_is_another_read(self, teammate: Person) -> None:
        self.texts(*(f"s{number}" for number in range(25)))
        for page in ("1", "2", "2"):
            teammate.client.get("/search/", {"q": "zqneedle", "page": page})
        notes.flush()
        shown = [len(one.facts["shown"]) for one in Entry.objects.filter(act="search").order_by("number")]
        assert shown == [20, 5]

    def test_nothing_found_names_nobody(self, teammate: Person) -> None:
        teammate.client.get("/search/", {"q": "zqneedle"})
        notes.flush()
        assert Entry.objects.get(act="search").facts == {"query": "zqneedle"}

    def test_at_most_fifty_are_named(self) -> None:
        note("search", actor="a", actor_id=1, shown=[Target("lab", f"{n}") for n in range(80)])
        notes.flush()
        assert len(Entry.objects.latest("number").facts["shown"]) == 50

    def test_a_hit_in_its_surroundings_is_an_opened_run(self, session: CatalogSession, teammate: Person) -> None:
        run = session.runs.filter(depth=0).first()
        assert run is not None and run.run_id
        before = at()
        hit = f"lab/{session.quoted_id}/answer/{run.quoted_id}"
        assert teammate.client.get("/search/", {"q": "hello", "hit": hit}).status_code == 200
        assert ("run.opened", "teammate") in acts(before)
        assert Entry.objects.get(act="run.opened", number__gt=before).session_id == session.session_id

    @pytest.mark.parametrize("sql", ["UPDATE audit_shown SET target_key = 'x'", "DELETE FROM audit_shown"])
    def test_what_finds_them_is_as_append_only(self, sql: str) -> None:
        note("search", actor="a", actor_id=1, shown=[Target("lab", "one")])
        notes.flush()
        with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql)


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
    assert Entry.objects.get(number=before + 4).facts["query"] == "hello"


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
