"""Data health, of all sessions and of one: counts equal a recount, links find the sessions, marks say what to do."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agentos.catalog import rollups
from agentos.catalog.health import ADVICE, MARKS
from agentos.catalog.keys import quote_id
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.sources import Source
from sessions_ui.presenters.health import of_session
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


def test_a_tabs_largest_runs_are_ten_by_size_in_one_statement_without_payload() -> None:
    row = CatalogSession.objects.order_by("-run_count", "pk")[0]
    with CaptureQueriesContext(connection) as asked:
        found = of_session(row)
        assert all(run.component is not None and run.quoted_id for run in found.largest)
    assert len(asked) == 1
    assert not any(f'"{name}"' in asked[0]["sql"] for name in PAYLOADS)
    sizes = [run.size for run in found.largest]
    assert sizes == sorted(CatalogRun.objects.filter(session=row).values_list("size", flat=True), reverse=True)[:10]


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "\u202emoc.elgoog", 'a"b\\c'])
def test_a_runs_name_is_text_whatever_it_holds(viewer: Person, name: str) -> None:
    row = CatalogSession.objects.order_by("-run_count", "pk")[0]
    CatalogRun.objects.filter(session=row).update(component_name=name)
    url = f"/sessions/{row.source}/{quote_id(row.session_id)}/?tab=health"
    page = viewer.client.get(url).content.decode().partition("Largest runs")[2]
    assert page and "<script>alert(1)" not in page and "\u202e" not in page


@pytest.mark.parametrize("query", ["", ALL])
def test_everybody_with_a_role_for_all_counts_all(teammate: Person, admin: Person, query: str) -> None:
    expected = Counter(name for row in CatalogSession.objects.all() for name in row.health)
    for who in (teammate, admin):
        assert {one["mark"]: one["sessions"] for one in data(who, q=query)["marks"] if one["sessions"]} == expected


@pytest.mark.parametrize("query", ["", ALL])
def test_statements_are_few_and_read_no_payload(viewer: Person, query: str) -> None:
    with time_machine.travel(timezone.now(), tick=False):  # a second later it would look at the sources again
        viewer.client.get("/health/", {"q": query})
        with CaptureQueriesContext(connection) as asked:
            viewer.client.get("/health/", {"q": query})
    assert len(asked) <= 12
    for sql in (one["sql"] for one in asked.captured_queries if "django_session" not in one["sql"]):
        assert not any(f'"{name}"' in sql for name in PAYLOADS), sql


@pytest.mark.parametrize("query", ["", ALL])
def test_what_is_stored_is_told_by_kind(viewer: Person, query: str) -> None:
    rows = CatalogSession.objects.all()
    found = data(viewer, q=query)
    assert found["stored_bytes"] == sum(row.stored_bytes for row in rows) > 0
    assert found["media_bytes"] == sum(row.media_bytes for row in rows)
    assert found["history_bytes"] == sum(row.history_bytes for row in rows)
    assert b"Copied history" in viewer.client.get("/health/", {"q": query}).content


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
