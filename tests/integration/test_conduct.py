"""Acting in somebody else's session: who may, what is asked and kept, and at what pace."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from agentos.audit.models import Entry
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.changes.acts import REGENERATED
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


def last_run(source: Source) -> str:
    return str([run for run in runs_of(source, AGENT) if run.is_top_level][-1].run_id)


def test_regenerating_asks_why_on_a_page_of_its_own(source: Source, teammate: Person, owner: Person) -> None:
    form = {"run": last_run(source), "key": "k1"}
    assert "Say why" in teammate.client.post(f"{URL}regenerate/", form, **JSON).json()["error"]
    asked = teammate.client.post(f"{URL}regenerate/", form)
    html = asked.content.decode()
    assert (asked.status_code, 'name="reason"' in html) == (422, True)
    assert f'name="run" value="{form["run"]}"' in html and 'name="key" value="k1"' in html
    assert not Turn.objects.exists()
    assert teammate.client.post(f"{URL}regenerate/", form | {"reason": WHY}).status_code == 302
    turn = Turn.objects.get()
    assert (turn.kind, turn.reason, turn.acting_for) == ("regenerate", WHY, "alice@example.com")
    assert Entry.objects.filter(act=REGENERATED).latest("number").reason == WHY
    assert owner.client.post(f"{URL}regenerate/", form | {"key": "k2"}).status_code == 302


def test_a_branch_asks_why_before_anything_is_forked(source: Source, teammate: Person) -> None:
    page = teammate.client.get(f"{URL}branch/?run={last_run(source)}").content.decode()
    assert 'id="branch-reason"' in page
    form = {"run": last_run(source), "message": "Otherwise", "key": uuid.uuid4().hex}
    before = CatalogSession.objects.count()
    refused = teammate.client.post(f"{URL}branch/", form)
    assert (refused.status_code, "Say why" in refused.content.decode()) == (422, True)
    assert CatalogSession.objects.count() == before
    made = teammate.client.post(f"{URL}branch/", form | {"reason": WHY}, **JSON)
    assert (made.status_code, made.json()["turn"]["reason"]) == (201, WHY)
    # What was said for a session counts for its branches.
    assert send(teammate, reason=WHY).status_code == 201
    again = teammate.client.post(f"{URL}branch/", form | {"key": uuid.uuid4().hex}, **JSON)
    assert again.json()["turn"]["reason"] == WHY


def test_sending_again_asks_why(source: Source, teammate: Person, owner: Person) -> None:
    failed = Turn.objects.get(pk=send(owner).json()["turn"]["id"])
    Turn.objects.filter(pk=failed.pk).update(status="failed", problem="no")
    page = teammate.client.get(f"/turns/{failed.pk}/").content.decode()
    assert f'id="reason-{failed.pk}"' in page
    assert f'id="reason-{failed.pk}"' in teammate.client.get(URL).content.decode()
    assert f'id="reason-{failed.pk}"' not in owner.client.get(f"/turns/{failed.pk}/").content.decode()
    url = f"/turns/{failed.pk}/retry/"
    assert teammate.client.post(url, **JSON).status_code == 422
    assert 'name="reason"' in teammate.client.post(url).content.decode()
    again = teammate.client.post(url, {"reason": WHY}, **JSON)
    assert (again.status_code, again.json()["turn"]["reason"]) == (201, WHY)


def test_the_command_takes_a_reason(source: Source, teammate: Person) -> None:
    with pytest.raises(CommandError, match="Give it by --reason"):
        call_command("continue", "lab", AGENT, "hello", "--user", "teammate")
    assert not Turn.objects.exists()


def test_why_is_asked_once_where_a_decision_asks_as_well(source: Source, teammate: Person) -> None:
    row = refresh_session(source, "hitl-external")
    assert row is not None and row.user_id
    page = teammate.client.get("/sessions/lab/hitl-external/").content.decode()
    assert page.count('name="reason"') == 1
    assert "Why is asked with the decision above" in page
    form = {"message": "hello", "key": "k"}
    again = teammate.client.post("/sessions/lab/hitl-external/turns/", form, HTTP_HX_REQUEST="true").content.decode()
    assert 'id="composer-reason"' in again
