"""Acting in somebody else's session: who may, what is asked and kept, and at what pace."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from agentos.audit.models import Entry
from agentos.catalog.sync import refresh_session
from agentos.db.sources import Source, use_sources
from agentos.turns.models import ActingReason, Turn
from agentos.turns.runner import run_turn
from tests.conftest import Person
from tests.integration.turns.conftest import AGENT, runs_of

pytestmark = pytest.mark.django_db
URL = f"/sessions/lab/{AGENT}/"
WHY = "phone call, ticket 8812"
JSON: dict[str, Any] = {"HTTP_ACCEPT": "application/json"}


@pytest.fixture
def source(corpus_file: Any, settings: Settings) -> Iterator[Source]:
    settings.AGENTOS_ACTING_REASON = True
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}") as sources:
        refresh_session(sources[0], AGENT)
        yield sources[0]


def send(person: Person, **given: str) -> Any:
    form = {"message": "hello", "key": uuid.uuid4().hex} | given
    return person.client.post(f"{URL}turns/", form, **JSON)


def test_the_banner_stands_before_anything_is_sent(source: Source, teammate: Person, owner: Person) -> None:
    html = teammate.client.get(URL).content.decode()
    assert "You are acting in the session of <b><bdi>alice@example.com</bdi></b>" in html
    assert 'name="reason"' in html
    assert "You are acting" not in owner.client.get(URL).content.decode()


def test_a_reason_is_asked_for_once_for_each_session(source: Source, teammate: Person, fake_model: Any) -> None:
    refused = send(teammate)
    assert refused.status_code == 422
    assert "Say why, in at least 5 characters" in refused.json()["error"]
    assert send(teammate, reason=" x ").status_code == 422
    sent = send(teammate, reason=f"  {WHY}\n")
    assert (sent.status_code, sent.json()["turn"]["reason"]) == (201, WHY)
    again = send(teammate).json()["turn"]
    assert (again["acting_for"], again["reason"]) == ("alice@example.com", WHY)
    html = teammate.client.get(URL).content.decode()
    assert f"for “<bdi>{WHY}</bdi>”" in html
    assert 'name="reason"' not in html
    assert ActingReason.objects.count() == 1


def test_the_run_and_the_record_say_who_and_why(source: Source, teammate: Person, fake_model: Any) -> None:
    turn = Turn.objects.get(pk=send(teammate, reason=WHY).json()["turn"]["id"])
    run_turn(turn.pk)
    run = runs_of(source, AGENT)[-1]
    about = {"continued_by": "teammate", "acting_for": "alice@example.com", "reason": WHY}
    assert run.metadata == {"agentos_sessions": about}
    assert run.user_id == "alice@example.com"
    entry = Entry.objects.filter(act="turn.sent").get()
    assert (entry.actor, entry.reason, entry.session_id) == ("teammate", WHY, AGENT)
    html = teammate.client.get(f"/turns/{turn.pk}/").content.decode()
    assert "acting in the session of" in html
    assert WHY in html


def test_nobody_asks_why_one_continues_ones_own_session(source: Source, owner: Person, fake_model: Any) -> None:
    turn = send(owner).json()["turn"]
    assert (turn["acting_for"], turn["reason"]) == (None, None)
    run_turn(Turn.objects.get().pk)
    assert runs_of(source, AGENT)[-1].metadata == {"agentos_sessions": {"continued_by": "owner"}}


def test_a_form_without_a_reason_comes_back_with_the_message(source: Source, teammate: Person) -> None:
    answer = teammate.client.post(f"{URL}turns/", {"message": "precious", "key": "k"}, HTTP_HX_REQUEST="true")
    assert (answer.status_code, "precious" in answer.content.decode()) == (422, True)


@pytest.mark.parametrize(("setting", "age"), [("AGENTOS_TURNS_PER_MINUTE", 50), ("AGENTOS_TURNS_PER_HOUR", 3_000)])
def test_the_pace_of_one_person_is_bounded(
    source: Source, settings: Settings, teammate: Person, admin: Person, setting: str, age: int
) -> None:
    setattr(settings, setting, 2)
    for _ in range(2):
        assert send(teammate, reason=WHY).status_code == 201
    Turn.objects.update(created_at=timezone.now() - timedelta(seconds=age))
    refused = send(teammate)
    assert refused.status_code == 429
    assert "You have sent 2 messages" in refused.json()["error"]
    assert "10 s" in refused.json()["error"] or "10 min" in refused.json()["error"]
    assert send(admin, reason=WHY).status_code == 201
    repeated = Turn.objects.filter(user=teammate.user).first()
    assert repeated is not None
    assert send(teammate, key=repeated.idempotency_key).status_code == 201
    Turn.objects.update(created_at=timezone.now() - timedelta(hours=2))
    assert send(teammate).status_code == 201


def test_who_may_not_act(source: Source, viewer: Person, stranger: Person) -> None:
    assert send(viewer, reason=WHY).status_code == 403
    assert send(stranger, reason=WHY).status_code == 404
    assert not Turn.objects.exists()
