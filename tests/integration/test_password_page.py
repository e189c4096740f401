"""Changing one's own password: what is asked, what ends, what is on record, and for whom it is not."""

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agentos.access.models import ApiToken, BrowserSession
from agentos.audit.models import Entry
from tests.conftest import Person

pytestmark = pytest.mark.django_db
URL = "/account/password/"
NEW = "a brand new secret"


def form(old: str = "viewer-password", new: str = NEW, again: str | None = None) -> dict[str, str]:
    return {"old_password": old, "new_password1": new, "new_password2": new if again is None else again}


def has(person: Person, password: str) -> bool:
    return User.objects.get(pk=person.user.pk).check_password(password)


def test_it_is_changed_and_other_browsers_end(viewer: Person, owner: Person) -> None:
    other = Client()
    other.force_login(viewer.user)
    assert f'href="{URL}"' in viewer.client.get("/sessions/").text
    page = viewer.client.get(URL).text
    assert "at least 10 characters" in page and 'autocomplete="new-password"' in page
    before = viewer.client.cookies["sessionid"].value
    answer = viewer.client.post(URL, form())
    assert answer.status_code == 302 and has(viewer, NEW)
    assert "Your password is changed" in viewer.client.get(URL).text
    assert viewer.client.cookies["sessionid"].value != before
    assert viewer.client.get("/sessions/").status_code == 200
    assert other.get("/sessions/").status_code == 302 and owner.client.get("/sessions/").status_code == 200
    assert BrowserSession.objects.filter(user=viewer.user).count() == 1
    [entry] = Entry.objects.filter(act="password.changed")
    assert (entry.actor, entry.actor_id) == ("viewer", viewer.user.pk) and json.loads(entry.details) == {"count": 1}
    assert NEW not in "".join(str(vars(one)) for one in Entry.objects.all())


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (form(old="wrong"), "The current password is not right. 4 tries left"),
        (form(new="short"), "too short"),
        (form(new="password123"), "too common"),
        (form(again="something else"), "match"),
        ({}, "The current password is not right"),
        (form(old="<b>\x00</b>"), "not right"),
    ],
)
def test_what_is_refused_changes_nothing(viewer: Person, values: dict[str, str], says: str) -> None:
    said = viewer.client.post(URL, values, headers={"Accept": "application/json"})
    assert said.status_code == 422 and says in said.json()["error"].replace("’", "'")
    page = viewer.client.post(URL, values)
    assert page.status_code == 422 and 'role="alert"' in page.text and NEW not in page.text
    assert has(viewer, "viewer-password") and viewer.client.get("/sessions/").status_code == 200
    assert not Entry.objects.filter(act="password.changed").exists()


def test_tries_are_counted_as_those_to_sign_in_are(viewer: Person) -> None:
    for _ in range(5):
        assert viewer.client.post(URL, form(old="wrong")).status_code == 422
    refused = viewer.client.post(URL, form())
    assert refused.status_code == 429 and int(refused.headers["Retry-After"]) > 0
    assert has(viewer, "viewer-password")
    assert Client().post("/sign-in/", {"username": "viewer", "password": "viewer-password"}).status_code == 429
    assert Entry.objects.filter(act="password.failed").count() == 5


def test_a_new_password_that_is_refused_costs_no_try(viewer: Person) -> None:
    for _ in range(8):
        assert viewer.client.post(URL, form(new="short")).status_code == 422
    assert viewer.client.post(URL, form()).status_code == 302


def test_not_for_those_who_have_none(viewer: Person) -> None:
    viewer.user.set_unusable_password()
    viewer.user.save()
    viewer.client.force_login(User.objects.get(pk=viewer.user.pk))
    assert URL not in viewer.client.get("/sessions/").text
    for answer in (viewer.client.get(URL), viewer.client.post(URL, form())):
        assert answer.status_code == 403 and "without a password" in answer.text
    assert not User.objects.get(pk=viewer.user.pk).has_usable_password()


def test_not_with_a_token_and_not_for_strangers(viewer: Person, client: Client) -> None:
    token = ApiToken.objects.all().issue(viewer.user)
    answer = client.post(URL, form(), headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 403 and has(viewer, "viewer-password")
    assert client.get(URL).status_code == 302 and client.post(URL, form()).status_code == 302
