"""Deleting one session by its pages: what the sheet says goes, restoring, deleting for good, and for whom."""

from typing import Any

import pytest

from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.reader import Reader
from agentos.db.sources import get_source
from agentos.jobs import runner
from agentos.jobs.models import Job
from agentos.moderation import measures
from agentos.moderation.acting import Actor
from agentos.moderation.models import Standing
from tests.conftest import Person

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
