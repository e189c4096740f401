"""Data health, of all sessions and of one: counts equal a recount, links find the sessions, marks say what to do."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.catalog import rollups
from agentos.catalog.health import ADVICE, MARKS
from agentos.catalog.keys import quote_id
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.sources import Source
from tests.conftest import Person

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]
# A query that matches everything is answered from the sessions themselves, not from sums that are kept.
ALL = "runs:>=0"
PAYLOADS = ("run_data", "agent_data", "body", "parts", "content_preview", "input_preview")


@pytest.fixture(autouse=True)
def corpus(sources: Open, corpus_file: Callable[[str], Path]) -> None:
    names = ("agno-v3.db", "agno-v2.db", "agno-v2-to-v3.db")
    for source in sources(",".join(f"s{at}=sqlite:///{corpus_file(name)}" for at, name in enumerate(names))):
        refresh_source(source)
    rollups.refresh(None)


def data(who: Person, **query: Any) -> dict[str, Any]:
    answer = who.client.get("/health/", {"format": "json", **query})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_every_mark_has_its_advice() -> None:
    assert list(ADVICE) == list(MARKS)


def test_the_docs_name_every_mark() -> None:
    text = (Path(__file__).parents[2] / "docs" / "data-health.md").read_text()
    for name in MARKS:
        assert f"| `{name}` | {MARKS[name]} | {ADVICE[name]} |" in text


@pytest.mark.parametrize("query", ["", ALL, "user:bob"])
def test_counts_equal_a_recount_and_links_find_the_sessions(viewer: Person, query: str) -> None:
    rows = CatalogSession.objects.filter(user_id="bob") if "bob" in query else CatalogSession.objects.all()
    expected = Counter(name for row in rows for name in row.health)
    assert expected
    for mark in data(viewer, q=query)["marks"]:
        assert mark["sessions"] == expected[mark["mark"]]
        found = viewer.client.get(mark["url"] + "&format=json").json()["sessions"]
        assert len(found) == min(50, expected[mark["mark"]])


def test_the_page_says_what_it_means_and_what_to_do(viewer: Person) -> None:
    page = viewer.client.get("/health/").content.decode()
    assert "Totals differ" in page and "Go by the runs" in page
    assert 'href="/health/' in viewer.client.get("/overview/").content.decode()
    part = viewer.client.get("/health/", {"q": "user:bob"}, headers={"HX-Target": "list"})
    assert b"<html" not in part.content
    assert part.headers["HX-Push-Url"] == "/health/?q=user%3Abob"


def test_a_sessions_tab_says_it_of_the_session(viewer: Person) -> None:
    odd = next(row for row in CatalogSession.objects.all() if "totals_differ" in row.health)
    sound = next(row for row in CatalogSession.objects.all() if not row.health and row.run_count)
    for row, words in ((odd, ADVICE["totals_differ"]), (sound, "Nothing odd.")):
        page = viewer.client.get(f"/sessions/{row.source}/{quote_id(row.session_id)}/", {"tab": "health"})
        text = page.content.decode()
        assert words in text and "Largest runs" in text
        assert f"/sessions/{row.source}/{quote_id(row.session_id)}/runs/" in text


@pytest.mark.parametrize("query", ["", ALL])
def test_statements_are_few_and_read_no_payload(viewer: Person, query: str) -> None:
    viewer.client.get("/health/", {"q": query})
    with CaptureQueriesContext(connection) as asked:
        viewer.client.get("/health/", {"q": query})
    assert len(asked) <= 12
    for sql in (one["sql"] for one in asked.captured_queries if "django_session" not in one["sql"]):
        assert not any(f'"{name}"' in sql for name in PAYLOADS), sql


@pytest.mark.parametrize(
    ("query", "status"), [({"q": "user:"}, 200), ({"q": "user:", "format": "json"}, 400), ({"q": "\0"}, 200)]
)
def test_bad_parameters(viewer: Person, query: dict[str, str], status: int) -> None:
    assert viewer.client.get("/health/", query).status_code == status


def test_a_bound_user_and_a_stranger(owner: Person, stranger: Person, client: Any) -> None:
    mine = Counter(name for row in CatalogSession.objects.visible_to(owner.user) for name in row.health)
    assert {one["mark"]: one["sessions"] for one in data(owner)["marks"] if one["sessions"]} == dict(mine)
    assert not any(one["sessions"] for one in data(stranger)["marks"])
    assert client.get("/health/").status_code == 302
    row = CatalogSession.objects.exclude(pk__in=CatalogSession.objects.visible_to(owner.user)).first()
    assert row is not None
    url = f"/sessions/{row.source}/{quote_id(row.session_id)}/?tab=health"
    assert owner.client.get(url).status_code == stranger.client.get(url).status_code == 404
