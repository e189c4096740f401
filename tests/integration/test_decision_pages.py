"""Deciding on paused runs in the pane: the card, the form with and without JavaScript, JSON, and who may not."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from agentos.db.sources import Source
from agentos.turns.models import Turn
from agentos.turns.runner import run_turn
from tests.conftest import Person
from tests.integration.turns.conftest import *  # noqa: F403  # its fixtures
from tests.integration.turns.deciding import Register, agent, done, rewrite, row_of, run_now, wait

pytestmark = pytest.mark.django_db
HOSTILE = "<img src=x onerror=alert(1)>\"'</code><script>alert(2)</script>"


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    done.clear()


@pytest.fixture
def booker(source: Source, register: Register) -> None:
    register(agent(wait(source, "hitl-confirmation").run.component_id or ""), agent("treasurer"))


def url_of(source: Source, session_id: str) -> str:
    return f"/sessions/lab/{session_id}/runs/{wait(source, session_id).run.run_id}/decision/"


def page(client: Client, session_id: str, **options: Any) -> str:
    return client.get(f"/sessions/lab/{session_id}/", **options).content.decode()


def inputs(html: str) -> dict[str, str]:
    """The hidden values of the first card."""
    form = html[html.index('class="decision-form"') :]
    return dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', form[: form.index("</form>")]))


def test_the_card_says_what_will_happen(source: Source, booker: None, teammate: Person) -> None:
    html = page(teammate.client, "hitl-confirmation")
    assert "Confirm delete_booking" in html
    assert "WF-7781" in html
    assert "It has not been called." in html
    assert "Reason, if you reject; the model is told" in html


def test_a_form_without_javascript_decides(source: Source, booker: None, teammate: Person, fake_model: Any) -> None:
    form = inputs(page(teammate.client, "hitl-confirmation")) | {"0-choice": "confirm"}
    answer = teammate.client.post(url_of(source, "hitl-confirmation"), form)
    assert answer.status_code == 302
    turn = Turn.objects.get()
    run_turn(turn.pk)
    run = run_now(source, "hitl-confirmation", turn.aimed_at)
    assert (run.status, done) == ("COMPLETED", ["WF-7781"])
    assert "Needs a decision" not in page(teammate.client, "hitl-confirmation").split('id="decisions"')[1]


def test_with_htmx_the_turn_takes_the_cards_place(source: Source, booker: None, teammate: Person) -> None:
    form = inputs(page(teammate.client, "hitl-confirmation")) | {"0-choice": "reject", "0-text": "no"}
    answer = teammate.client.post(url_of(source, "hitl-confirmation"), form, HTTP_HX_REQUEST="true")
    html = answer.content.decode()
    assert "Rejected delete_booking: no" in html
    assert '<div id="decisions" hx-swap-oob="outerHTML">' in html
    again = teammate.client.post(url_of(source, "hitl-confirmation"), form, HTTP_HX_REQUEST="true")
    assert (again.status_code, Turn.objects.count()) == (200, 1)


def test_a_refused_form_comes_back_with_what_was_typed(source: Source, register: Register, teammate: Person) -> None:
    register(agent(wait(source, "hitl-user-input").run.component_id or ""))
    form = inputs(page(teammate.client, "hitl-user-input"))
    form |= {"0-choice": "answer", "0-field-0": HOSTILE, "0-field-1": "many"}
    answer = teammate.client.post(url_of(source, "hitl-user-input"), form, HTTP_HX_REQUEST="true")
    html = answer.content.decode()
    assert (answer.status_code, Turn.objects.count()) == (422, 0)
    assert answer.headers["HX-Retarget"].startswith("#decision-")
    assert "priority has to be a whole number" in html
    assert "&lt;img src=x" in html
    assert "<img src=x" not in html
    plain = teammate.client.post(url_of(source, "hitl-user-input"), form)
    assert (plain.status_code, "Not decided" in plain.content.decode()) == (422, True)


def test_as_data(source: Source, booker: None, teammate: Person, fake_model: Any) -> None:
    accept: dict[str, Any] = {"HTTP_ACCEPT": "application/json"}
    [asked] = teammate.client.get("/sessions/lab/hitl-confirmation/waiting/", **accept).json()["waiting"]
    [ask] = asked["asks"]
    assert (ask["name"], ask["choices"]) == ("delete_booking", ["confirm", "reject"])
    assert ask["arguments"] == {"reference": "WF-7781", "reason": "plans changed"}
    body: dict[str, Any] = {"key": "k", "answers": [{"key": ask["key"], "mark": ask["mark"], "choice": "confirm"}]}
    url = url_of(source, "hitl-confirmation")
    for wrong, words in [
        ({"key": "k"}, "list of answers"),
        ({"key": "k", "answers": [{"key": ask["key"]}]}, "a mark and a choice"),
        ({"key": "k", "answers": [{**body["answers"][0], "tool_args": {"reference": "X"}}]}, "An answer has"),
        ({"key": "k", "answers": []}, "is not decided"),
    ]:
        refused = teammate.client.post(url, json.dumps(wrong), content_type="application/json", **accept)
        assert (refused.status_code, words in refused.json()["error"]) == (422, True), refused.json()
    sent = teammate.client.post(url, json.dumps(body), content_type="application/json", **accept)
    assert (sent.status_code, sent.json()["turn"]["message"]) == (201, "Confirmed delete_booking.")
    stale = {"key": "k2", "answers": [{**body["answers"][0], "mark": "old"}]}
    refused = teammate.client.post(url, json.dumps(stale), content_type="application/json", **accept)
    assert refused.status_code == 409


def test_a_second_tab_sees_the_decision(source: Source, booker: None, teammate: Person, admin: Person) -> None:
    html = page(admin.client, "hitl-confirmation")
    seen = re.search(r"/waiting/\?seen=([\w%]*)", html)
    assert seen
    url = f"/sessions/lab/hitl-confirmation/waiting/?seen={seen[1]}"
    assert admin.client.get(url, HTTP_HX_REQUEST="true").status_code == 204
    form = inputs(page(teammate.client, "hitl-confirmation")) | {"0-choice": "confirm"}
    teammate.client.post(url_of(source, "hitl-confirmation"), form)
    changed = admin.client.get(url, HTTP_HX_REQUEST="true").content.decode()
    assert "Confirmed delete_booking." in changed
    assert 'class="decision"' not in changed


@pytest.mark.parametrize("session_id", ["team-hitl", "wf-paused", "hitl-user-input"])
def test_there_is_no_dead_button(source: Source, teammate: Person, session_id: str) -> None:
    html = page(teammate.client, session_id)
    assert "This cannot be decided here." in html
    assert "AGENTOS_AGENTS" in html
    assert 'class="decision-foot"' not in html


def test_confirming_says_what_it_lacks_where_rejecting_works(source: Source, teammate: Person) -> None:
    html = page(teammate.client, "hitl-confirmation")
    assert "rejecting works here" in html
    assert re.search(r'value="confirm" class="human" disabled aria-describedby="([\w-]+)"', html)
    assert not re.search(r'value="reject"[^>]*disabled', html)


def test_hostile_questions_stay_text(source: Source, booker: None, teammate: Person) -> None:
    def poison(raw: dict[str, Any]) -> None:
        for call in (raw["tools"][0], raw["requirements"][0]["tool_execution"]):
            call["tool_name"], call["tool_args"] = HOSTILE, {HOSTILE: HOSTILE}
        raw["requirements"][0]["member_agent_name"] = HOSTILE

    rewrite(source, "hitl-confirmation", poison)
    html = page(teammate.client, "hitl-confirmation")
    assert "<img src=x" not in html
    assert "<script>alert" not in html
    assert "with other names of" in html


def test_a_session_that_waits_for_nobody_does_not_ask_again(source: Source, teammate: Person) -> None:
    row_of(source, "hitl-confirmed")
    html = page(teammate.client, "hitl-confirmed")
    assert 'id="decisions"' in html
    assert 'hx-trigger="every 5s"' not in html


def test_who_may_not_decide(
    source: Source, booker: None, owner: Person, stranger: Person, viewer: Person, client: Client
) -> None:
    url = url_of(source, "approval-pending")
    row_of(source, "approval-pending")
    assert client.post(url).status_code in (302, 401, 403)
    assert stranger.client.post(url).status_code == 404
    assert stranger.client.get("/sessions/lab/approval-pending/waiting/").status_code == 404
    assert "You cannot decide this." in page(viewer.client, "approval-pending")
    assert viewer.client.post(url).status_code == 403
    html = page(owner.client, "approval-pending")
    assert "somebody else than the session" in html
    assert 'class="decision-foot"' not in html
    refused = owner.client.post(url, {"key": "k"})
    assert (refused.status_code, Turn.objects.count()) == (403, 0)
    assert viewer.client.get(url).status_code == 405
    assert owner.client.post("/sessions/lab/approval-pending/runs/no-such-run/decision/").status_code == 404
    assert Client(enforce_csrf_checks=True).post(url).status_code in (302, 403)
