"""The jump palette: what it finds, for whom, at which cost."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agentos.saved_views.service import Listing, save, share
from tests.conftest import Person
from tests.factories import make_session

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def lab(sources: Callable[[str], Any], tmp_path: Any) -> None:
    sources(f"lab=sqlite:///{tmp_path / 'agno.db'}, other=sqlite:///{tmp_path / 'agno.db'}")


def found(person: Person, text: str) -> list[tuple[str, str]]:
    data = person.client.get("/jump/", {"q": text, "format": "json"}).json()["places"]
    return [(place["kind"], place["label"]) for place in data]


def sessions_found(person: Person, text: str) -> list[str]:
    return [label for kind, label in found(person, text) if kind == "session"]


def test_finds_of_every_kind(viewer: Person) -> None:
    make_session(title="Cancelled flight, rebook and refund", user_id="refund-bot")
    make_session(session_type="workflow", component_id="flow", component_name="Refund Flow", title="Other")
    save(viewer.user, "Refunds, mine", Listing("refund"))
    assert found(viewer, "REFUND") == [
        ("saved view", "Refunds, mine"),
        ("session", "Cancelled flight, rebook and refund"),
        ("user", "refund-bot"),
        ("workflow", "Refund Flow"),
        ("search", "Search everything for “REFUND”"),
    ]
    assert ("page", "Views") in found(viewer, "view")


def test_each_leads_there(viewer: Person) -> None:
    make_session(session_id="a/b", title="Refund", user_id="refund bot", component_id="refund-flow")
    places = viewer.client.get("/jump/", {"q": "refund", "format": "json"}).json()["places"]
    urls = {place["kind"]: place["url"] for place in places}
    assert urls["session"] == "/sessions/lab/a_2Fb/"
    for kind in ("user", "agent"):
        assert len(viewer.client.get(urls[kind] + "&format=json").json()["sessions"]) == 1


def test_the_beginning_of_an_id(viewer: Person) -> None:
    make_session(session_id="5b0c4c1e-0001", title="First")
    make_session(session_id="5b0c4c1e-0002", title="Second", source="other")
    make_session(session_id="5b0c4c1f", title="Third")
    make_session(session_id="x" * 300, title="Long")
    assert sorted(sessions_found(viewer, "5b0c4c1e")) == ["First", "Second"]
    assert sessions_found(viewer, "5b0c4c1e-0002") == ["Second"]
    assert sessions_found(viewer, "x" * 100) == ["Long"]


def test_without_words_it_offers_pages_and_what_was_last(viewer: Person) -> None:
    for number in range(6):
        make_session(title=f"Session {number}")
    assert found(viewer, "")[0] == ("page", "Sessions") and len(sessions_found(viewer, "  ")) == 4


def test_the_page_and_the_part(viewer: Person) -> None:
    make_session(title="<script>alert(1)</script>")
    page = viewer.client.get("/jump/", {"q": "script"}).text
    assert "<html" in page and "&lt;script&gt;alert" in page and "<script>alert" not in page
    part = viewer.client.get("/jump/", {"q": "script"}, headers={"HX-Target": "jump-found"}).text
    assert "<html" not in part and 'class="place"' in part


def test_asks_little_however_many_there_are(viewer: Person) -> None:
    for number in range(30):
        make_session(title=f"Refund {number}", session_id=f"refund-{number}")
    with CaptureQueriesContext(connection) as asked:
        assert len(sessions_found(viewer, "refund")) == 8
    own = [query["sql"] for query in asked if "catalog_" in query["sql"] or "saved_views" in query["sql"]]
    assert len(own) == 3 and all("LIMIT" in sql for sql in own if "catalog_" in sql)
    assert not [sql for sql in own for name in ("body", "tool_calls_by_name", "topics") if name in sql]


class TestRights:
    def test_nobody_finds_what_they_may_not_see(self, owner: Person, stranger: Person, teammate: Person) -> None:
        make_session(session_id="alices", title="Refund of Alice")
        make_session(session_id="bobs", title="Refund of Bob", user_id="bob-refund", component_id="refund")
        share(teammate.user, save(teammate.user, "Refund of user bob", Listing("user:bob")))
        assert [label for kind, label in found(owner, "refund") if kind != "search"] == ["Refund of Alice"]
        assert [kind for kind, _ in found(stranger, "refund")] == ["search"]
        assert sessions_found(owner, "bobs") == [] and sessions_found(owner, "alices") == ["Refund of Alice"]

    def test_nobody_signed_in(self, client: Any) -> None:
        assert client.get("/jump/").status_code == 302


@pytest.mark.parametrize("text", ["\0", "'; DROP TABLE", "%", "\ud800".encode("utf-8", "surrogatepass"), "x" * 5000])
def test_odd_words(viewer: Person, text: Any) -> None:
    make_session(session_id="\ud800odd", title="100 %")
    assert viewer.client.get("/jump/", {"q": text}).status_code == 200
