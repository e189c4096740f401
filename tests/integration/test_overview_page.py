"""The overview: its sums equal a recount, hold nothing of others, and cost a bounded number of statements."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from agentos.catalog import rollups
from agentos.catalog.hours import HOUR
from agentos.catalog.keys import clean
from agentos.catalog.models import CatalogRun, CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.sources import Source
from tests.conftest import Person
from tests.factories import make_session

pytestmark = pytest.mark.django_db
Open = Callable[[str], list[Source]]
# A query that matches everything is answered from the sessions themselves, not from sums that are kept.
ALL = "runs:>=0"
UNTIL = "2026-07-05"
HOSTILE = ("<script>alert(1)</script>", "\u202emoc.elgoog", 'a"b\\c', "100%_", "half \ud800", "x" * 9_000)
PAYLOADS = ("run_data", "session_data", "agent_data", "body", "parts", "content_preview", "input_preview")


@pytest.fixture
def corpus(sources: Open, corpus_file: Callable[[str], Path]) -> None:
    """Sessions of the corpus, and sums that are up to date."""
    names = ("agno-v3.db", "agno-v2.db")
    for source in sources(",".join(f"s{at}=sqlite:///{corpus_file(name)}" for at, name in enumerate(names))):
        refresh_source(source)
    rollups.refresh(None)


@pytest.fixture
def made(sources: Open) -> None:
    """No source: what the catalog holds is made by the test."""
    sources("")


def data(who: Person, **query: Any) -> dict[str, Any]:
    answer = who.client.get("/overview/", {"format": "json", "until": UNTIL, **query})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def html(who: Person, **query: Any) -> str:
    answer = who.client.get("/overview/", query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def recounted(start: int, end: int, **only: Any) -> dict[str, Any]:
    """Count in Python what the steps say in all."""
    runs = CatalogRun.objects.filter(created_at__gte=start, created_at__lt=end, **only).exclude(kind="bad")
    top = [run for run in runs if run.depth == 0]
    return {
        "runs": len(top),
        "failed": sum(run.status == "ERROR" for run in top),
        "input_tokens": sum(run.input_tokens or 0 for run in runs),
        "output_tokens": sum(run.output_tokens or 0 for run in runs),
        "tokens": sum(run.total_tokens or 0 for run in runs),
    }


def summed(found: dict[str, Any]) -> dict[str, Any]:
    names = ("runs", "failed", "input_tokens", "output_tokens", "tokens")
    return {name: sum(step[name] or 0 for step in found["steps"]) for name in names}


@pytest.mark.parametrize("query", ["", ALL])
@pytest.mark.parametrize("span", ["24h", "7d", "30d", "90d", "1y", "nonsense"])
@pytest.mark.usefixtures("corpus")
def test_sums_equal_a_recount(viewer: Person, span: str, query: str) -> None:
    found = data(viewer, span=span, q=query)
    assert summed(found) == recounted(found["start"], found["end"])
    assert len(found["steps"]) == (found["end"] - found["start"]) // found["step"]
    if span in ("90d", "1y"):
        assert summed(found)["runs"] > 100


@pytest.mark.usefixtures("corpus")
def test_kept_and_counted_say_the_same(viewer: Person) -> None:
    kept, counted = data(viewer, span="90d"), data(viewer, span="90d", q=ALL)
    assert kept["as_of"] and counted["as_of"] is None
    assert kept["steps"] == counted["steps"]
    assert kept["health"] == counted["health"] and kept["health"]


@pytest.mark.usefixtures("corpus")
def test_a_query_narrows_everything(viewer: Person) -> None:
    found = data(viewer, span="90d", q="user:bob")
    assert summed(found) == recounted(found["start"], found["end"], session__user_id="bob")
    page = html(viewer, span="90d", until=UNTIL, q="user:bob")
    assert "alice@example.com" not in page
    asked = [unquote_plus(url) for url in re.findall(r'href="/sessions/\?q=([^"&]*)"', page)]
    assert any({"user:bob", "status:paused"} == set(one.split()) for one in asked), asked


@pytest.mark.usefixtures("corpus")
def test_the_page_shows_lanes_facts_and_tables(viewer: Person) -> None:
    page = html(viewer, span="90d", until=UNTIL)
    for words in (
        "Runs with errors",
        "Duration, p50 and p95",
        "Waiting for a person",
        "Largest sessions",
        "Users",
        "All",
    ):
        assert words in page
    assert page.count('role="img" aria-label=') >= 6
    assert "Show as table" in page
    assert re.search(r'href="/sessions/\?q=health%3A\w+"', page)
    assert 'href="/agents/?' in page and 'href="/tools/?' in page
    assert "style=" not in page.replace('style=""', "")


@pytest.mark.usefixtures("corpus")
def test_an_empty_time_says_where_the_last_run_is(viewer: Person) -> None:
    page = html(viewer, span="24h", until="2030-01-01")
    assert "No run began in this time." in page
    [day] = re.findall(r"until=(\d{4}-\d\d-\d\d)\">Show the time", page)
    assert summed(data(viewer, span="24h", until=day))["runs"] > 0


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_last_runs_day_is_one_of_the_clock_in_any_time_zone(viewer: Person, settings: Settings, zone: str) -> None:
    settings.TIME_ZONE = zone
    for hour in (0, 23):
        moment = 1_751_673_600 + hour * HOUR  # on 5 Jul 2025, UTC
        session = make_session(session_id=f"s{hour}", updated_at=moment)
        place = {"ordinal": 0, "root_ordinal": 0, "position": 0, "stored": True}
        CatalogRun.objects.create(session=session, created_at=moment, kind="agent", **place)
        for query in ("", ALL):
            rollups.refresh(None)
            assert "until=2025-07-05" in html(viewer, span="24h", until="2025-08-01", q=query)


@pytest.mark.usefixtures("corpus")
def test_htmx_gets_the_form_and_the_one_url(viewer: Person) -> None:
    answer = viewer.client.get("/overview/", {"span": "30d", "q": "user:bob"}, headers={"HX-Target": "list"})
    assert b"<html" not in answer.content
    assert answer.headers["HX-Push-Url"] == "/overview/?q=user%3Abob&span=30d"


@pytest.mark.parametrize("query", ["", ALL, "user:bob has:error"])
@pytest.mark.usefixtures("corpus")
def test_statements_are_few_and_read_no_payload(viewer: Person, query: str) -> None:
    with time_machine.travel(timezone.now(), tick=False):  # a second later it would look at the sources again
        html(viewer, q=query)
        with CaptureQueriesContext(connection) as asked:
            html(viewer, q=query, span="90d", until=UNTIL)
    assert len(asked) <= 40
    for sql in (one["sql"] for one in asked.captured_queries if "access_browsersession" not in one["sql"]):
        assert not any(f'"{name}"' in sql for name in PAYLOADS), sql


@pytest.mark.usefixtures("made")
def test_odd_times_and_one_run(viewer: Person) -> None:
    for at, moment in enumerate((-5, 0, 1, 10**11, 1_751_700_000)):
        session = make_session(session_id=f"s{at}", updated_at=moment)
        place = {"ordinal": 0, "root_ordinal": 0, "position": 0, "stored": True}
        CatalogRun.objects.create(session=session, created_at=moment, kind="agent", **place)
    rollups.refresh(None)
    found = data(viewer, span="24h", until="2025-07-05")
    assert summed(found)["runs"] == 1
    assert data(viewer, span="24h", until="2025-07-05", q=ALL)["steps"] == found["steps"]
    assert "<table" in html(viewer, span="1y")


@pytest.mark.usefixtures("made")
def test_without_anything_it_says_so(viewer: Person) -> None:
    page = html(viewer)
    assert "Nothing is stored." in page
    assert data(viewer)["steps"][0]["tokens"] is None


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.usefixtures("made")
def test_stored_text_stays_text(viewer: Person, text: str) -> None:
    text = clean(text, 10_000)
    make_session(
        session_id=text, title=text[:300], user_id=text, component_id=text, component_name=text[:300], stored_bytes=9,
        tool_calls_by_name={text: 2}, tool_failures={text: 1}, tool_call_count=2,
    )  # fmt: skip
    rollups.refresh(None)
    for query in ("", ALL):
        page = html(viewer, q=query)
        assert "<script>alert(1)" not in page
        assert "\u202emoc" not in page.replace("\u2068", "")


@pytest.mark.parametrize(
    ("query", "status"),
    [({"span": "x"}, 200), ({"until": "9999-99-99"}, 200), ({"until": "0001-01-01"}, 200), ({"q": "user:"}, 200),
     ({"q": "user:", "format": "json"}, 400), ({"until": "\0", "span": "\0"}, 200)],
)  # fmt: skip
@pytest.mark.usefixtures("corpus")
def test_bad_parameters(viewer: Person, query: dict[str, str], status: int) -> None:
    assert viewer.client.get("/overview/", query).status_code == status


@pytest.mark.parametrize("query", ["", ALL, "user:bob"])
@pytest.mark.usefixtures("corpus")
def test_a_bound_user_sees_only_what_is_theirs(owner: Person, query: str) -> None:
    mine = CatalogSession.objects.visible_to(owner.user)
    found = data(owner, span="1y", q=query)
    own = {"session__in": mine} if "bob" not in query else {"session__in": mine.filter(user_id="bob")}
    assert summed(found) == recounted(found["start"], found["end"], **own)
    assert found["as_of"] is None
    assert "bob" not in html(owner, span="1y", until=UNTIL)


@pytest.mark.usefixtures("corpus")
def test_a_stranger_sees_nothing_and_nobody_signs_in(stranger: Person, client: Any) -> None:
    found = data(stranger, span="1y")
    assert (summed(found)["runs"], found["health"]) == (0, {})
    assert "alice" not in html(stranger) and "Fetch the intranet" not in html(stranger)
    assert client.get("/overview/").status_code == 302


def test_hours_are_whole(viewer: Person, made: None) -> None:
    found = data(viewer, span="24h")
    assert found["end"] % HOUR == 0
