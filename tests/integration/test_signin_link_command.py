"""`manage.py signin_link`."""

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from agentos.access.roles import Role, role_of
from tests.conftest import Person

pytestmark = pytest.mark.django_db


def run(*args: str) -> str:
    out = io.StringIO()
    call_command("signin_link", *args, stdout=out)
    return out.getvalue()


def test_prints_one_url_that_signs_in(client: Client, viewer: Person) -> None:
    url = run("viewer")
    assert url.startswith("http://127.0.0.1:8000/sign-in/")
    assert url.count("\n") == 1
    assert client.post(url.strip().removeprefix("http://127.0.0.1:8000")).status_code == 302
    assert client.session["_auth_user_id"] == str(viewer.user.pk)


def test_create_makes_a_viewer_without_a_password() -> None:
    run("dana", "--create")
    dana = User.objects.get(username="dana")
    assert role_of(dana) == Role.VIEWER
    assert not dana.has_usable_password()


def test_role_replaces_the_earlier_one(teammate: Person) -> None:
    run("teammate", "--create", "--role", "viewer")
    assert role_of(teammate.user) == Role.VIEWER


def test_bind_ties_to_one_agno_user(viewer: Person) -> None:
    run("viewer", "--bind", "alice@example.com")
    assert viewer.user.binding.agno_user_id == "alice@example.com"


@pytest.mark.parametrize("name", ["nobody", "\x1b[31m", ""])
def test_unknown_user_is_a_sentence(name: str) -> None:
    with pytest.raises(CommandError, match="There is no user") as caught:
        run(name)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("name", ["a b\x1b[31m", "x" * 151, "a\nb", ""])
def test_name_that_django_refuses_is_a_sentence(name: str) -> None:
    with pytest.raises(CommandError, match="cannot be a user"):
        run(name, "--create")
    assert not User.objects.exists()


def test_account_switched_off(viewer: Person) -> None:
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="is switched off"):
        run("viewer")
