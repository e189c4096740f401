"""Deleting one session by its pages: what the sheet says goes, restoring, deleting for good, and for whom."""

import re
from html import unescape
from typing import Any

import pytest

from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_session, refresh_source
from agentos.changes.forking import fork
from agentos.db.reader import Reader
from agentos.db.sources import get_source
from agentos.db.writer import Writer
from agentos.deletion.erasing import ERASE
from agentos.jobs import runner, service
from agentos.jobs.models import Job
from agentos.moderation import measures
from agentos.moderation.acting import Actor
from agentos.moderation.models import Standing
from agentos.records import Session, parse_run
from tests.conftest import Person
from tests.integration.test_media_page import b64, png

pytestmark = pytest.mark.django_db
WHY = "somebody asked for it"


@pytest.fixture
def row(sources: Any, corpus_file: Any, settings: Any) -> CatalogSession:
    settings.AGENTOS_TURNS = "worker"
    refresh_source(sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")[0])
    found = CatalogSession.objects.filter(user_id="alice@example.com", session_type="agent", run_count__gt=0)
    return found.order_by("pk")[0]


def url(row: CatalogSession, end: str) -> str:
    return f"/sessions/lab/{row.quoted_id}/{end}"


def test_what_the_page_promises_goes(row: CatalogSession, admin: Person, settings: Any) -> None:
    sheet = admin.client.get(url(row, "moderate/delete/"), headers={"HX-Target": "sheet-content"}).text
    assert "goes for good after 30 days" in sheet and "<dt>Runs</dt>" in sheet
    settings.AGENTOS_DELETED_DAYS = 0
    assert "when somebody deletes it for good" in admin.client.get(url(row, "moderate/delete/")).text
    early = admin.client.get(url(row, "erase/")).text
    assert "It is not deleted yet" in early and "disabled" in early
    assert admin.client.post(url(row, "erase/"), {"reason": WHY}).status_code == 409
    admin.client.post(url(row, "moderate/delete/"), {"reason": WHY})
    page = admin.client.get(url(row, "")).text
    assert "Delete for good…" in page and "Restore…" in page
    promised = admin.client.get(url(row, "erase/?format=json")).json()["goes"]
    assert promised["runs"] == row.run_count and promised["sessions"] == 1
    assert admin.client.post(url(row, "erase/"), {"reason": "no"}).status_code == 422
    answer = admin.client.post(url(row, "erase/"), {"reason": WHY})
    assert answer.status_code == 302
    assert Reader(get_source("lab")).session(row.session_id) is not None
    runner.run_now()
    report = admin.client.get(f"{answer.headers['Location']}?format=json").json()
    assert report["items"][0]["told"] == promised and report["job"]["sums"] == promised
    assert Reader(get_source("lab")).session(row.session_id) is None
    assert admin.client.get(url(row, "")).status_code == 404
    log = admin.client.get("/audit/", {"act": "session.erased"}).text
    assert "Deleted session for good" in log


def test_forks_are_counted_and_stay(row: CatalogSession, admin: Person, moderator: Person) -> None:
    source = get_source("lab")
    first, second = (fork(source, row.session_id) for _ in range(2))
    fork(source, first.session_id)  # of the fork, not of this one
    assert admin.client.get(url(row, "erase/?format=json")).json()["stays"] == {"forks": 2}
    page = admin.client.get(url(row, "erase/")).text
    assert "2 sessions</a> that you see were forked from it" in page
    there = re.search(r'href="(/sessions/\?q=fork_of[^"]+)"', page)
    assert there is not None
    listed = admin.client.get(unescape(there[1])).text
    assert first.session_id in listed and second.session_id in listed
    measures.put(row, Standing.DELETED, Actor.of(admin.user), WHY)
    admin.client.post(url(row, "erase/"), {"reason": WHY})
    runner.run_now()
    assert not CatalogSession.objects.filter(pk=row.pk).exists()
    assert Reader(source).session(first.session_id) is not None
    assert CatalogSession.objects.forks_of(row).count() == 2


@pytest.mark.parametrize("length", [1, 119, 121, 190, 300])
def test_forks_of_a_session_with_a_long_id(row: CatalogSession, admin: Person, length: int) -> None:
    writer, long = Writer(get_source("lab")), "L" * length
    for session_id, origin in ((long, None), ("its-fork", long)):
        data = {"forked_from_session_id": origin} if origin else {}
        writer.create_session(
            Session.from_dict(
                {"session_id": session_id, "session_type": "agent", "agent_id": "a", "session_data": data}
            )
        )
        refresh_session(get_source("lab"), session_id)
    page = admin.client.get(f"/sessions/lab/{long}/erase/").text
    assert "1 session</a> that you see was forked from it" in page
    there = re.search(r'href="(/sessions/\?q=fork_of[^"]+)"', page)
    assert there is not None and "its-fork" in admin.client.get(unescape(there[1])).text


def test_media_are_counted(row: CatalogSession, admin: Person) -> None:
    picture = {"id": "m", "mime_type": "image/png", "content": b64(png())}
    run = {
        "run_id": "with-media", "agent_id": "a", "session_id": "media", "status": "COMPLETED", "images": [picture] * 2,
        "created_at": 1_790_000_000,
        "messages": [{"role": "user", "content": "look", "images": [picture], "files": [{"url": "http://x/y.pdf"}]}],
    }  # fmt: skip
    writer = Writer(get_source("lab"))
    writer.create_session(Session.from_dict({"session_id": "media", "session_type": "agent", "agent_id": "a"}))
    writer.append_run("media", parse_run(run), expect_user_id=None)  # type: ignore[arg-type]  # no BadRun
    refresh_session(get_source("lab"), "media")
    goes = admin.client.get("/sessions/lab/media/erase/?format=json").json()["goes"]
    assert (goes["media"], goes["media_bytes"] > 0) == (4, True)
    page = admin.client.get("/sessions/lab/media/erase/").text
    assert "<dt>Media</dt>" in page and "<dt>Of media</dt>" in page
    [draft] = [service.prepare(Actor.of(admin.user), CatalogSession.objects.filter(session_id="media"), ERASE)]
    assert draft.promised["media"] == 4


def test_kept_by_a_hold(row: CatalogSession, admin: Person) -> None:
    actor = Actor.of(admin.user)
    measures.put(row, Standing.DELETED, actor, WHY)
    measures.put(row, Standing.HOLD, actor, WHY)
    at = admin.client.post(url(row, "erase/"), {"reason": WHY}).headers["Location"]
    runner.run_now()
    assert admin.client.get(f"{at}?format=json").json()["job"]["refused"] == 1
    assert CatalogSession.objects.filter(pk=row.pk).exists()


def test_a_source_that_cannot_be_read(row: CatalogSession, admin: Person, sources: Any, tmp_path: Any) -> None:
    measures.put(row, Standing.DELETED, Actor.of(admin.user), WHY)
    sources(f"lab=sqlite:///{tmp_path / 'gone.db'}")
    answer = admin.client.get(url(row, "erase/"))
    assert answer.status_code == 422 and "cannot be counted now" in answer.text
    assert admin.client.get(url(row, "moderate/delete/")).status_code == 200


def test_who_may_not(
    row: CatalogSession,
    owner: Person,
    stranger: Person,
    viewer: Person,
    teammate: Person,
    moderator: Person,
    client: Any,
) -> None:
    for who in (owner, viewer, teammate, moderator):
        assert who.client.get(url(row, "erase/")).status_code == 403
        assert who.client.post(url(row, "erase/"), {"reason": WHY}).status_code == 403
    assert stranger.client.post(url(row, "erase/"), {"reason": WHY}).status_code == 404
    assert client.post(url(row, "erase/")).status_code == 302
    measures.put(row, Standing.DELETED, Actor.of(moderator.user), WHY)
    assert "Delete for good…" not in moderator.client.get(url(row, "")).text
    assert teammate.client.get(url(row, "erase/")).status_code == 404
    assert not Job.objects.exists()


@pytest.mark.parametrize("qid", ["no-such-session", "_", "_00", "%F0%9F", "a" * 300])
def test_bad_ids(qid: str, admin: Person, row: CatalogSession) -> None:
    for source in ("lab", "nowhere"):
        assert admin.client.post(f"/sessions/{source}/{qid}/erase/", {"reason": WHY}).status_code == 404
