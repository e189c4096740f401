"""The pages of saved views: saving, opening, changing; whose they are; and what is no view."""

from typing import Any

import pytest

from agentos.saved_views.models import SavedView
from agentos.saved_views.service import Listing, save, share
from tests.conftest import Person
from tests.factories import make_session

pytestmark = pytest.mark.django_db
HOSTILE = "<img src=x onerror=alert(1)> \u202e{{ 7 }}"


def mine(person: Person, name: str = "Mine", **listing: str) -> SavedView:
    return save(person.user, name, Listing(**listing))


def change(person: Person, view: SavedView, act: str, **fields: str) -> Any:
    return person.client.post(f"/views/{view.pk}/", {"act": act, **fields})


def test_a_list_is_saved_and_opened(viewer: Person) -> None:
    make_session(session_id="a", last_status="ERROR")
    make_session(session_id="b")
    page = viewer.client.get("/views/", {"q": "status:error", "sort": "tokens"}).text
    assert 'name="q" value="status:error"' in page and 'name="sort" value="tokens"' in page
    answer = viewer.client.post("/views/", {"name": "Errors", "status": "ERROR", "sort": "tokens"})
    assert answer.status_code == 302 and answer.headers["Location"] == "/sessions/?q=status%3Aerror&sort=tokens"
    view = SavedView.objects.get()
    assert (view.owner, view.name, view.query, view.sort) == (viewer.user, "Errors", "status:error", "tokens")
    opened = viewer.client.get(f"/views/{view.pk}/", follow=True)
    assert "Saved as “Errors”." in opened.text and "data-row" in opened.text


def test_columns_and_density_are_kept(viewer: Person) -> None:
    asked = {"name": "Wide", "columns": ["title", "cost", "no such", "size"], "density": "comfortable"}
    address = viewer.client.post("/views/", asked).headers["Location"]
    assert address == "/sessions/?columns=title%2Ccost%2Csize&density=comfortable"
    make_session()
    page = viewer.client.get(address).text
    link = page.split("<bdi>Wide</bdi>")[0].rsplit("<a", 1)[1]
    assert 'aria-current="true"' in link and ">Size" in page


def test_the_form_stands_alone_in_the_sheet(viewer: Person) -> None:
    part = viewer.client.get("/views/", {"q": "status:error"}, headers={"HX-Target": "sheet-content"}).text
    assert "<html" not in part and "status:error" in part and "csrfmiddlewaretoken" in part


def test_a_name_in_use_asks_before_it_overwrites(viewer: Person) -> None:
    view = mine(viewer, query="status:error")
    answer = viewer.client.post("/views/", {"name": "Mine", "q": "status:paused"})
    assert answer.status_code == 409 and 'name="overwrite"' in answer.text and "“Mine” already" in answer.text
    viewer.client.post("/views/", {"name": "Mine", "q": "status:paused", "overwrite": "1"})
    view.refresh_from_db()
    assert view.query == "status:paused"


def test_is_renamed_shared_and_deleted(teammate: Person, viewer: Person) -> None:
    view = mine(teammate)
    assert change(teammate, view, "rename", name="Ours").status_code == 302
    assert change(teammate, view, "share").status_code == 302
    assert "by <bdi>teammate</bdi>" in viewer.client.get("/views/").text
    assert change(teammate, view, "unshare").status_code == 302
    assert "Ours" not in viewer.client.get("/views/").text
    assert "“Ours” is deleted" in teammate.client.post(f"/views/{view.pk}/", {"act": "delete"}, follow=True).text
    assert not SavedView.objects.exists()


def test_as_data(teammate: Person, viewer: Person) -> None:
    share(teammate.user, mine(teammate, query="user:bob", sort="-cost"))
    [view] = viewer.client.get("/views/", {"format": "json"}).json()["views"]
    assert view["query"] == "user:bob" and view["owner"] == "teammate" and view["own"] is False
    assert view["url"] == "/sessions/?q=user%3Abob&sort=-cost"
    answer = viewer.client.post("/views/?format=json", {"name": "New", "q": "x"})
    assert answer.json()["view"]["name"] == "New"
    assert viewer.client.post("/views/?format=json", {"name": "New"}).status_code == 409
    assert viewer.client.get(f"/views/{view['id']}/", {"format": "json"}).json()["view"]["name"] == "Mine"


def test_hostile_text_stays_text(viewer: Person) -> None:
    mine(viewer, HOSTILE, query='"<script>alert(1)</script>"')
    page = viewer.client.get("/views/").text
    assert "<img src=x" not in page and "<script>alert" not in page


def test_what_it_shows_is_what_its_reader_may_see(owner: Person) -> None:
    make_session(session_id="alices", title="Of Alice")
    make_session(session_id="bobs", title="Of Bob", user_id="bob")
    view = mine(owner, query="user:bob or user:alice@example.com")
    page = owner.client.get(f"/views/{view.pk}/", follow=True).text
    assert "Of Alice" in page and "Of Bob" not in page


class TestRights:
    @pytest.mark.parametrize("act", ["rename", "share", "unshare", "delete"])
    def test_anothers_is_not_there_or_not_theirs_to_change(
        self, viewer: Person, teammate: Person, stranger: Person, act: str
    ) -> None:
        own, shared = mine(teammate), share(teammate.user, mine(teammate, "Shared"))
        for view in (own, shared):
            for person in (viewer, stranger):
                assert change(person, view, act, name="Stolen").status_code == 404
        assert viewer.client.get(f"/views/{own.pk}/").status_code == 404
        assert viewer.client.get(f"/views/{shared.pk}/").status_code == 302
        assert stranger.client.get(f"/views/{shared.pk}/").status_code == 404
        assert SavedView.objects.filter(name__in=["Mine", "Shared"]).count() == 2

    def test_an_administrator_withdraws_but_does_not_take(self, teammate: Person, admin: Person) -> None:
        view = share(teammate.user, mine(teammate))
        assert change(admin, view, "delete").status_code == 404
        assert change(admin, view, "unshare").status_code == 302
        assert not SavedView.objects.get().shared

    def test_sharing_needs_an_operator_and_says_so(self, viewer: Person, stranger: Person) -> None:
        assert "does not let you share views" in viewer.client.get("/views/").text or mine(viewer)
        answer = change(viewer, SavedView.objects.get(), "share")
        assert answer.status_code == 403 and "does not let you share views" in answer.text
        assert change(stranger, mine(stranger), "share").status_code == 403

    def test_nobody_and_no_role(self, client: Any, viewer: Person) -> None:
        assert client.get("/views/").status_code == 302 and client.post("/views/", {"name": "x"}).status_code == 302
        viewer.user.groups.clear()
        assert viewer.client.post("/views/", {"name": "x"}).status_code == 403
        assert not SavedView.objects.exists()

    def test_a_foreign_page_cannot_save(self, viewer: Person) -> None:
        from django.test import Client

        client = Client(enforce_csrf_checks=True)
        client.force_login(viewer.user)
        assert client.post("/views/", {"name": "x"}).status_code == 403


@pytest.mark.parametrize(
    "fields",
    [{}, {"name": ""}, {"name": "n" * 81}, {"name": "v", "density": "loose"}],
)
def test_what_cannot_be_saved_says_why(viewer: Person, fields: dict[str, str]) -> None:
    answer = viewer.client.post("/views/", fields)
    assert answer.status_code == 422 and 'role="alert"' in answer.text
    assert not SavedView.objects.exists()


def test_odd_requests(viewer: Person) -> None:
    view = mine(viewer)
    for act in ("", "explode", "\0"):
        assert change(viewer, view, act).status_code == 422
    for bad in ("0", "99999999999999999999999", "9" * 300):
        assert viewer.client.get(f"/views/{bad}/").status_code == 404
    assert viewer.client.get("/views/", {"q": "(("}).status_code == 200
    assert viewer.client.put("/views/").status_code == 405
