"""A person answers in the agent's place, or keeps a note, from the composer."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from agentos.access.models import Binding, Grant
from agentos.audit.models import Entry
from agentos.catalog.keys import quote_id
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_session
from agentos.db.changes import SessionChange
from agentos.db.reader import Reader
from agentos.db.sources import Source, use_sources
from agentos.db.sql import SqlDb
from agentos.moderation import measures
from agentos.moderation.acting import Actor
from agentos.moderation.models import Note, Standing
from agentos.records import parse_run
from agentos.turns.models import Turn
from agentos.turns.runner import run_turn
from tests.conftest import Person, person
from tests.integration.turns.conftest import AGENT, TEAM, WORKFLOW, runs_of

pytestmark = pytest.mark.django_db
SAID = "This is Dana, a person. Your **suitcase** is in Lisbon."
JSON: dict[str, Any] = {"HTTP_ACCEPT": "application/json"}


@pytest.fixture(params=["agno-v3.db", "agno-v2.db"])
def source(corpus_file: Any, request: pytest.FixtureRequest) -> Iterator[Source]:
    with use_sources(f"lab=sqlite:///{corpus_file(request.param)}") as sources:
        for session_id in (AGENT, TEAM, WORKFLOW):
            refresh_session(sources[0], session_id)
        yield sources[0]


def url(session_id: str = AGENT) -> str:
    return f"/sessions/lab/{session_id}/"


def speak(who: Person, message: str = SAID, session_id: str = AGENT, **given: Any) -> Any:
    form = {"message": message, "key": uuid.uuid4().hex, "as": "operator"} | given
    return who.client.post(f"{url(session_id)}turns/", form, **JSON)


def spoken(who: Person, message: str = SAID, session_id: str = AGENT) -> Turn:
    answer = speak(who, message, session_id)
    assert answer.status_code == 201, answer.content
    run_turn(uuid.UUID(answer.json()["turn"]["id"]))
    found = Turn.objects.get(pk=answer.json()["turn"]["id"])
    assert found.status == "completed", found.problem
    return found


@pytest.mark.parametrize("session_id", [AGENT, TEAM, WORKFLOW])
def test_it_is_stored_as_an_answer_without_a_question(source: Source, teammate: Person, session_id: str) -> None:
    before = runs_of(source, session_id)
    turn = spoken(teammate, session_id=session_id)
    *earlier, run = runs_of(source, session_id)
    assert [one.raw for one in earlier] == [one.raw for one in before]
    assert (run.run_id, run.status, run.content, run.input_text) == (str(turn.pk), "COMPLETED", SAID, "")
    first = next(one for one in before if one.is_top_level)
    assert (run.kind, run.component_id) == (first.kind, first.component_id)
    if run.kind != "workflow":
        assert [(message.role, message.text) for message in run.messages] == [("assistant", SAID)]
    assert run.metadata is not None and run.metadata["agentos_sessions"]["spoken_by"] == "teammate"
    assert run.model is None and run.metrics is None


def test_no_model_is_asked(source: Source, teammate: Person, fake_model: Any) -> None:
    spoken(teammate)
    assert not fake_model.brain.log


def test_the_next_answer_knows_it(source: Source, teammate: Person, fake_model: Any) -> None:
    spoken(teammate)
    sent = speak(teammate, "And when does it arrive?", **{"as": "user"}).json()["turn"]
    run_turn(uuid.UUID(sent["id"]))
    asked = fake_model.brain.log[-1]["body"]["messages"]
    assert [(one["role"], one["content"]) for one in asked[-2:]] == [
        ("assistant", SAID),
        ("user", "And when does it arrive?"),
    ]


def test_the_reader_sees_who_wrote_it(source: Source, teammate: Person, viewer: Person) -> None:
    spoken(teammate)
    html = viewer.client.get(url()).text
    turn = html.split("by-operator hatched")[1].split("</div></div>")[0]
    assert "<bdi>teammate</bdi>" in turn and "operator</span>" in turn and "<strong>suitcase</strong>" in turn
    row = CatalogSession.objects.one("lab", AGENT)
    assert row is not None and row.marks.get("held") is None


def test_the_log_and_the_runs_own_page_say_so_as_well(source: Source, teammate: Person, viewer: Person) -> None:
    spoken(teammate)
    [*_, run] = runs_of(source, AGENT)
    assert run.run_id
    told = viewer.client.get(url(), {"view": "log"}).text.split("by <b><bdi>teammate</bdi></b>, in the agent")
    assert len(told) == 2
    page = viewer.client.get(f"{url()}runs/{quote_id(run.run_id)}/").text
    assert "<b><bdi>teammate</bdi></b>" in page and "in the agent's place" in page


def asked_as_user(who: Person, message: str = "Where is it?", session_id: str = AGENT) -> Turn:
    """What an operator sent in the name of the session's user, answered by the model."""
    sent = speak(who, message, session_id, **{"as": "user", "reason": "phone call"}).json()["turn"]
    run_turn(uuid.UUID(sent["id"]))
    return Turn.objects.get(pk=sent["id"])


class TestMarkedEverywhere:
    """An answer in the agent's place, and a message in the user's name, say so wherever they stand."""

    @pytest.mark.parametrize("session_id", [AGENT, TEAM, WORKFLOW])
    def test_in_every_view(self, source: Source, teammate: Person, viewer: Person, session_id: str) -> None:
        spoken(teammate, session_id=session_id)
        words = "by <b><bdi>teammate</bdi></b>, in the agent"
        timeline = viewer.client.get(url(session_id), {"view": "timeline"}).text
        assert words in timeline.split('class="time-row is-run')[-1]
        for view in ("conversation", "timeline", "log"):
            page = viewer.client.get(url(session_id), {"view": view}).text
            spine = page.split('id="spine"')[1].split("</nav>")[0]
            assert "of-person" in spine and "by teammate, a person in the agent&#x27;s place" in spine, view
            tree = page.split('class="tree-row')[-1]
            assert "by teammate, a person in the agent&#x27;s place" in tree, view
        assert words in viewer.client.get(url(session_id), {"prompts": 0}).text.split('id="prompts"')[1]

    def test_no_model_is_named_in_the_timeline(self, source: Source, teammate: Person, viewer: Person) -> None:
        spoken(teammate)
        last = viewer.client.get(url(), {"view": "timeline"}).text.split('class="time-row')[-1]
        assert '<bdi class="name">teammate</bdi>' in last and "#i-operator" in last and "bar-model" not in last

    def test_beside_another_in_a_comparison(self, source: Source, teammate: Person, viewer: Person) -> None:
        first, turn = spoken(teammate, "Dana here."), spoken(teammate)
        one = f"lab/{AGENT}"
        page = viewer.client.get("/compare/", {"a": one, "b": f"lab/{TEAM}"}).text
        assert page.count("by <b><bdi>teammate</bdi></b>, in the agent") == 2
        data = viewer.client.get("/compare/", {"a": one, "b": f"lab/{TEAM}", "format": "json"}).json()
        assert [row["a"]["text"] for row in data["rows"] if row["a"] and row["a"]["answered_by"]] == [
            "Dana here.",
            SAID,
        ]
        a, b = (f"{one}/runs/{quote_id(each.run_id)}" for each in (first, turn))
        page = viewer.client.get("/compare/", {"a": a, "b": b}).text
        assert page.count("by <b><bdi>teammate</bdi></b>, in the agent") == 2

    def test_a_message_in_the_users_name_says_who_sent_it(
        self, source: Source, teammate: Person, viewer: Person, fake_model: Any
    ) -> None:
        turn = asked_as_user(teammate)
        html = viewer.client.get(url()).text
        assert "Sent by <b><bdi>teammate</bdi></b>, in the user's name" in html and "by-operator" not in html
        words = "sent by <b><bdi>teammate</bdi></b>, in the user"
        for address, query in ((url(), {"view": "timeline"}), (url(), {"view": "log"}), (url(), {"prompts": "0"})):
            assert words in viewer.client.get(address, query).text, query
        assert words in viewer.client.get(f"{url()}runs/{quote_id(turn.run_id)}/").text
        assert words in viewer.client.get("/compare/", {"a": f"lab/{AGENT}", "b": f"lab/{TEAM}"}).text

    def test_ones_own_message_is_not_marked(self, source: Source, owner: Person, fake_model: Any) -> None:
        asked_as_user(owner)
        assert "in the user" not in owner.client.get(url()).text

    @pytest.mark.parametrize("form", ["markdown", "html"])
    def test_in_transcripts(self, source: Source, teammate: Person, fake_model: Any, form: str) -> None:
        spoken(teammate, "Dana here.")
        asked_as_user(teammate)
        text = exported(teammate, format=form).replace("&#x27;", "'").replace("\\", "")
        assert text.count("by teammate, a person in the agent's place") == 1
        assert text.count("sent by teammate, a person in the user's name") == 1
        assert "Answered by" in text and "Sent by" in text

    def test_in_lines_for_training_it_is_a_persons_answer(
        self, source: Source, teammate: Person, fake_model: Any
    ) -> None:
        asked_as_user(teammate, "Where is it?")
        spoken(teammate, "Dana here.")
        *_, sent, human = map(json.loads, exported(teammate, format="jsonl").splitlines())
        assert human["messages"][-1] == {"role": "assistant", "content": "Dana here."}
        assert {"role": "user", "content": "Where is it?"} in human["messages"][:-1]
        assert human["metadata"] == {"answered_by": "teammate", "asked_by": None, "claims_operator": None}
        assert sent["metadata"] == {"answered_by": None, "asked_by": "teammate", "claims_operator": None}
        *_, case = map(json.loads, exported(teammate, **{"format": "jsonl", "for": "evaluation"}).splitlines())
        assert case["metadata"]["answered_by"] == "teammate" and case["history"] and case["output"] == "Dana here."

    def test_a_workflow_has_such_a_line_as_well(self, source: Source, teammate: Person) -> None:
        spoken(teammate, "Dana here.", WORKFLOW)
        *_, human = map(json.loads, exported(teammate, WORKFLOW, format="jsonl").splitlines())
        assert human["messages"][-1]["content"] == "Dana here." and human["metadata"]["answered_by"] == "teammate"

    def test_the_command_says_so_too(self, source: Source, teammate: Person, capsys: Any) -> None:
        spoken(teammate)
        call_command("export", "lab", AGENT, "--format", "jsonl")
        assert '"answered_by": "teammate"' in capsys.readouterr().out


class TestNotYetSeen:
    CHIP = "Not yet seen by the agent"

    def test_while_nothing_was_asked_behind_it(
        self, source: Source, teammate: Person, viewer: Person, fake_model: Any
    ) -> None:
        assert self.CHIP not in viewer.client.get(url()).text
        spoken(teammate)
        spoken(teammate, "And one more thing.")
        assert viewer.client.get(url()).text.count(self.CHIP) == 2
        asked_as_user(teammate)
        assert self.CHIP not in viewer.client.get(url()).text


def exported(who: Person, session_id: str = AGENT, **query: str) -> str:
    async def whole(response: Any) -> bytes:
        return b"".join([part async for part in response])

    body: bytes = async_to_sync(whole)(who.client.get(f"{url(session_id)}export/", query))
    return body.decode()


def test_what_a_run_claims_is_not_believed(source: Source, viewer: Person) -> None:
    session = Reader(source).session(AGENT)
    assert session is not None
    about = {"agentos_sessions": {"spoken_by": "The administrator <b>"}}
    raw: dict[str, Any] = {
        "run_id": "forged",
        "agent_id": session.component_id,
        "session_id": AGENT,
        "status": "COMPLETED",
    }
    raw |= {"content": "Click approve", "messages": [{"role": "assistant", "content": "Click approve"}]}
    forged = parse_run(raw | {"metadata": about, "created_at": 2_000_000_000, "user_id": session.user_id})
    SqlDb(source).save(SessionChange(session=session, runs=[forged]))  # type: ignore[list-item]  # a run that lies is the test
    refresh_session(source, AGENT)
    html = viewer.client.get(url()).text
    assert "by-operator" not in html and "That is not on record here" in html
    assert "The administrator &lt;b&gt;" in html
    assert "The administrator" not in viewer.client.get(url(), {"view": "log"}).text


def test_pages_without_one_ask_nothing_about_it(source: Source, viewer: Person, teammate: Person) -> None:
    def statements() -> int:
        with CaptureQueriesContext(connection) as taken:
            viewer.client.get(url())
        return len(taken)

    viewer.client.get(url())
    before = statements()
    spoken(teammate)
    assert statements() <= before + 1


def test_it_is_on_record(source: Source, teammate: Person, settings: Settings) -> None:
    settings.AGENTOS_ACTING_REASON = True
    assert speak(teammate).status_code == 422
    assert speak(teammate, reason="phone call, ticket 8812").status_code == 201
    entry = Entry.objects.latest("number")
    assert (entry.act, entry.actor, entry.reason) == ("turn.spoken", "teammate", "phone call, ticket 8812")
    turn = Turn.objects.get()
    assert (turn.kind, turn.acting_for, turn.reason) == ("operator", "alice@example.com", "phone call, ticket 8812")


def test_while_it_is_taken_over_only_who_took_it_speaks(source: Source, teammate: Person, moderator: Person) -> None:
    row = CatalogSession.objects.one("lab", AGENT)
    assert row is not None
    measures.put(row, Standing.TAKEOVER, Actor.of(moderator.user), "asks for a person")
    assert speak(teammate).status_code == 403
    spoken(moderator)
    assert runs_of(source, AGENT)[-1].content == SAID


def test_a_right_lost_while_it_waits_stores_nothing(source: Source, teammate: Person) -> None:
    count = len(runs_of(source, AGENT))
    turn = speak(teammate).json()["turn"]
    teammate.user.groups.clear()
    run_turn(uuid.UUID(turn["id"]))
    assert Turn.objects.get().status == "failed" and len(runs_of(source, AGENT)) == count


@pytest.mark.parametrize(("message", "sentence"), [(" ", "empty"), ("x" * 32_001, "32,000 can be sent")])
def test_what_it_cannot_be(source: Source, teammate: Person, message: str, sentence: str) -> None:
    answer = speak(teammate, message)
    assert answer.status_code == 422 and sentence in answer.json()["error"]


class TestWhoMay:
    def test_nobody_in_their_own_session(self, source: Source, owner: Person) -> None:
        assert speak(owner).status_code == 403
        assert 'name="as"' not in owner.client.get(url()).text

    def test_no_viewer(self, source: Source, viewer: Person) -> None:
        assert speak(viewer).status_code == 403

    def test_no_admin_who_is_bound(self, source: Source) -> None:
        bound = person("bound", "admin")
        Binding.objects.create(user=bound.user, agno_user_id="alice@example.com")
        assert speak(bound).status_code == 403

    def test_nobody_outside_of_their_scope(self, source: Source, teammate: Person) -> None:
        Grant.objects.create(user=teammate.user, kind="agent", value="another")
        assert speak(teammate).status_code == 404


class TestNotes:
    def test_one_is_kept_from_the_composer(self, source: Source, teammate: Person) -> None:
        answer = speak(teammate, "Driver told.", **{"as": "note"})
        assert answer.status_code == 201
        note = Note.objects.get()
        assert (note.text, note.actor, answer.json()["note"]["id"]) == ("Driver told.", "teammate", note.pk)
        assert not Turn.objects.exists() and Entry.objects.latest("number").act == "note.put"

    def test_htmx_gets_it_with_a_fresh_form(self, source: Source, teammate: Person) -> None:
        form = {"message": "Driver <told>.", "key": "k", "as": "note"}
        html = teammate.client.post(f"{url()}turns/", form, headers={"HX-Request": "true"}).text
        assert "Driver &lt;told&gt;." in html and 'hx-swap-oob="outerHTML"' in html

    def test_no_reason_is_asked_and_empty_ones_are_refused(
        self, source: Source, teammate: Person, settings: Settings
    ) -> None:
        settings.AGENTOS_ACTING_REASON = True
        assert speak(teammate, "Driver told.", **{"as": "note"}).status_code == 201
        assert speak(teammate, " ", **{"as": "note"}).status_code == 422
        assert "required" not in teammate.client.get(url()).text.split('id="composer-reason"')[1].split(">")[0]

    def test_who_may_not(self, source: Source, viewer: Person, owner: Person) -> None:
        for who in (viewer, owner):
            assert speak(who, "x", **{"as": "note"}).status_code == 403


def test_the_composer_offers_what_one_may(source: Source, teammate: Person) -> None:
    html = teammate.client.get(url()).text
    assert [part.split('"')[0] for part in html.split('name="as" value="')[1:]] == ["user", "operator", "note"]
    assert '"user" checked' in html
    refused = teammate.client.post(f"{url()}turns/", {"message": "x" * 32_001, "key": "k", "as": "operator"})
    assert refused.status_code == 422 and '"operator" checked' in refused.text
