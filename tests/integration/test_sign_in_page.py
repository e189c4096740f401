"""Signing in by password and by link, signing out, and the door that is closed to everybody else."""

import re
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import AsyncClient, Client
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string

from agentos.access.models import ApiToken, SignInLink
from tests.conftest import Person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_tries_yet() -> None:
    cache.clear()


def post_password(client: Client, name: str = "viewer", password: str = "viewer-password", **more: str) -> int:
    return client.post(reverse("sign_in"), {"username": name, "password": password, **more}).status_code


def test_every_middleware_is_async_capable() -> None:
    slow = [path for path in django_settings.MIDDLEWARE if not import_string(path).async_capable]
    assert slow == []


class TestPassword:
    def test_right_password_signs_in_and_changes_the_session_key(self, client: Client, viewer: Person) -> None:
        client.session.save()
        before = client.session.session_key
        assert post_password(client) == 302
        assert client.session.session_key != before
        assert client.get(reverse("sign_in")).headers["Location"] == reverse("sessions")

    def test_wrong_password_says_one_sentence(self, client: Client, viewer: Person) -> None:
        response = client.post(reverse("sign_in"), {"username": "viewer", "password": "wrong"})
        assert response.status_code == 422
        assert "Name or password is not right." in response.text

    @pytest.mark.parametrize("name", ["nobody", "", "a\x00b", "x" * 500, "\u202eadmin", "<script>alert(1)</script>"])
    def test_bad_names_are_wrong_not_errors(self, client: Client, name: str) -> None:
        response = client.post(reverse("sign_in"), {"username": name, "password": "wrong"})
        assert response.status_code == 422
        assert "<script>alert" not in response.text

    def test_after_five_failures_even_the_right_password_waits(self, client: Client, viewer: Person) -> None:
        said = [client.post(reverse("sign_in"), {"username": "viewer", "password": "x"}).text for _ in range(5)]
        assert "4 tries left" in said[0]
        assert "1 try left" in said[3]
        assert post_password(client) == 429
        assert post_password(client, name="VIEWER") == 429
        assert post_password(Client(REMOTE_ADDR="192.0.2.7")) == 302

    def test_switched_off_account_is_refused(self, client: Client, viewer: Person) -> None:
        User.objects.update(is_active=False)
        assert post_password(client) == 422
        assert viewer.client.get(reverse("sessions")).status_code == 302

    def test_csrf_token_is_needed(self, viewer: Person) -> None:
        assert post_password(Client(enforce_csrf_checks=True)) == 403


class TestNext:
    def test_goes_back_to_the_page_asked_for(self, client: Client, viewer: Person) -> None:
        asked = client.get("/sessions/?sort=title")
        assert asked.headers["Location"] == "/sign-in/?next=/sessions/%3Fsort%3Dtitle"
        page = client.get(asked.headers["Location"]).text
        assert re.search(r'name="next"\s+value="/sessions/\?sort=title"', page)
        answer = client.post(
            reverse("sign_in"), {"username": "viewer", "password": "viewer-password", "next": "/sessions/?sort=title"}
        )
        assert answer.headers["Location"] == "/sessions/?sort=title"

    @pytest.mark.parametrize(
        "foreign",
        [
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "\x01//evil.example",
            "///e",
        ],
    )
    def test_never_leaves_this_host(self, client: Client, viewer: Person, foreign: str) -> None:
        answer = client.post(reverse("sign_in"), {"username": "viewer", "password": "viewer-password", "next": foreign})
        assert answer.headers["Location"] == reverse("sessions")


class TestLink:
    @pytest.fixture
    def url(self, viewer: Person) -> str:
        return reverse("sign_in_link", args=[SignInLink.objects.all().issue(viewer.user)])

    def test_looking_does_not_use_it_up(self, client: Client, url: str) -> None:
        for _ in range(3):
            assert client.get(url).status_code == 200
        assert client.post(url).headers["Location"] == reverse("sessions")
        assert client.get(reverse("sessions")).status_code == 200

    def test_works_once(self, client: Client, url: str) -> None:
        client.post(url)
        second = Client()
        for answer in (second.post(url), second.get(url)):
            assert answer.status_code == 410
            assert "This link has been used or has expired." in answer.text
        assert "_auth_user_id" not in second.session

    def test_expires(self, client: Client, url: str) -> None:
        SignInLink.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert client.post(url).status_code == 410

    def test_unknown_token_looks_like_a_used_one(self, client: Client, url: str) -> None:
        client.post(url)
        assert client.get("/sign-in/nonsense/").status_code == client.get(url).status_code == 410

    def test_account_switched_off_since(self, client: Client, url: str) -> None:
        User.objects.update(is_active=False)
        assert client.post(url).status_code == 410

    def test_the_token_is_not_stored(self, url: str) -> None:
        assert url.rstrip("/").rsplit("/", 1)[1] not in str(list(SignInLink.objects.values()))


class TestSignOut:
    def test_by_post_only(self, viewer: Person) -> None:
        assert viewer.client.get(reverse("sign_out")).status_code == 405
        assert viewer.client.post(reverse("sign_out")).headers["Location"] == reverse("sign_in")
        assert viewer.client.get(reverse("sessions")).status_code == 302


class TestClosedDoor:
    def test_scripts_get_json(self, client: Client) -> None:
        for answer in (
            client.get("/sessions/", headers={"accept": "application/json"}),
            client.get("/sessions/?format=json"),
        ):
            assert answer.status_code == 401
            assert "error" in answer.json()

    @pytest.mark.parametrize(
        ("shown", "back_to"),
        [
            ("http://testserver/sessions/?q=a", "/sessions/%3Fq%3Da"),
            ("https://evil.example/x", "/x"),
            ("http://[", "/"),
        ],
    )
    def test_htmx_goes_to_sign_in_and_back_to_the_page_shown(self, client: Client, shown: str, back_to: str) -> None:
        answer = client.get("/sessions/", headers={"hx-request": "true", "hx-current-url": shown})
        assert answer.headers["HX-Redirect"] == f"/sign-in/?next={back_to}"

    @pytest.mark.parametrize("path", ["/", "/sessions/demo/x/", "/sessions/demo/x/runs/y/", "/sign-out/x/"])
    def test_everything_else_is_closed(self, client: Client, path: str) -> None:
        answer = client.get(path)
        assert answer.status_code in (302, 404)
        if answer.status_code == 302:
            assert answer.headers["Location"].startswith("/sign-in/")

    def test_answers_are_private(self, client: Client, viewer: Person) -> None:
        for answer in (viewer.client.get(reverse("sessions")), client.get(reverse("sign_in"))):
            assert "no-store" in answer.headers["Cache-Control"]
            assert {"Cookie", "HX-Request"} <= set(answer.headers["Vary"].replace(" ", "").split(","))
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


class TestBearerToken:
    @pytest.fixture
    def token(self, viewer: Person) -> str:
        return ApiToken.objects.all().issue(viewer.user)

    def test_has_the_rights_of_its_user(self, client: Client, token: str) -> None:
        answer = client.get("/sessions/?format=json", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 200

    def test_works_in_the_event_loop(self, token: str) -> None:
        from asgiref.sync import async_to_sync

        async def status(bearer: str) -> int:
            headers = {"authorization": f"Bearer {bearer}"}
            return (await AsyncClient().get("/sessions/?format=json", headers=headers)).status_code

        assert async_to_sync(status)(token) == 200
        assert async_to_sync(status)("nonsense") == 401

    def test_needs_no_csrf_token_but_the_cookie_does(self, token: str, viewer: Person) -> None:
        strict = Client(enforce_csrf_checks=True)
        assert strict.post(reverse("sign_out"), headers={"authorization": f"Bearer {token}"}).status_code == 302
        strict.force_login(viewer.user)
        assert strict.post(reverse("sign_out")).status_code == 403
        assert strict.post(reverse("sign_out"), headers={"authorization": "Basic eDp5"}).status_code == 403

    @pytest.mark.parametrize("wrong", ["", "nonsense", "\x00", "é"])
    def test_a_wrong_token_is_refused_even_with_a_cookie(self, viewer: Person, wrong: str) -> None:
        answer = viewer.client.get("/sessions/", headers={"authorization": f"Bearer {wrong}"})
        assert answer.status_code == 401
        assert "no-store" in answer.headers["Cache-Control"]

    def test_ends_with_the_account(self, client: Client, token: str) -> None:
        User.objects.update(is_active=False)
        assert client.get("/sessions/", headers={"authorization": f"Bearer {token}"}).status_code == 401

    def test_the_token_is_not_stored(self, token: str) -> None:
        assert token not in str(list(ApiToken.objects.values()))
