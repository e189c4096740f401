"""Another way from a run on: the answer made anew, the message edited in a fork."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.test import Client

from agentos.audit.models import Entry
from agentos.catalog.sync import refresh_session
from agentos.db.reader import Reader
from agentos.db.sources import Source, use_sources
from agentos.records import Run
from agentos.turns.models import Turn
from agentos.turns.runner import run_turn
from agentos.turns.service import retry, submit
from tests.conftest import Person
from tests.integration.turns.conftest import AGENT, TEAM, WORKFLOW, runs_of

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}
FILES = ["agno-v3.db", "agno-v2.db", "agno-v2-to-v3.db"]
every_layout = pytest.mark.parametrize("source", FILES, indirect=True)


@pytest.fixture(params=FILES[:1])
def source(corpus_file: Any, request: pytest.FixtureRequest) -> Iterator[Source]:
    with use_sources(f"lab=sqlite:///{corpus_file(request.param)}") as sources:
        for session_id in (AGENT, TEAM, WORKFLOW):
            refresh_session(sources[0], session_id)
        yield sources[0]


def url(act: str, session_id: str = AGENT) -> str:
    return f"/sessions/lab/{quote(session_id)}/{act}/"


def said(message: str) -> Turn:
    return submit("lab", AGENT, message, user=None, idempotency_key=uuid.uuid4().hex)


def last_top(source: Source, session_id: str = AGENT) -> Run:
    return [run for run in runs_of(source, session_id) if run.is_top_level][-1]


def again(person: Person, run_id: str | None, session_id: str = AGENT) -> Turn:
    answer = person.client.post(url("regenerate", session_id), {"run": run_id}, headers=JSON)
    assert answer.status_code == 201, answer.content
    turn = Turn.objects.get(pk=answer.json()["turn"]["id"])
    run_turn(turn.pk)
    turn.refresh_from_db()
    return turn


@every_layout
@pytest.mark.parametrize("session_id", [AGENT, TEAM, WORKFLOW])
def test_an_answer_is_made_anew(teammate: Person, source: Source, fake_model: Any, session_id: str) -> None:
    before, old = runs_of(source, session_id), last_top(source, session_id)
    fake_model.brain.enqueue("*", {"content": "Another answer."})
    turn = again(teammate, old.run_id, session_id)
    assert (turn.status, turn.message) == ("completed", old.input_text.strip())
    after = runs_of(source, session_id)
    assert [run.run_id for run in after] == [*(run.run_id for run in before), str(turn.pk)]
    new, marked = after[-1], next(run for run in after if run.run_id == old.run_id)
    assert (new.content, new.status) == ("Another answer.", "COMPLETED")
    assert (new.regenerated_from, new.forked_from_run_id) == (old.run_id, old.run_id)
    assert marked.raw == {**old.raw, "status": "REGENERATED"}
    asked = str(fake_model.brain.log[-1]["body"]["messages"])
    assert asked.count(str(old.input_text)[:40]) <= 1 or session_id == WORKFLOW
    assert Entry.objects.get(act="run.regenerated").run_id == old.run_id


def test_what_the_model_is_sent_lacks_the_old_answer(teammate: Person, source: Source, fake_model: Any) -> None:
    for word in ("first", "second"):
        run_turn(said(f"{word} question [[say {word} answer]]").pk)
    again(teammate, last_top(source).run_id)
    sent = [(one["role"], str(one["content"])) for one in fake_model.brain.log[-1]["body"]["messages"]]
    assert ("assistant", "first answer") in sent
    assert ("assistant", "second answer") not in sent
    assert sent[-1][0] == "user" and "second question" in sent[-1][1]
    assert last_top(source).raw["forked_from_message_index"] >= 1


def test_one_that_fails_leaves_the_old_answer_good(teammate: Person, source: Source, fake_model: Any) -> None:
    old = last_top(source)
    fake_model.brain.enqueue("*", {"status": 400, "error": "broken"})
    turn = again(teammate, old.run_id)
    assert turn.status == "failed"
    kept = next(run for run in runs_of(source, AGENT) if run.run_id == old.run_id)
    assert kept.raw == old.raw
    failed = runs_of(source, AGENT)[-1]
    assert failed.status == "ERROR" and failed.regenerated_from is None
    assert failed.forked_from_run_id == old.run_id
    fake_model.brain.enqueue("*", {"content": "Now."})
    second = retry(turn, teammate.user)
    run_turn(second.pk)
    assert runs_of(source, AGENT)[-1].regenerated_from == old.run_id


@pytest.mark.parametrize(("session_id", "which", "words"), [(AGENT, 0, "Only the last answer"), (TEAM, 0, "A member")])
def test_only_the_last_answer_is_made_anew(
    teammate: Person, source: Source, session_id: str, which: int, words: str
) -> None:
    run = runs_of(source, session_id)[which]
    answer = teammate.client.post(url("regenerate", session_id), {"run": run.run_id}, headers=JSON)
    assert answer.status_code == 422 and words in answer.json()["error"]
    assert not Turn.objects.exists()


def test_what_came_meanwhile_is_not_passed_over(teammate: Person, source: Source, fake_model: Any) -> None:
    old = last_top(source)
    first = said("A message before it [[say Yes.]]")
    answer = teammate.client.post(url("regenerate"), {"run": old.run_id}, headers=JSON)
    run_turn(first.pk)
    turn = Turn.objects.get(pk=answer.json()["turn"]["id"])
    run_turn(turn.pk)
    turn.refresh_from_db()
    assert turn.status == "failed" and "Only the last answer" in turn.problem


# --- edit and branch --------------------------------------------------------------------------------------------------
@every_layout
def test_an_edited_message_is_sent_in_a_fork(owner: Person, source: Source, fake_model: Any) -> None:
    runs = [run for run in runs_of(source, AGENT) if run.is_top_level]
    form = owner.client.get(url("branch"), {"run": str(runs[1].run_id)}, headers=JSON).json()
    assert form["message"] == runs[1].input_text
    body = {"run": runs[1].run_id, "message": "Edited [[say Differently.]]", "key": uuid.uuid4().hex}
    answer = owner.client.post(url("branch"), body, headers=JSON)
    assert answer.status_code == 201
    new = answer.json()["session_id"]
    run_turn(Turn.objects.get().pk)
    copied = runs_of(source, new)
    assert [run.content for run in copied] == [runs[0].content, "Differently."]
    session = Reader(source).session(new)
    assert session is not None and session.forked_from_session_id == AGENT
    assert session.user_id == "alice@example.com"
    assert [run.raw for run in runs_of(source, AGENT) if run.is_top_level] == [run.raw for run in runs]
    twice = owner.client.post(url("branch"), body)
    assert twice.headers["Location"] == f"/sessions/lab/{new}/#composer"
    assert Turn.objects.count() == 1


def test_a_branch_at_the_first_message_begins_anew(teammate: Person, source: Source, fake_model: Any) -> None:
    first = runs_of(source, AGENT)[0]
    body = {"run": first.run_id, "message": "Hello [[say Hi.]]", "key": uuid.uuid4().hex}
    new = teammate.client.post(url("branch"), body, headers=JSON).json()["session_id"]
    run_turn(Turn.objects.get().pk)
    assert [run.content for run in runs_of(source, new)] == ["Hi."]


def test_the_page_keeps_what_was_typed_and_forks_nothing(teammate: Person, source: Source) -> None:
    run = runs_of(source, AGENT)[0]
    refused = teammate.client.post(url("branch"), {"run": run.run_id, "message": " ", "key": uuid.uuid4().hex})
    assert refused.status_code == 422 and "The message is empty." in refused.content.decode()
    long = teammate.client.post(url("branch"), {"run": run.run_id, "message": "x" * 100_001})
    assert long.status_code == 422
    assert not Turn.objects.exists()
    page = teammate.client.get(url("branch"), {"run": str(run.run_id)}).content.decode()
    assert '<textarea id="branch-message"' in page and f'name="run" value="{run.run_id}"' in page


# --- who may ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("act", ["regenerate", "branch"])
def test_who_may(viewer: Person, stranger: Person, teammate: Person, source: Source, act: str) -> None:
    body = {"run": last_top(source).run_id, "message": "x"}
    assert viewer.client.post(url(act), body).status_code == 403
    assert stranger.client.post(url(act), body).status_code == 404
    assert stranger.client.post(url(act, "no-such"), body).status_code == 404
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(teammate.user)
    assert strict.post(url(act), body).status_code == 403
    with use_sources(f"lab={source.url}?mode=ro"):
        assert teammate.client.post(url(act), body).status_code == 403
    bad = teammate.client.post(url(act), {"run": "no-such", "message": "x"})
    assert bad.status_code == 422
    assert not Turn.objects.exists()
