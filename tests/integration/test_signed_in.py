"""Who is signed in: the session and the user, each by one statement."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agentos.access.rights import rights_of
from agentos.access.roles import Role
from agentos.access.signed_in import Backend, SessionStore
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
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    over = SessionStore(key)
    assert list(over.keys()) == [] and over.session_key is None
    assert viewer.client.get("/sessions/").status_code == 302


def test_a_session_that_was_signed_out_is_none(viewer: Person) -> None:
    key = viewer.client.cookies["sessionid"].value
    Session.objects.all().delete()
    assert SessionStore(key).get("_auth_user_id") is None


def test_a_page_reads_rights_with_the_user(viewer: Person) -> None:
    from django.db import connection

    viewer.client.get("/sessions/")
    with CaptureQueriesContext(connection) as taken:
        viewer.client.get("/sessions/")
    assert sum("auth_group" in query["sql"] for query in taken) == 1
