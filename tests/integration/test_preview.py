"""The preview of a session: what it shows, that it looks into no source, and for whom it is."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.sync import refresh_source
from tests.conftest import Person
from tests.factories import make_session

pytestmark = pytest.mark.django_db
URL = "/sessions/lab/s-1/preview/"


@pytest.fixture
def row(db: None) -> CatalogSession:
    row = make_session(
        session_id="s-1", title="A <b>title", topics=["refunds"], tags=["vip"], error_count=1, last_status="PAUSED"
    )
    for at, status in enumerate(("COMPLETED", "ERROR", "COMPLETED", "COMPLETED", "COMPLETED", "PAUSED")):
        CatalogRun.objects.create(
            session=row, ordinal=at, root_ordinal=at, position=at, run_id=f"r{at}", kind="agent", status=status,
            input_preview=f"question {at}", content_preview=f"answer {at}",
        )  # fmt: skip
    return row


def test_shows_the_facts_and_the_last_messages(row: CatalogSession, viewer: Person) -> None:
    page = viewer.client.get(URL).text
    assert "<html" in page and "A &lt;b&gt;title" in page and "Waiting" in page
    for text in ("refunds", "vip", "question 5", "answer 2", "Last error", "answer 1", "/runs/r1/"):
        assert text in page
    assert "question 0" not in page and "/sessions/?q=user%3Aalice%40example.com" in page


def test_the_part_and_the_data(row: CatalogSession, viewer: Person) -> None:
    part = viewer.client.get(URL, headers={"HX-Request": "true", "HX-Target": "preview"}).text
    assert "<html" not in part and "question 5" in part
    data = viewer.client.get(URL, {"format": "json"}).json()
    assert [run["run_id"] for run in data["runs"]] == ["r2", "r3", "r4", "r5"]
    assert data["last_error"] == {"run_id": "r1", "text": "answer 1"}


def test_reads_the_catalog_alone(row: CatalogSession, viewer: Person) -> None:
    with CaptureQueriesContext(connection) as asked:
        viewer.client.get(URL, headers={"HX-Request": "true", "HX-Target": "preview"})
    assert len([query for query in asked if "catalog_" in query["sql"]]) == 3
    assert not [query for query in asked if "catalogtext" in query["sql"]]


def test_every_session_of_the_corpus_has_one(sources: Any, corpus_file: Any, viewer: Person) -> None:
    refresh_source(sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")[0])
    for row in CatalogSession.objects.all():
        assert viewer.client.get(f"/sessions/lab/{row.quoted_id}/preview/").status_code == 200, row.session_id


def test_who_sees_it(row: CatalogSession, owner: Person, stranger: Person, teammate: Person, client: Any) -> None:
    assert owner.client.get(URL).status_code == teammate.client.get(URL).status_code == 200
    foreign = stranger.client.get(URL, {"format": "json"})
    missing = stranger.client.get("/sessions/lab/none/preview/", {"format": "json"})
    assert foreign.status_code == missing.status_code == 404
    assert foreign.text == missing.text
    assert client.get(URL).status_code == 302


@pytest.mark.parametrize("path", ["lab/..", "lab/%00", "gone/s-1", f"lab/{'x' * 3000}", "lab/s-1'--"])
def test_what_is_no_session(row: CatalogSession, viewer: Person, path: str) -> None:
    assert viewer.client.get(f"/sessions/{path}/preview/").status_code == 404
    assert viewer.client.post(URL).status_code == 405
