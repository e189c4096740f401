"""Acts on a session by its pages: forms, data, what stands then and for whom, and what is refused."""

from typing import Any

import pytest

from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.moderation import measures, remarks
from agentos.moderation.acting import Actor
from agentos.moderation.models import Flag, Measure, Note, Opening, Standing, Star, Suspension, Thumb
from agentos.turns.models import Turn
from agentos.turns.runner import run_turn
from agentos.turns.service import submit
from tests.conftest import Person
from tests.integration.test_export import text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("flag_reasons")]
WHY = "somebody asked for it"
HOSTILE = "<script>alert(1)</script>\u202e{{ 7 }}"
ACTS = [
    "hold",
    "release",
    "hide",
    "show",
    "archive",
    "unarchive",
    "delete",
    "restore",
    "take-over",
    "hand-back",
    "suspend",
    "lift-suspension",
]


@pytest.fixture
def row(sources: Any, corpus_file: Any, settings: Any) -> CatalogSession:
    settings.AGENTOS_TURNS = "worker"
    refresh_source(sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")[0])
    found = CatalogSession.objects.filter(user_id="alice@example.com", session_type="agent", run_count__gt=0)
    return found.order_by("pk")[0]


def url(row: CatalogSession, end: str = "") -> str:
    return f"/sessions/lab/{row.quoted_id}/{end}"


def act(who: Person, row: CatalogSession, name: str, reason: str = WHY) -> Any:
    return who.client.post(url(row, f"moderate/{name}/"), {"reason": reason})


def test_each_act_asks_and_is_done_and_undone(row: CatalogSession, moderator: Person) -> None:
    for name, back in (("archive", "unarchive"), ("hide", "show"), ("delete", "restore"), ("take-over", "hand-back"),
                       ("hold", "release"), ("suspend", "lift-suspension")):  # fmt: skip
        for one in (name, back):
            form = moderator.client.get(url(row, f"moderate/{one}/"), headers={"HX-Target": "sheet-content"}).text
            assert "<html" not in form and "csrfmiddlewaretoken" in form and "effects" in form
            assert act(moderator, row, one).status_code == 302
            again = act(moderator, row, one)
            assert again.status_code == 409 and 'role="alert"' in again.text
    assert not Measure.objects.filter(lifted_at=None).exists()


def test_a_reason_is_asked_for(row: CatalogSession, moderator: Person) -> None:
    answer = act(moderator, row, "hold", "no")
    assert answer.status_code == 422 and "Say why" in answer.text
    data = moderator.client.post(url(row, "moderate/hold/?format=json"), {"reason": ""})
    assert data.status_code == 422 and "Say why" in data.json()["error"]
    data = moderator.client.post(url(row, "moderate/hold/?format=json"), {"reason": WHY}).json()
    assert [one["kind"] for one in data["standing"]] == ["hold"]


def test_on_hold_nobody_reads_or_continues(
    row: CatalogSession, owner: Person, teammate: Person, moderator: Person
) -> None:
    waiting = submit("lab", row.session_id, "hello", user=teammate.user, idempotency_key="k1")
    act(moderator, row, "hold")
    waiting.refresh_from_db()
    run_turn(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.status in ("cancelled", "failed") and not waiting.run_id
    run = row.runs.filter(depth=0).exclude(run_id=None)[0]
    paths = ["", f"runs/{run.quoted_id}/", "export/?format=json", "?format=json", f"runs/{run.quoted_id}/tools/0/"]
    for who in (owner, teammate, moderator):
        for path in paths:
            assert who.client.get(url(row, path)).status_code == 403, path
        assert who.client.post(url(row, "turns/"), {"message": "hi", "key": "k2"}).status_code == 403
        assert who.client.get(f"/turns/{waiting.pk}/").status_code == 403
        assert who.client.get(f"/turns/{waiting.pk}/events/").status_code in (403, 404)
    assert Turn.objects.count() == 1
    page = owner.client.get(url(row)).text
    assert "This conversation is paused" in page and WHY not in page and "moderator" not in page.split("<main")[1]
    assert "For which case" not in teammate.client.get(url(row)).text


def test_lists_tell_nothing_of_what_was_said_on_hold(row: CatalogSession, teammate: Person, moderator: Person) -> None:
    CatalogSession.objects.filter(pk=row.pk).update(preview="the secret answer")
    measures.put(row, Standing.HOLD, Actor.of(moderator.user), WHY)
    for who in (teammate, moderator):
        page = who.client.get("/sessions/", {"q": "is:held"}).text
        assert "is-held" in page and "secret answer" not in page
        assert "secret answer" not in who.client.get("/sessions/", {"q": "is:held", "format": "json"}).text
        assert "secret answer" not in who.client.get(url(row, "preview/")).text
        for form in ("csv", "jsonl"):
            sent = text_of(who, q="is:held", format=form)
            assert row.session_id in sent and "secret answer" not in sent
    word = row.title.split()[0]
    assert row.title not in teammate.client.get("/search/", {"q": word}).text


def test_a_moderator_opens_it_for_a_reason(row: CatalogSession, teammate: Person, moderator: Person) -> None:
    act(moderator, row, "hold")
    page = moderator.client.get(url(row)).text
    assert "For which case do you open it" in page
    assert moderator.client.post(url(row, "open/"), {"case": "", "reason": ""}).status_code == 422
    assert moderator.client.post(url(row, "open/"), {"case": "", "reason": WHY}).headers["Location"] == url(row)
    opened = moderator.client.get(url(row))
    assert opened.status_code == 200 and "On hold since" in opened.text and Opening.objects.get().reason == WHY
    assert "On hold by moderator" in opened.text  # in place of the composer
    assert teammate.client.post(url(row, "open/"), {"reason": WHY}).status_code == 403


def test_what_is_hidden_is_not_found(
    row: CatalogSession, owner: Person, viewer: Person, teammate: Person, moderator: Person
) -> None:
    turn = submit("lab", row.session_id, "hello", user=teammate.user, idempotency_key="k1")
    run = row.runs.filter(depth=0).exclude(run_id=None)[0]
    before = teammate.client.get("/users/", {"q": "-status:none", "format": "json"}).text
    act(moderator, row, "hide")
    for who in (owner, viewer, teammate):
        for path in (
            "",
            "?format=json",
            "preview/",
            "export/?format=json",
            f"runs/{run.quoted_id}/",
            "flag/",
            "remarks/",
        ):
            assert who.client.get(url(row, path)).status_code == 404, path
        assert who.client.get(f"/turns/{turn.pk}/").status_code == 404
        assert who.client.post(url(row, "turns/"), {"message": "hi", "key": "k2"}).status_code == 404
        for path in ("/sessions/", "/search/", "/jump/"):
            assert f'/sessions/lab/{row.quoted_id}/"' not in who.client.get(path, {"q": row.session_id}).text
    assert teammate.client.get("/users/", {"q": "-status:none", "format": "json"}).text != before
    assert moderator.client.get(url(row)).status_code == 200
    assert f"/sessions/lab/{row.quoted_id}/" in moderator.client.get("/sessions/", {"q": "is:hidden"}).text


def test_what_is_deleted_is_there_for_moderators_alone(
    row: CatalogSession, owner: Person, viewer: Person, teammate: Person, moderator: Person
) -> None:
    waiting = submit("lab", row.session_id, "hello", user=teammate.user, idempotency_key="k1")
    before = teammate.client.get("/sessions/", {"q": f"id:{row.session_id}", "format": "json"}).json()["sessions"]
    assert len(before) == 1
    act(moderator, row, "delete")
    run_turn(waiting.pk)
    waiting.refresh_from_db()
    assert waiting.status in ("cancelled", "failed") and not waiting.run_id
    for who in (owner, viewer, teammate):
        assert who.client.get(url(row)).status_code == who.client.get(url(row, "export/")).status_code == 404
        assert who.client.get(f"/turns/{waiting.pk}/").status_code == 404
        for q in (f"id:{row.session_id}", f"is:deleted id:{row.session_id}"):
            assert who.client.get("/sessions/", {"q": q, "format": "json"}).json()["sessions"] == []
    page = moderator.client.get(url(row)).text
    assert "Deleted" in page and "Restore…" in page
    assert moderator.client.get("/sessions/", {"q": f"id:{row.session_id}", "format": "json"}).json()["sessions"] == []
    found = moderator.client.get("/sessions/", {"q": "is:deleted"}).text
    assert row.quoted_id in found
    answer = moderator.client.post(url(row, "turns/?format=json"), {"message": "hi", "key": "k2"})
    assert answer.status_code == 403 and "Deleted by moderator" in answer.json()["error"]
    act(moderator, row, "restore")
    assert teammate.client.get(url(row)).status_code == 200
    assert (
        teammate.client.get("/sessions/", {"q": f"id:{row.session_id}", "format": "json"}).json()["sessions"] == before
    )


def test_a_suspended_user_reads_why_they_cannot_write(row: CatalogSession, owner: Person, moderator: Person) -> None:
    act(moderator, row, "suspend")
    page = owner.client.get(url(row)).text
    assert "Your account is suspended" in page and WHY not in page
    answer = owner.client.post(url(row, "turns/?format=json"), {"message": "hi", "key": "k"})
    assert answer.status_code == 403 and "suspended" in answer.json()["error"]
    assert Suspension.objects.get().reason == WHY


def test_a_run_and_a_message_are_flagged(row: CatalogSession, viewer: Person, moderator: Person) -> None:
    run = row.runs.filter(depth=0).exclude(run_id=None)[0]
    form = viewer.client.get(url(row, "flag/"), {"run": run.quoted_id, "message": "1"}).text
    assert "Message 1 of a run" in form and "Possible fraud" in form
    fields = {"reason": "Possible fraud", "note": HOSTILE, "run": run.quoted_id, "message": "1"}
    assert viewer.client.post(url(row, "flag/"), fields).status_code == 302
    assert viewer.client.post(url(row, "flag/"), fields).status_code == 409
    page = viewer.client.get(url(row)).text
    assert "Flagged, “<bdi>Possible fraud</bdi>”, message 1" in page and "<script>alert" not in page
    assert 'aria-label="Flagged"' in viewer.client.get("/sessions/", {"q": "has:flag"}).text
    flag = Flag.objects.get()
    assert (flag.run_id, flag.message) == (run.run_id, 1)
    assert viewer.client.post(url(row, "flag/"), {"act": "take_back", "flag": flag.pk}).status_code == 302
    assert viewer.client.post(url(row, "flag/"), {"reason": "because"}).status_code == 422
    assert viewer.client.get(url(row, "flag/"), {"run": "no such run"}).status_code == 404


def test_tags_notes_stars_and_thumbs(row: CatalogSession, viewer: Person, owner: Person, teammate: Person) -> None:
    def say(who: Person, **form: str) -> Any:
        return who.client.post(url(row, "remarks/?format=json"), form)

    run = row.runs.filter(depth=0).exclude(run_id=None)[0]
    assert say(teammate, act="tag", tag=HOSTILE).json()["tags"]
    assert say(teammate, act="note", text=HOSTILE).json()["notes"][0]["by"] == "teammate"
    assert say(viewer, act="star").json()["starred"] is True
    assert say(owner, act="thumb", thumb=f"down {run.quoted_id}").json()["thumbs"][0]["up"] is False
    page = teammate.client.get(url(row)).text
    assert "<script>alert" not in page and "internal note" in page and "Bad answer, said by 1" in page
    own = owner.client.get(url(row)).text
    assert "internal note" not in own and "Flag…" not in own
    assert owner.client.get(url(row, "remarks/?format=json")).json()["notes"] == []
    listed = teammate.client.get("/sessions/", {"q": "has:note"}).text
    assert 'aria-label="Has notes"' in listed and "<script>alert" not in listed
    assert 'aria-label="Has notes"' not in owner.client.get("/sessions/").text
    note = Note.objects.get()
    assert say(viewer, act="remove_note", note=str(note.pk)).status_code == 403
    assert say(teammate, act="remove_note", note=str(note.pk)).json()["notes"] == []
    for bad in ({"act": "dance"}, {"act": "tag", "tag": ""}, {"act": "note", "text": " "}, {"act": "thumb"}):
        assert say(teammate, **bad).status_code == 422
    for form in ({"act": "tag", "tag": "x"}, {"act": "note", "text": "x"}):
        assert say(viewer, **form).status_code == say(owner, **form).status_code == 403
    assert say(teammate, act="remove_note", note="12x").status_code == 404
    assert Star.objects.count() == Thumb.objects.count() == 1


def test_going_on_leads_nowhere_else(row: CatalogSession, teammate: Person) -> None:
    for address in ("https://evil.example/", "//evil.example", "javascript:alert(1)"):
        answer = teammate.client.post(url(row, "remarks/"), {"act": "tag", "tag": "x", "next": address})
        assert answer.headers["Location"] == url(row)


def test_marks_of_others_are_of_another_session(row: CatalogSession, teammate: Person) -> None:
    other = CatalogSession.objects.exclude(pk=row.pk)[0]
    note = remarks.note(other, Actor.of(teammate.user), "elsewhere")
    remarks.note(row, Actor.of(teammate.user), "here")
    assert teammate.client.post(url(row, "remarks/"), {"act": "remove_note", "note": note.pk}).status_code == 404


@pytest.mark.parametrize("name", ACTS)
def test_who_may_not_moderate(
    name: str, row: CatalogSession, owner: Person, stranger: Person, viewer: Person, teammate: Person, client: Any
) -> None:
    for who in (owner, viewer, teammate):
        assert act(who, row, name).status_code == 403 == who.client.get(url(row, f"moderate/{name}/")).status_code
    assert act(stranger, row, name).status_code == 404
    assert client.post(url(row, f"moderate/{name}/")).status_code == 302
    assert not Measure.objects.exists() and not Suspension.objects.exists()


@pytest.mark.parametrize("path", ["moderate/hold/", "flag/", "remarks/", "open/"])
@pytest.mark.parametrize("qid", ["no-such-session", "_", "_00", "%F0%9F", "a" * 300])
def test_bad_ids(path: str, qid: str, moderator: Person, row: CatalogSession) -> None:
    assert moderator.client.post(f"/sessions/lab/{qid}/{path}", {"reason": WHY}).status_code == 404
    assert moderator.client.post(f"/sessions/nowhere/{qid}/{path}", {"reason": WHY}).status_code == 404
    assert moderator.client.post(url(row, "moderate/dance/"), {"reason": WHY}).status_code == 404
