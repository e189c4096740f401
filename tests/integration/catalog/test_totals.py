"""Totals made beforehand are what a count of all sessions says, and only who sees all of them is shown them."""

import time
from typing import Any

import pytest

from agentos.catalog import facets, totals
from agentos.catalog.models import CatalogSession, CatalogTerm, SourceState
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.parser import parse
from tests.conftest import Person
from tests.factories import make_session

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> totals.Totals:
    monkeypatch.setattr(totals, "LIVE", 10)
    now = int(time.time())
    for at in range(40):
        row = make_session(
            user_id=f"user-{at % 3}",
            session_type=("agent", "team")[at % 2],
            component_id=f"c{at % 4}",
            component_name=f"C {at % 4}",
            error_count=at % 5 == 0,
            updated_at=now - at * 7_000,
        )
        for term in (f"tool:t{at % 2}", "tag:vip", "topic:trains"):
            CatalogTerm.objects.create(session=row, term=term, updated_at=row.updated_at)
    for source in ("lab", "empty"):
        SourceState.objects.create(source=source)
        totals.refresh(source)
    made = totals.of_states(SourceState.objects.all())
    assert made is not None
    return made


def said(counted: facets.Counts) -> Any:
    values = {name: {(one.value, one.label, one.count) for one in listed} for name, listed in counted.values.items()}
    return values, counted.sessions, counted.errors, sum(bar.count for bar in counted.histogram.bars)


@pytest.mark.parametrize("text", ["", "type:team", "updated:30d"])
def test_they_say_what_a_count_says(text: str, kept: totals.Totals) -> None:
    rows, query = CatalogSession.objects.all(), ListQuery.of(parse(text))
    assert said(facets.counts(rows, query, kept)) == said(facets.counts(rows, query))


def test_everything_is_then_read_without_a_statement(kept: totals.Totals, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        counted = facets.counts(CatalogSession.objects.all(), ListQuery(), kept)
    assert counted.sessions == 40 and counted.made_at


def test_many_matches_are_counted_in_part_and_said_to_be(kept: totals.Totals, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facets, "CAP", 5)
    rows = CatalogSession.objects.all()
    counted = facets.counts(rows, ListQuery.of(parse("-user:user-9")), kept)
    assert (counted.sessions, counted.over, counted.partial["type"]) == (5, 5, 5)
    assert facets.counts(rows, ListQuery.of(parse("type:team")), kept).sessions == 20


def test_a_bound_user_is_counted_for_alone(kept: totals.Totals, owner: Person, viewer: Person) -> None:
    make_session()
    assert "1 session<" in owner.client.get("/sessions/").text
    assert "user-1" not in owner.client.get("/sessions/").text
    html = viewer.client.get("/sessions/").text
    assert "user-1" in html and 'name="tool" value="t1"' in html


def test_a_button_leaves_a_value_out(kept: totals.Totals, viewer: Person) -> None:
    headers = {"HX-Request": "true", "HX-Target": "list"}
    asked = {"type": ["team", "agent"], "not": ["type:team", "user:user-1", ")(", "a or b"]}
    response = viewer.client.get("/sessions/", asked, headers=headers)
    assert response.headers["HX-Push-Url"] == "/sessions/?q=type%3Aagent+-type%3Ateam+-user%3Auser-1"


def test_columns_and_density_are_in_the_url(kept: totals.Totals, viewer: Person) -> None:
    headers = {"HX-Request": "true", "HX-Target": "list"}
    asked = {"columns": ["title", "size,tokens", "user__password"], "density": "comfortable"}
    response = viewer.client.get("/sessions/", asked, headers=headers)
    assert response.headers["HX-Push-Url"] == "/sessions/?columns=title%2Ctokens%2Csize&density=comfortable"
    assert '<table class="sessions comfortable">' in response.text and "Cost</a>" not in response.text
    assert '<table class="sessions comfortable">' in viewer.client.get("/sessions/").text
    assert '<table class="sessions compact">' in viewer.client.get("/sessions/", {"density": "compact"}).text
