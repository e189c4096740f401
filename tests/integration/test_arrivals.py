"""How many sessions are new: by one statement along an index, for what one may see, never more than 99."""

import time
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.catalog.models import CatalogSession
from sessions_ui.presenters.arrivals import Mark, mark_of
from tests.conftest import Person
from tests.factories import make_session

pytestmark = pytest.mark.django_db
URL = "/sessions/new/"


def new(person: Person, since: Any, **query: str) -> Any:
    return person.client.get(URL, {"since": str(since), "format": "json", **query}).json()


def test_counts_what_came_or_changed_since(viewer: Person) -> None:
    rows = [make_session(updated_at=1_790_000_000) for _ in range(3)]
    mark = Mark(rows[1].updated_at, rows[1].pk)
    assert new(viewer, mark) == {"new": 1, "more": False}
    make_session(updated_at=1_790_000_001, last_status="ERROR")
    CatalogSession.objects.filter(pk=rows[0].pk).update(updated_at=1_790_000_002)
    assert new(viewer, mark)["new"] == 3
    assert new(viewer, mark, q="status:error")["new"] == 1
    assert new(viewer, mark, q="status:(")["new"] == 0


def test_the_pill_leads_to_the_top(viewer: Person) -> None:
    mark = Mark(make_session().updated_at, 0)
    pill = viewer.client.get(URL, {"since": str(mark), "q": "type:agent", "sort": "-cost", "after": "x"}).text
    assert "1 new" in pill and 'href="/sessions/?q=type%3Aagent&amp;sort=-cost"' in pill
    assert viewer.client.get(URL, {"since": f"{mark.updated_at + 1},0"}).text.strip() == ""


def test_does_not_count_on_for_ever(viewer: Person) -> None:
    for _ in range(103):
        make_session()
    with CaptureQueriesContext(connection) as asked:
        assert new(viewer, "0,0") == {"new": 99, "more": True}
    counts = [query["sql"] for query in asked if "catalog_catalogsession" in query["sql"]]
    assert len(counts) == 1 and "LIMIT 100" in counts[0]
    assert "99+ new" in viewer.client.get(URL, {"since": "0,0"}).text


def test_a_clock_ahead_does_not_hide_what_comes(viewer: Person) -> None:
    future = make_session(updated_at=int(time.time()) + 9_000_000)
    row = make_session(updated_at=int(time.time()) - 10)
    visible = CatalogSession.objects.all()
    assert mark_of([future, row], visible, newest_first=True) == Mark(row.updated_at, row.pk)
    assert mark_of([], visible, newest_first=False) == Mark(row.updated_at, row.pk)
    assert new(viewer, Mark(row.updated_at, row.pk))["new"] == 0
    make_session(updated_at=int(time.time()))
    assert new(viewer, Mark(row.updated_at, row.pk))["new"] == 1


def test_counts_only_what_one_may_see(owner: Person, stranger: Person, client: Any) -> None:
    make_session()
    make_session(user_id="bob")
    assert new(owner, "0,0")["new"] == 1 and new(stranger, "0,0")["new"] == 0
    assert mark_of([], CatalogSession.objects.visible_to(stranger.user), newest_first=False) == Mark(0, 0)
    assert client.get(URL).status_code == 302


@pytest.mark.parametrize("since", ["", "x", "1", "1,2,3", "-1,0", "9" * 40 + ",1", "999999999999999999,1", "١,٢"])
def test_what_is_no_mark_counts_nothing(viewer: Person, since: str) -> None:
    make_session()
    assert new(viewer, since)["new"] == 0
    assert viewer.client.post(URL).status_code == 405
