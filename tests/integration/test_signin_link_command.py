"""`manage.py signin_link`."""

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from agentos.access.models import Grant
from agentos.access.rights import forget_rights
from agentos.access.roles import Role, rights_of
from agentos.access.rules import scope_of
from agentos.audit.models import Entry
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
    assert rights_of(dana).role == Role.VIEWER
    assert not dana.has_usable_password()


def test_role_replaces_the_earlier_one(teammate: Person) -> None:
    run("teammate", "--create", "--role", "viewer")
    assert rights_of(teammate.user).role == Role.VIEWER


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


def test_see_narrows_in_place_of_what_was_said_before_and_is_on_record(teammate: Person) -> None:
    run("teammate", "--see", "agent:billing", "--see", "source:prod", "--see", "agent:billing")
    assert {str(grant) for grant in Grant.objects.all()} == {"agent:billing", "source:prod"}
    assert scope_of(User.objects.get(username="teammate")).covers(None, "prod", "agent", "billing")
    assert Entry.objects.latest("number").facts["see"] == ["agent:billing", "source:prod", "agent:billing"]
    run("teammate", "--see", "user:bob:1")
    assert [str(grant) for grant in Grant.objects.all()] == ["user:bob:1"]
    run("teammate", "--see-all")
    forget_rights(teammate.user)
    assert scope_of(teammate.user).everything


@pytest.mark.parametrize("text", ["billing", "agent:", "planet:mars", ":x"])
def test_what_is_no_scope_is_refused_and_changes_nothing(teammate: Person, text: str) -> None:
    Grant.objects.create(user=teammate.user, kind="agent", value="billing")
    with pytest.raises(CommandError, match="is no scope"):
        run("teammate", "--role", "viewer", "--see", "agent:x", "--see", text)
    assert [str(grant) for grant in Grant.objects.all()] == ["agent:billing"]
    assert rights_of(User.objects.get(username="teammate")).role == Role.OPERATOR
