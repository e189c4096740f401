"""Who is signed in: the session and the user, each by one statement."""

from datetime import timedelta

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agentos.access.models import BrowserSession
from agentos.access.rights import rights_of
from agentos.access.roles import Role
from agentos.access.signed_in import SEEN_EVERY, Backend, SessionStore, end_sessions
from tests.conftest import Person

pytestmark = pytest.mark.django_db


def test_a_user_comes_with_their_rights(viewer: Person) -> None:
    from django.db import connection

    with CaptureQueriesContext(connection) as taken:
        user = Backend().get_user(viewer.user.pk)
        assert user == viewer.user and user is not None
        assert rights_of(user).role == Role.VIEWER
    assert len(taken) == 1
    user.first_name = "Vera"
    user.save()


def test_nobody(viewer: Person) -> None:
    assert Backend().get_user(viewer.user.pk + 1000) is None
    viewer.user.is_active = False
    viewer.user.save()
    assert Backend().get_user(viewer.user.pk) is None


def test_a_session_holds_until_it_is_over(viewer: Person) -> None:
    key = viewer.client.cookies["sessionid"].value
    assert SessionStore(key)["_auth_user_id"] == str(viewer.user.pk)
    BrowserSession.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    over = SessionStore(key)
    assert list(over.keys()) == [] and over.session_key is None
    assert viewer.client.get("/sessions/").status_code == 302


def test_a_session_that_was_signed_out_is_none(viewer: Person) -> None:
    key = viewer.client.cookies["sessionid"].value
    BrowserSession.objects.all().delete()
    assert SessionStore(key).get("_auth_user_id") is None


def test_a_page_reads_rights_with_the_user(viewer: Person) -> None:
    from django.db import connection

    viewer.client.get("/sessions/")
    with CaptureQueriesContext(connection) as taken:
        viewer.client.get("/sessions/")
    assert sum("auth_group" in query["sql"] for query in taken) == 1


def test_a_session_says_whose_it_is_and_when_it_was_seen(viewer: Person) -> None:
    viewer.client.logout()
    viewer.client.post("/sign-in/", {"username": "viewer", "password": "viewer-password"})
    session = BrowserSession.objects.get()
    assert session.user == viewer.user and session.address == "127.0.0.1"
    old = timezone.now() - SEEN_EVERY - timedelta(seconds=1)
    BrowserSession.objects.update(seen_at=old)
    viewer.client.get("/sessions/")
    again = BrowserSession.objects.get()
    assert again.seen_at > old + SEEN_EVERY and again.since == session.since
    viewer.client.get("/sessions/")
    assert BrowserSession.objects.get().seen_at == again.seen_at, "not written with each request"


def test_sessions_of_one_person_end(viewer: Person, admin: Person) -> None:
    second = Client()
    second.force_login(viewer.user)
    assert end_sessions(viewer.user) == 2
    for client in (viewer.client, second):
        assert client.get("/sessions/").status_code == 302
    assert admin.client.get("/sessions/").status_code == 200
