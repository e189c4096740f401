"""Sending, following and stopping a turn through its pages."""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.test import Client

from agentos.catalog.sync import refresh_session
from agentos.db.sources import Source, use_sources
from agentos.turns.going_on import ABLE
from agentos.turns.log import beat, claim, finish
from agentos.turns.models import Turn, TurnEvent
from agentos.turns.runner import run_turn
from agentos.turns.states import Status
from tests.conftest import Person
from tests.integration.turns.conftest import AGENT, TEAM, runs_of

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def source(corpus_file: Any) -> Iterator[Source]:
    with use_sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}") as sources:
        for session_id in (AGENT, TEAM):
            refresh_session(sources[0], session_id)
        yield sources[0]


def url(session_id: str = AGENT, source: str = "lab") -> str:
    return f"/sessions/{source}/{quote(session_id)}/turns/"


def send(person: Person, message: str = "hello", *, key: str = "k", to: str | None = None, **options: Any) -> Any:
    return person.client.post(to or url(), {"message": message, "key": key}, **options)


def test_sending_shows_the_live_turn_and_a_fresh_form(teammate: Person) -> None:
    response = send(teammate, "How <b>now</b>?", headers=HTMX)
    html = response.content.decode()
    turn = Turn.objects.get()
    assert response.status_code == 200
    assert f'sse-connect="/turns/{turn.pk}/events/?after=0"' in html
    assert 'sse-close="done"' in html
    assert "How &lt;b&gt;now&lt;/b&gt;?" in html
    assert 'hx-swap-oob="outerHTML"' in html
    [fresh] = re.findall(r'name="key" value="(\w+)"', html)
    assert fresh != "k"
    assert (turn.user, turn.actor, turn.source, turn.session_id) == (teammate.user, "teammate", "lab", AGENT)


def test_without_javascript_one_is_sent_back_to_the_session(teammate: Person) -> None:
    response = send(teammate)
    assert response.status_code == 302
    assert response.url == f"/sessions/lab/{quote(AGENT)}/#composer"


def test_scripts_get_data(teammate: Person) -> None:
    response = send(teammate, headers={"Accept": "application/json"})
    turn = Turn.objects.get()
    assert response.status_code == 201
    assert response.json()["turn"]["id"] == str(turn.pk)
    assert response.json()["turn"]["events"] == f"/turns/{turn.pk}/events/"


def test_a_double_click_sends_once(teammate: Person) -> None:
    first = send(teammate, headers={"Accept": "application/json"}).json()
    assert send(teammate, headers={"Accept": "application/json"}).json() == first
    assert Turn.objects.count() == 1


@pytest.mark.parametrize(
    ("message", "key", "status", "words"),
    [
        ("", "k", 422, "The message is empty."),
        ("x" * 100_001, "k", 422, "100,001 characters"),
        ("hello", "", 422, "idempotency key"),
        ("else", "used", 409, "sent before with another message"),
    ],
)
def test_what_is_refused_says_why_and_keeps_what_was_typed(
    teammate: Person, message: str, key: str, status: int, words: str
) -> None:
    send(teammate, "hello", key="used")
    before = Turn.objects.count()
    response = send(teammate, message, key=key, headers=HTMX)
    assert response.status_code == status
    assert response.headers["HX-Retarget"] == "#composer"
    assert words in response.content.decode()
    assert f">{message}</textarea>" in response.content.decode()
    assert send(teammate, message, key=key, headers={"Accept": "application/json"}).status_code == status
    assert send(teammate, message, key=key).status_code == status
    assert Turn.objects.count() == before


def test_quick_prompts_are_offered_above_the_field(teammate: Person, settings: Any) -> None:
    settings.AGENTOS_QUICK_PROMPTS = ["Shorter <b>", "Why?"]
    html = send(teammate, headers=HTMX).content.decode()
    assert 'data-prompt="Shorter &lt;b&gt;"' in html and ">Why?</button>" in html


def test_a_viewer_reads_why_they_may_not(viewer: Person) -> None:
    response = send(viewer, headers=HTMX)
    assert response.status_code == 403
    assert "Your role does not let you" in response.content.decode()
    assert "<textarea" not in response.content.decode()
    assert not Turn.objects.exists()


def test_a_read_only_source_says_so(teammate: Person, source: Source) -> None:
    with use_sources(f"lab={source.url}?mode=ro"):
        response = send(teammate, headers=HTMX)
    assert response.status_code == 403
    assert "read-only" in response.content.decode()


def test_the_form_cannot_name_another_session_or_user(owner: Person) -> None:
    owner.client.post(
        url(), {"message": "x", "key": "k", "session_id": "other", "source": "other", "user_id": "mallory"}
    )
    turn = Turn.objects.get()
    assert (turn.source, turn.session_id, turn.user) == ("lab", AGENT, owner.user)


def test_a_page_of_another_site_cannot_send(teammate: Person) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(teammate.user)
    for headers in ({}, HTMX):
        assert strict.post(url(), {"message": "x", "key": "k"}, headers=headers).status_code == 403
    turn = Turn.objects.filter().first()
    assert turn is None


def test_getting_changes_nothing(teammate: Person) -> None:
    assert teammate.client.get(url()).status_code == 405
    send(teammate)
    for act in ("cancel", "retry"):
        assert teammate.client.get(f"/turns/{Turn.objects.get().pk}/{act}/").status_code == 405


def test_a_finished_turn_takes_the_live_ones_place(teammate: Person, source: Source, fake_model: Any) -> None:
    send(teammate, "[[say **All** is well.]]")
    turn = Turn.objects.get()
    live = teammate.client.get(f"/turns/{turn.pk}/", headers=HTMX).content.decode()
    assert "sse-connect" in live
    run_turn(turn.pk)
    done = teammate.client.get(f"/turns/{turn.pk}/", headers=HTMX).content.decode()
    assert "sse-connect" not in done
    assert "<strong>All</strong> is well." in done
    assert f"/sessions/lab/{quote(AGENT)}/runs/{quote(str(turn.pk))}/" in done
    assert "<html" not in done
    data = teammate.client.get(f"/turns/{turn.pk}/?format=json").json()
    assert (data["turn"]["status"], data["answer"]) == ("completed", "**All** is well.")
    assert runs_of(source, AGENT)[-1].run_id == data["turn"]["run_id"]


def test_a_turn_has_a_page_of_its_own(teammate: Person, fake_model: Any) -> None:
    send(teammate, "[[error 500 <img src=x onerror=alert(1)>]]")
    turn = Turn.objects.get()
    assert "sse-connect" in teammate.client.get(f"/turns/{turn.pk}/").content.decode()
    run_turn(turn.pk)
    html = teammate.client.get(f"/turns/{turn.pk}/").content.decode()
    assert "<html" in html
    assert "The model server failed (500)" in html
    assert "<img" not in html


def test_stopping(teammate: Person) -> None:
    send(teammate)
    turn = Turn.objects.get()
    claim(turn.pk)
    assert teammate.client.post(f"/turns/{turn.pk}/cancel/", headers=HTMX).status_code == 204
    turn.refresh_from_db()
    assert turn.cancel_requested
    assert teammate.client.post(f"/turns/{turn.pk}/cancel/").status_code == 302
    finish(turn.pk, Status.COMPLETED)
    data = teammate.client.post(f"/turns/{turn.pk}/cancel/?format=json").json()
    assert data["turn"]["status"] == "completed"


def test_a_viewer_cannot_stop(teammate: Person, viewer: Person) -> None:
    send(teammate)
    turn = Turn.objects.get()
    assert viewer.client.post(f"/turns/{turn.pk}/cancel/", headers=HTMX).status_code == 403
    turn.refresh_from_db()
    assert turn.status == Status.QUEUED


def interrupted(person: Person, *entries: tuple[TurnEvent.Kind, dict[str, Any]]) -> Turn:
    send(person, "How <b>now</b>?")
    turn = Turn.objects.get()
    claim(turn.pk)
    beat(turn.pk, entries)
    finish(turn.pk, Status.INTERRUPTED, problem="The program was stopped.")
    return turn


def test_what_was_not_answered_is_sent_again_with_one_click(teammate: Person, source: Source, fake_model: Any) -> None:
    turn = interrupted(teammate)
    page = teammate.client.get(f"/sessions/lab/{quote(AGENT)}/").content.decode()
    assert f'action="/turns/{turn.pk}/retry/"' in page
    html = teammate.client.post(f"/turns/{turn.pk}/retry/", headers=HTMX).content.decode()
    again = Turn.objects.get(retry_of=turn)
    assert f'sse-connect="/turns/{again.pk}/events/?after=0"' in html
    assert "How &lt;b&gt;now&lt;/b&gt;?" in html
    plain: Any = teammate.client.post(f"/turns/{turn.pk}/retry/")
    assert plain.url == f"/sessions/lab/{quote(AGENT)}/#composer"
    data = teammate.client.post(f"/turns/{turn.pk}/retry/?format=json").json()["turn"]
    assert (data["id"], data["retry_of"]) == (str(again.pk), str(turn.pk))
    run_turn(again.pk)
    assert runs_of(source, AGENT)[-1].run_id == str(again.pk)
    assert "retry/" not in teammate.client.get(f"/turns/{again.pk}/").content.decode()


def test_an_answer_that_broke_off_is_gone_on_with(teammate: Person, source: Source, fake_model: Any) -> None:
    turn = interrupted(teammate, (TurnEvent.Kind.STARTED, {ABLE: True}), (TurnEvent.Kind.CONTENT, {"text": "The fi"}))
    page = teammate.client.get(f"/sessions/lab/{quote(AGENT)}/").content.decode()
    assert '<button class="primary" name="go_on" value="1">Go on</button>' in page
    html = teammate.client.post(f"/turns/{turn.pk}/retry/", {"go_on": "1"}, headers=HTMX).content.decode()
    again = Turn.objects.get(retry_of=turn)
    assert f'sse-connect="/turns/{again.pk}/events/?after=0"' in html
    fake_model.brain.enqueue("*", {"content": "rst word."})
    run_turn(again.pk)
    assert runs_of(source, AGENT)[-1].content_text == "The first word."
    assert "The first word." in teammate.client.get(f"/turns/{again.pk}/").content.decode()


def test_without_a_piece_of_an_answer_nothing_is_gone_on_with(teammate: Person) -> None:
    turn = interrupted(teammate)
    assert "go_on" not in teammate.client.get(f"/turns/{turn.pk}/").content.decode()
    response = teammate.client.post(f"/turns/{turn.pk}/retry/?format=json", {"go_on": "1"})
    assert (response.status_code, Turn.objects.count()) == (422, 1)
    assert "Send the message again." in response.json()["error"]


def test_an_answered_turn_is_not_sent_again(teammate: Person) -> None:
    send(teammate)
    turn = Turn.objects.get()
    response = teammate.client.post(f"/turns/{turn.pk}/retry/", headers=HTMX)
    assert response.status_code == 422
    assert "it is waiting in line" in response.content.decode()


def test_a_viewer_reads_what_was_lost_and_cannot_send_it(teammate: Person, viewer: Person) -> None:
    turn = interrupted(teammate)
    html = viewer.client.get(f"/turns/{turn.pk}/").content.decode()
    assert "The program was stopped." in html
    assert "retry/" not in html
    assert viewer.client.post(f"/turns/{turn.pk}/retry/", headers=HTMX).status_code == 403
    assert Turn.objects.count() == 1


@pytest.mark.parametrize("who", ["stranger", "nobody"])
def test_who_may_not_see_it_cannot_touch_it(request: pytest.FixtureRequest, teammate: Person, who: str) -> None:
    send(teammate)
    turn = Turn.objects.get()
    client = request.getfixturevalue("client") if who == "nobody" else request.getfixturevalue("stranger").client
    expected = {302, 401} if who == "nobody" else {404}
    paths = [f"/turns/{turn.pk}/", f"/turns/{turn.pk}/events/"]
    assert {client.get(path).status_code for path in paths} <= expected
    assert client.post(f"/turns/{turn.pk}/cancel/").status_code in expected
    assert client.post(f"/turns/{turn.pk}/retry/").status_code in expected
    assert client.post(url(), {"message": "x", "key": "k2"}).status_code in expected
    turn.refresh_from_db()
    assert (turn.status, Turn.objects.count()) == (Status.QUEUED, 1)


def test_unknown_and_forbidden_look_the_same(teammate: Person, stranger: Person) -> None:
    send(teammate)
    known, unknown = Turn.objects.get().pk, uuid.uuid4()
    for suffix in ("", "events/"):
        first = stranger.client.get(f"/turns/{known}/{suffix}")
        second = stranger.client.get(f"/turns/{unknown}/{suffix}")
        assert first.status_code == second.status_code == 404
        assert without_tokens(first.content) == without_tokens(second.content)


def without_tokens(html: bytes) -> bytes:
    """CSRF tokens are drawn anew for every page."""
    return re.sub(rb"[A-Za-z0-9]{64}", b"", html)


@pytest.mark.parametrize("path", [url("no-such"), url(AGENT, "nowhere"), url("a/b\0c"), url("../x")])
def test_bad_ids(teammate: Person, path: str) -> None:
    assert send(teammate, to=path).status_code == 404
