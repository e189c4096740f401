"""`manage.py token`."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests.conftest import Person

pytestmark = pytest.mark.django_db


def run(*args: str) -> str:
    out = io.StringIO()
    call_command("token", *args, stdout=out)
    return out.getvalue().strip()


def status(client: Client, token: str) -> int:
    return client.get("/sessions/?format=json", headers={"authorization": f"Bearer {token}"}).status_code


def test_prints_a_token_that_works_until_revoked(client: Client, viewer: Person) -> None:
    first, second = run("viewer"), run("viewer")
    assert [status(client, first), status(client, second)] == [200, 200]
    assert run("viewer", "--revoke") == "Took back 2 tokens of viewer."
    assert [status(client, first), status(client, second)] == [401, 401]


def test_unknown_user_is_a_sentence() -> None:
    with pytest.raises(CommandError, match="There is no user 'nobody'"):
        run("nobody")
