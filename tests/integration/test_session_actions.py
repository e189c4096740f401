"""Naming a session, having it named and summed up, editing its state, forking it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.test import Client

from agentos.audit.models import Entry
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.db.changes import SessionChange, StateChange
from agentos.db.reader import Reader
from agentos.db.sources import Source, use_sources
from agentos.db.writer import Writer
from agentos.records import Session
from tests.conftest import Person
from tests.integration.turns.conftest import AGENT, TEAM, WORKFLOW, runs_of

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}
FILES = ["agno-v3.db", "agno-v2.db", "agno-v2-to-v3.db"]


@pytest.fixture(params=FILES[:1])
def source(corpus_file: Any, request: pytest.FixtureRequest) -> Iterator[Source]:
    with use_sources(f"lab=sqlite:///{corpus_file(request.param)}") as sources:
        for session_id in (AGENT, TEAM, WORKFLOW):
            refresh_session(sources[0], session_id)
        yield sources[0]


every_layout = pytest.mark.parametrize("source", FILES, indirect=True)


def url(act: str, session_id: str = AGENT, name: str = "lab") -> str:
    return f"/sessions/{name}/{quote(session_id)}/{act}/"


def stored(source: Source, session_id: str = AGENT) -> Session:
    found = Reader(source).session(session_id)
    assert found is not None
    return found


def set_state(source: Source, state: dict[str, Any], session_id: str = AGENT) -> None:
    change = SessionChange(session=stored(source, session_id), state=StateChange(state, whole=True))
    Writer(source).save(change)


# --- names ------------------------------------------------------------------------------------------------------------
@every_layout
def test_renaming_is_stored_and_shown_at_once(owner: Person, source: Source) -> None:
    before = stored(source)
    response = owner.client.post(url("rename"), {"name": "  Two\n words <b> "}, follow=True)
    assert response.redirect_chain == [(f"/sessions/lab/{quote(AGENT)}/", 302)]
    assert "Renamed to “Two words &lt;b&gt;”." in response.content.decode()
    after = stored(source)
    assert after.session_name == "Two words <b>"
    kept = {key: value for key, value in before.raw.items() if key not in ("session_data", "updated_at")}
    assert {key: value for key, value in after.raw.items() if key not in ("session_data", "updated_at")} == kept
    assert after.session_state == before.session_state
    assert CatalogSession.objects.get(session_id=AGENT).title == "Two words <b>"


@pytest.mark.parametrize(("name", "words"), [(" ", "at least one character"), ("x" * 201, "201 characters; 200 fit")])
def test_a_name_that_is_none_is_refused(teammate: Person, source: Source, name: str, words: str) -> None:
    before = stored(source).raw
    response = teammate.client.post(url("rename"), {"name": name})
    assert response.status_code == 422
    assert words in response.content.decode()
    assert stored(source).raw == before


def test_the_model_finds_a_name(teammate: Person, source: Source, fake_model: Any) -> None:
    fake_model.brain.enqueue("*", {"content": '"Lost parcel and its refund today please"'})
    answer = teammate.client.post(url("auto-name"), headers=JSON)
    assert answer.json() == {"session_name": "Lost parcel and its refund"}
    assert stored(source).session_name == "Lost parcel and its refund"
    asked = fake_model.brain.log[-1]["body"]["messages"][-1]["content"]
    assert "USER: " in asked


def test_a_workflow_is_named_by_what_was_asked_of_it(teammate: Person, source: Source) -> None:
    answer = teammate.client.post(url("auto-name", WORKFLOW), headers=JSON)
    assert answer.json()["session_name"] == " ".join((runs_of(source, WORKFLOW)[0].input_text or "").split())[:60]


def test_a_model_that_fails_changes_nothing(teammate: Person, source: Source, fake_model: Any) -> None:
    before = stored(source).raw
    for act in ("auto-name", "summarise"):
        fake_model.brain.enqueue("*", {"status": 400, "error": "broken"})
        response = teammate.client.post(url(act))
        assert response.status_code == 422
        assert "Nothing was changed" in response.content.decode()
    assert stored(source).raw == before


# --- summaries --------------------------------------------------------------------------------------------------------
@every_layout
def test_summing_up_now(teammate: Person, source: Source, fake_model: Any) -> None:
    answer = teammate.client.post(url("summarise"), headers=JSON)
    assert answer.status_code == 200
    summary = stored(source).session_summary
    assert summary is not None
    assert answer.json()["session_summary"] == summary.to_dict()
    assert stored(source).session_name == stored(source).session_name
    page = teammate.client.post(url("summarise"), follow=True)
    assert page.redirect_chain[0][0].endswith("?tab=summary#inspector")
    assert "Summed up." in page.content.decode()


def test_workflows_have_no_summary_and_say_so(teammate: Person, source: Source, fake_model: Any) -> None:
    page = teammate.client.get(f"/sessions/lab/{quote(WORKFLOW)}/?tab=summary").content.decode()
    assert "Workflow sessions have no summary." in page
    assert teammate.client.post(url("summarise", WORKFLOW)).status_code == 422


def test_without_a_key_the_demo_model_is_not_asked(teammate: Person, source: Source) -> None:
    page = teammate.client.get(f"/sessions/lab/{quote(AGENT)}/?tab=summary").content.decode()
    assert "the demo model finds no names and sums nothing up" in page
    assert teammate.client.post(url("summarise")).status_code == 422


# --- state ------------------------------------------------------------------------------------------------------------
def was(person: Person) -> str:
    fingerprint: str = person.client.get(url("state"), headers=JSON).json()["was"]
    return fingerprint


@every_layout
def test_state_is_compared_and_then_stored(teammate: Person, source: Source) -> None:
    set_state(source, {"cart": [1, 2], "open": True})
    form = teammate.client.get(url("state")).content.decode()
    assert "&quot;cart&quot;" in form
    text = json.dumps({"cart": [1, 2, 3], "open": True, "ünïcode": "\u202e<b>"})
    compared = teammate.client.post(url("state"), {"state": text, "was": was(teammate)}).content.decode()
    assert "What changes" in compared and 'class="diff-after"' in compared
    assert stored(source).session_state == {"cart": [1, 2], "open": True}
    done = teammate.client.post(url("state"), {"state": text, "was": was(teammate), "act": "save"})
    assert done.status_code == 302 and done.headers["Location"].endswith("?tab=state#inspector")
    assert stored(source).session_state == json.loads(text)
    assert stored(source).session_metrics is not None


def test_a_state_that_changed_meanwhile_is_not_overwritten(teammate: Person, source: Source) -> None:
    set_state(source, {"step": 1})
    seen = was(teammate)
    set_state(source, {"step": 2})
    answer = teammate.client.post(url("state"), {"state": '{"step": 9}', "was": seen, "act": "save"})
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "changed by somebody else meanwhile" in html
    assert "&quot;step&quot;: 9" in html, "what was typed is still there"
    assert stored(source).session_state == {"step": 2}
    again = teammate.client.post(url("state"), {"state": '{"step": 9}', "was": was(teammate), "act": "save"})
    assert again.status_code == 302
    assert stored(source).session_state == {"step": 9}


def test_a_state_that_differs_in_kind_alone_is_another(teammate: Person, source: Source) -> None:
    set_state(source, {"open": 1})
    seen = was(teammate)
    set_state(source, {"open": True})
    assert teammate.client.post(url("state"), {"state": "{}", "was": seen, "act": "save"}).status_code == 409


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "Line 1, column 2"),
        ("[1]", "begins with {"),
        ('{"a": 1, "a": 2}', "stands twice"),
        ('{"a": NaN}', "NaN is no number"),
        ('{"a": 1e999}', "cannot be kept"),
        ('{"a": ' + "9" * 5000 + "}", "cannot be kept"),
        ('{"a":' * 5000 + "1" + "}" * 5000, "nested too deeply"),
        ('{"current_user_id": "x"}', "current_user_id"),
    ],
)
def test_what_is_no_state_says_where(teammate: Person, source: Source, text: str, words: str) -> None:
    before = stored(source).session_state
    for act in ("", "save"):
        answer = teammate.client.post(url("state"), {"state": text, "was": was(teammate), "act": act})
        assert answer.status_code == 422
        assert words in answer.content.decode()
    assert stored(source).session_state == before


def test_characters_nobody_sees_are_escaped_in_the_form_and_come_back_whole(teammate: Person, source: Source) -> None:
    state = {"hidden": "a\u202eb\u0000c\ud800", "seen": "é 👍"}
    set_state(source, state)
    kept = stored(source).session_state
    [_, text] = teammate.client.get(url("state")).content.decode().split('autocomplete="off">', 1)
    shown = text.split("</textarea>")[0]
    assert "\\u202e" in shown and "é 👍" in shown
    from html import unescape

    assert json.loads(unescape(shown)) == kept


# --- forks ------------------------------------------------------------------------------------------------------------
@every_layout
@pytest.mark.parametrize("session_id", [AGENT, TEAM, WORKFLOW])
def test_a_fork_has_everything(teammate: Person, source: Source, session_id: str) -> None:
    answer = teammate.client.post(url("fork", session_id), headers=JSON)
    assert answer.status_code == 201
    new = answer.json()["session_id"]
    old, copy = stored(source, session_id), stored(source, new)
    before, after = runs_of(source, session_id), runs_of(source, new)
    assert [run.content for run in after] == [run.content for run in before]
    assert not {run.run_id for run in after} & {run.run_id for run in before}
    assert {run.session_id for run in after} == {new}
    assert {run.raw["forked_from_session_id"] for run in after} == {session_id}
    assert copy.forked_from_session_id == session_id
    assert (copy.user_id, copy.session_type, copy.component_id) == (old.user_id, old.session_type, old.component_id)
    assert (copy.session_name, copy.session_state) == (old.session_name, old.session_state)
    assert copy.raw["session_data"].get("session_metrics") == old.raw["session_data"].get("session_metrics")
    ids = {run.run_id for run in after}
    assert all(run.parent_run_id in ids for run in after if run.parent_run_id)
    assert teammate.client.get(answer.json()["url"]).status_code == 200


@every_layout
def test_a_fork_of_an_earlier_run_ends_there(owner: Person, source: Source) -> None:
    runs = runs_of(source, AGENT)
    assert len(runs) > 1
    response = owner.client.post(url("fork"), {"run": runs[0].run_id}, follow=True)
    new = CatalogSession.objects.exclude(session_id__in=[AGENT, TEAM, WORKFLOW]).get()
    assert "Forked: this is a session of its own, with 1 run." in response.content.decode()
    [copy] = runs_of(source, new.session_id)
    assert copy.content == runs[0].content
    session = stored(source, new.session_id)
    assert session.summary_text is None
    assert session.session_metrics is not None and runs[0].metrics is not None
    assert session.session_metrics.tokens == runs[0].metrics.tokens
    assert session.session_state == (runs[0].session_state or {})


def test_a_fork_of_a_fork_names_both(teammate: Person, source: Source) -> None:
    first = teammate.client.post(url("fork"), headers=JSON).json()["session_id"]
    second = teammate.client.post(url("fork", first), headers=JSON).json()["session_id"]
    assert stored(source, second).forked_from_session_id == first
    assert {run.raw["forked_from_session_id"] for run in runs_of(source, second)} == {AGENT}


def test_members_come_with_their_leader(teammate: Person, source: Source) -> None:
    leader = next(run for run in runs_of(source, TEAM) if run.is_top_level)
    new = teammate.client.post(url("fork", TEAM), {"run": leader.run_id}, headers=JSON).json()["session_id"]
    below = [run for run in runs_of(source, TEAM) if run.parent_run_id == leader.run_id]
    copied = runs_of(source, new)
    top = next(run for run in copied if run.is_top_level)
    assert below and len([run for run in copied if run.parent_run_id == top.run_id]) == len(below)


def test_the_menu_of_a_run_forks_it(teammate: Person, source: Source) -> None:
    run_id = runs_of(source, AGENT)[0].run_id
    for page in (f"/sessions/lab/{quote(AGENT)}/", f"/sessions/lab/{quote(AGENT)}/runs/{run_id}/"):
        html = teammate.client.get(page).content.decode()
        assert f'<button form="fork-form" name="run" value="{run_id}"' in html
        assert html.count('<form id="fork-form"') == 1


def test_a_run_that_is_not_there_forks_nothing(teammate: Person, source: Source) -> None:
    assert teammate.client.post(url("fork"), {"run": "no-such-run"}).status_code == 404


def test_all_of_it_is_on_record(teammate: Person, source: Source, fake_model: Any) -> None:
    teammate.client.post(url("rename"), {"name": "One"})
    teammate.client.post(url("summarise"))
    set_state(source, {"step": 1})
    teammate.client.post(url("state"), {"state": '{"step": 2}', "was": was(teammate), "act": "save"})
    teammate.client.post(url("fork"))
    entries = [(one.act, one.actor, one.session_id) for one in Entry.objects.filter(kind="change").order_by("number")]
    acts = ("session.renamed", "session.summed_up", "session.state_changed", "session.forked")
    assert entries == [(act, "teammate", AGENT) for act in acts]
    state = Entry.objects.get(act="session.state_changed")
    assert (json.loads(state.before), json.loads(state.after)) == ({"step": 1}, {"step": 2})


# --- who may ----------------------------------------------------------------------------------------------------------
ACTS = ("rename", "auto-name", "summarise", "fork", "state")


@pytest.mark.parametrize("act", ACTS)
def test_a_viewer_reads_why_not(viewer: Person, source: Source, act: str) -> None:
    before = stored(source).raw
    response = viewer.client.post(url(act), {"name": "x", "state": "{}", "act": "save"})
    assert response.status_code == 403
    assert "Your role does not let you" in response.content.decode()
    assert stored(source).raw == before
    assert (
        "Your role does not let you" in viewer.client.get(f"/sessions/lab/{quote(AGENT)}/?tab=state").content.decode()
    )


@pytest.mark.parametrize("act", ACTS)
def test_a_read_only_source_says_so(teammate: Person, source: Source, act: str) -> None:
    with use_sources(f"lab={source.url}?mode=ro"):
        response = teammate.client.post(url(act), {"name": "x", "state": "{}", "act": "save"})
        assert response.status_code == 403
        assert "read-only" in response.content.decode()
        assert "read-only" in teammate.client.get(f"/sessions/lab/{quote(AGENT)}/?tab=summary").content.decode()


def test_users_do_not_write_what_their_program_keeps(owner: Person, source: Source) -> None:
    response = owner.client.post(url("state"), {"state": "{}", "was": "", "act": "save"})
    assert response.status_code == 403
    assert "which is the program&#x27;s own" in response.content.decode()


@pytest.mark.parametrize("act", ACTS)
def test_strangers_and_bad_ids_look_the_same(stranger: Person, client: Client, source: Source, act: str) -> None:
    body = {"name": "x", "state": "{}", "act": "save"}
    foreign, missing = stranger.client.post(url(act), body), stranger.client.post(url(act, "no-such"), body)
    assert foreign.status_code == missing.status_code == 404
    assert client.post(url(act), body).status_code == 302
    assert stranger.client.post(url(act, name="nowhere"), body).status_code == 404


@pytest.mark.parametrize("act", ACTS)
def test_a_page_of_another_site_changes_nothing(teammate: Person, source: Source, act: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(teammate.user)
    assert strict.post(url(act), {"name": "x", "state": "{}", "act": "save"}).status_code == 403
    if act != "state":
        assert teammate.client.get(url(act)).status_code == 405
