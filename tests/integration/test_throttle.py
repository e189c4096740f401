"""How often somebody may try to sign in: of a name, from an address, over all processes, and for how long."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from agentos.access.models import SignInTries
from agentos.access.throttle import MOST_HERE, MOST_OF_ADDRESS, MOST_OF_NAME, PAUSE, count_try, forget_tries
from agentos.audit.models import Entry
from agentos.audit.notes import notes
from tests.conftest import Person

pytestmark = pytest.mark.django_db


def later(by: timedelta) -> None:
    for row in SignInTries.objects.all():
        SignInTries.objects.filter(pk=row.pk).update(since=row.since - by)


def test_a_name_from_one_address() -> None:
    assert [count_try("dana", "192.0.2.1").left for _ in range(MOST_HERE)] == [4, 3, 2, 1, 0]
    refused = count_try(" DANA ", "192.0.2.1")
    assert refused.left == -1 and 0 < refused.wait <= PAUSE.total_seconds() + 1
    assert count_try("dana", "192.0.2.2").left == 4 and count_try("eve", "192.0.2.1").left == 4


def test_the_pause_ends_and_trying_on_does_not_lengthen_it() -> None:
    for _ in range(MOST_HERE + 20):
        count_try("dana", "192.0.2.1")
    later(PAUSE - timedelta(seconds=30))
    assert 0 < count_try("dana", "192.0.2.1").wait <= 31
    later(timedelta(seconds=31))
    assert count_try("dana", "192.0.2.1").left == 4


def test_a_name_from_many_addresses() -> None:
    found = [count_try("dana", f"192.0.2.{number}").left for number in range(MOST_OF_NAME + 1)]
    assert found[0] == 4 and found[-2:] == [0, -1]
    assert count_try("eve", "192.0.2.1").left == 4


def test_many_names_from_one_address() -> None:
    found = [count_try(f"name {number}", "192.0.2.1").left for number in range(MOST_OF_ADDRESS + 1)]
    assert found[-2:] == [0, -1]
    assert count_try("name 1", "192.0.2.2").left == 4


def test_whoever_signs_in_begins_anew_but_not_for_others() -> None:
    for number in range(MOST_OF_ADDRESS):
        count_try("mallory", "192.0.2.1") if number % 4 else count_try(f"name {number}", "192.0.2.1")
        forget_tries("mallory", "192.0.2.1")
    assert count_try("name 0", "192.0.2.1").left == -1, "one's own password does not open the address to guess others'"


def test_what_is_over_is_thrown_away() -> None:
    count_try("dana", "192.0.2.1")
    later(PAUSE + timedelta(seconds=1))
    count_try("eve", "192.0.2.9")
    assert SignInTries.objects.count() == 3
    assert all(len(row.key) == 64 for row in SignInTries.objects.all())


def test_two_processes_count_together(client: Client, viewer: Person) -> None:
    for _ in range(MOST_HERE):
        client.post("/sign-in/", {"username": "viewer", "password": "x"})
        cache.clear()  # as another process has another one
    assert client.post("/sign-in/", {"username": "viewer", "password": "viewer-password"}).status_code == 429


def test_the_page_says_how_long_and_it_is_on_record(client: Client, viewer: Person) -> None:
    for _ in range(MOST_HERE):
        client.post("/sign-in/", {"username": "viewer", "password": "x"})
    later(timedelta(minutes=5, seconds=30))
    answer = client.post("/sign-in/", {"username": "viewer", "password": "viewer-password"})
    assert answer.status_code == 429 and "Wait 10\N{NO-BREAK SPACE}min" in answer.text
    assert 500 < int(answer.headers["Retry-After"]) <= 571
    notes.flush()
    assert Entry.objects.filter(act="sign_in.paused", actor="viewer", origin="127.0.0.1").exists()
    assert Entry.objects.filter(act="sign_in.failed", actor="viewer").count() == MOST_HERE


def test_the_password_is_not_looked_at_while_it_pauses(
    client: Client, viewer: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(MOST_HERE):
        count_try("viewer", "127.0.0.1")
    looked: list[Any] = []
    monkeypatch.setattr("django.contrib.auth.forms.authenticate", lambda *args, **options: looked.append(args))
    assert client.post("/sign-in/", {"username": "viewer", "password": "viewer-password"}).status_code == 429
    assert not looked
