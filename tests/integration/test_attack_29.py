"""Attack 29: default credentials, a key that can be guessed, DEBUG seen from elsewhere, guessing, fixed sessions."""

import asyncio
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from agentos.access.models import SignInLink
from agentos.handler import Handler
from agentos.management.people import FIRST_ADMIN, first_admin_token
from agentos.safe_start import NOT_HERE, check_key
from tests.conftest import Person

pytestmark = pytest.mark.django_db


class TestKeys:
    @pytest.mark.parametrize("key", ["", "changeme", "secret" * 3, "a" * 60, "django-insecure-" + "x7!kQ2" * 8])
    def test_one_that_can_be_guessed_starts_nothing(self, key: str, settings: Settings) -> None:
        with pytest.raises(ImproperlyConfigured, match="can be guessed"):
            check_key(key)
        settings.SECRET_KEY = key or "x"
        with pytest.raises(CommandError, match="can be guessed"):
            call_command("up", port=0)

    def test_the_one_that_is_made_is_taken(self) -> None:
        from secrets import token_urlsafe

        check_key(token_urlsafe(50))


class TestDebug:
    @staticmethod
    def asked_from(client: tuple[str, int] | None, host: str = "localhost") -> tuple[int, str]:
        async def ask() -> tuple[int, str]:
            scope = {
                "type": "http", "method": "GET", "path": "/livez", "query_string": b"", "client": client,
                "headers": [(b"host", host.encode())], "server": ("0.0.0.0", 8000),
            }  # fmt: skip
            app: Any = ApplicationCommunicator(Handler(), scope)  # type: ignore[no-untyped-call]  # asgiref has no types for it
            await app.send_input({"type": "http.request"})
            head = await app.receive_output(5)
            body = await app.receive_output(5)
            return head["status"], body["body"].decode()

        return asyncio.run(ask())

    @pytest.mark.parametrize("client", [("192.0.2.7", 5), ("::ffff:192.0.2.7", 5), ("2001:db8::1", 5)])
    @pytest.mark.parametrize("host", ["localhost", "evil.example"])
    def test_other_machines_are_shown_nothing(self, settings: Settings, client: tuple[str, int], host: str) -> None:
        settings.DEBUG = True
        assert self.asked_from(client, host) == (403, NOT_HERE)

    @pytest.mark.parametrize("client", [("127.0.0.1", 5), ("::1", 5), ("::ffff:127.0.0.1", 5), None])
    def test_this_one_is_answered(self, settings: Settings, client: Any) -> None:
        settings.DEBUG = True
        assert self.asked_from(client) == (200, "ok")

    def test_without_it_everybody_is(self, settings: Settings) -> None:
        settings.DEBUG = False
        assert self.asked_from(("192.0.2.7", 5)) == (200, "ok")


class TestCredentials:
    @pytest.mark.parametrize("password", ["", "admin", "password", "changeme"])
    def test_the_first_administrator_has_no_password(self, client: Client, password: str) -> None:
        first_admin_token()
        assert not User.objects.get(username=FIRST_ADMIN).has_usable_password()
        answer = client.post(reverse("sign_in"), {"username": FIRST_ADMIN, "password": password})
        assert answer.status_code in (200, 400, 401, 403, 422) and "_auth_user_id" not in client.session

    def test_guessing_is_stopped_even_from_the_right_answer(self, client: Client, viewer: Person) -> None:
        for _ in range(5):
            client.post(reverse("sign_in"), {"username": "viewer", "password": "wrong"})
        answer = client.post(reverse("sign_in"), {"username": "viewer", "password": "viewer-password"})
        assert answer.status_code == 429 and "Retry-After" in answer.headers

    @pytest.mark.parametrize("way", ["password", "link"])
    def test_a_session_that_somebody_planted_is_not_the_one_that_is_signed_in(self, viewer: Person, way: str) -> None:
        attacker, victim = Client(), Client()
        session = attacker.session
        session["planted"] = "yes"
        session.save()
        key = str(session.session_key)
        attacker.cookies["sessionid"] = victim.cookies["sessionid"] = key
        if way == "password":
            victim.post(reverse("sign_in"), {"username": "viewer", "password": "viewer-password"})
        else:
            victim.post(reverse("sign_in_link", args=[SignInLink.objects.all().issue(viewer.user)]))
        assert victim.get("/sessions/").status_code == 200
        assert victim.cookies["sessionid"].value != key
        assert attacker.get("/sessions/").status_code == 302
