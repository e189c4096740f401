"""The pages of jobs: from the list's selection to the report, as page and as data, and who sees which."""

import uuid
from typing import Any

import pytest

from agentos.catalog.models import CatalogSession
from agentos.jobs import runner
from agentos.jobs.models import Job
from agentos.moderation import measures
from agentos.moderation.acting import Actor
from agentos.moderation.models import Measure, Standing
from tests.conftest import Person
from tests.factories import make_session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("flag_reasons")]
WHY = "they are old enough"
HOSTILE = "<script>alert(1)</script>\u202e"


@pytest.fixture(autouse=True)
def left_to_workers(settings: Any) -> None:
    settings.AGENTOS_TURNS = "worker"


def pick(*rows: CatalogSession) -> list[str]:
    return [f"{row.source}/{row.quoted_id}" for row in rows]


def prepared(who: Person, act: str, *rows: CatalogSession, **form: str) -> str:
    answer = who.client.post("/jobs/new/", {"act": act, "pick": pick(*rows), **form})
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


def test_from_the_selection_to_the_report(moderator: Person) -> None:
    rows = [make_session(session_id=f"{HOSTILE}{number}", title=HOSTILE) for number in range(3)]
    page = moderator.client.get("/sessions/").text
    assert "/jobs/new/" in page and 'href="/jobs/"' in page
    sheet = moderator.client.post("/jobs/new/", {"pick": pick(*rows)}, headers={"HX-Target": "sheet-content"}).text
    assert "<html" not in sheet and "3 sessions are selected" in sheet and 'value="hold"' in sheet
    at = prepared(moderator, "hold", *rows)
    draft = moderator.client.get(at).text
    assert "Put on hold 3 sessions?" in draft and "<script>alert" not in draft
    assert moderator.client.post(at, {"act": "start", "reason": "no"}).status_code == 422
    assert moderator.client.post(at, {"act": "start", "reason": WHY}).status_code == 302
    measures.put(rows[0], Standing.HOLD, Actor.of(moderator.user), WHY)
    live = moderator.client.get(at, headers={"HX-Target": "job-progress"}).text
    assert "<html" not in live and "every 1s" in live and 'value="0"' in live
    assert moderator.client.post(at, {"act": "start", "reason": WHY}).status_code == 409
    runner.run_now()
    live = moderator.client.get(at, headers={"HX-Target": "job-progress"}).text
    assert "every 1s" not in live and 'hx-swap-oob="true"' in live
    report = moderator.client.get(at).text
    assert "<script>alert" not in report and "moderator put the session on hold" in report and WHY in report
    data = moderator.client.get(f"{at}?format=json").json()
    assert (data["job"]["done"], data["job"]["unchanged"], data["job"]["left"]) == (2, 1, 0)
    assert [item["came"] for item in data["items"]].count("done") == 2 and data["next"] is None
    only = moderator.client.get(f"{at}?format=json&show=unchanged").json()
    assert [item["session_id"] for item in only["items"]] == [rows[0].session_id]
    assert "Put on hold 3 sessions" in moderator.client.get("/jobs/").text
    assert [one["status"] for one in moderator.client.get("/jobs/?format=json").json()["jobs"]] == ["finished"]


def test_all_that_match(moderator: Person) -> None:
    for number in range(120):
        make_session(user_id="bob@example.com" if number % 2 else "carol@example.com")
    answer = moderator.client.post("/jobs/new/", {"act": "archive", "all": "1", "q": "user:bob@example.com"})
    at = answer.headers["Location"]
    make_session(user_id="bob@example.com")
    assert "user:bob@example.com" in moderator.client.get(at).text
    moderator.client.post(at, {"act": "start"})
    runner.run_now()
    assert Measure.objects.count() == 60
    broken = moderator.client.post("/jobs/new/?format=json", {"act": "archive", "all": "1", "q": "tokens:many"})
    assert broken.status_code == 422 and broken.json()["error"]


def test_stop_and_go_on(moderator: Person, admin: Person, teammate: Person) -> None:
    rows = [make_session() for _ in range(2)]
    at = prepared(moderator, "hide", *rows)
    moderator.client.post(at, {"act": "start", "reason": WHY})
    assert admin.client.post(at, {"act": "stop"}).status_code == 302
    assert moderator.client.post(at, {"act": "stop"}).status_code == 409
    assert "Go on with the rest" in moderator.client.get(at).text
    assert moderator.client.post(f"{at}?format=json", {"act": "resume"}).json()["job"]["status"] == "queued"
    runner.run_now()
    assert moderator.client.post(at, {"act": "resume"}).status_code == 409
    assert moderator.client.post(at, {"act": "dance"}).status_code == 422


def test_a_grave_act_asks_for_the_number(moderator: Person) -> None:
    for _ in range(100):
        make_session()
    at = moderator.client.post("/jobs/new/", {"act": "delete", "all": "1"}).headers["Location"]
    assert "Type 100" in moderator.client.get(at).text
    refused = moderator.client.post(at, {"act": "start", "reason": WHY, "typed": "99"})
    assert refused.status_code == 422 and "Type the number" in refused.text
    assert moderator.client.post(at, {"act": "start", "reason": WHY, "typed": "100"}).status_code == 302
    runner.run_now()
    data = moderator.client.get(f"{at}?format=json").json()
    assert data["job"]["done"] == 100 and data["next"] is None


def test_a_draft_can_be_dropped(moderator: Person) -> None:
    at = prepared(moderator, "hide", make_session())
    assert moderator.client.post(at, {"act": "drop"}).status_code == 302
    assert moderator.client.get(at).status_code == 404 and not Measure.objects.exists()


def test_mixed_with_foreign_ids(teammate: Person, owner: Person) -> None:
    from agentos.access.models import Grant

    mine, other = make_session(), make_session(component_id="secret-agent")
    Grant.objects.create(user=teammate.user, kind="agent", value="trip-planner")
    answer = teammate.client.post(
        "/jobs/new/?format=json", {"act": "tag", "with_tag": "x", "pick": [*pick(mine, other), "lab/no-such", "x\0/y"]}
    )
    assert answer.json()["job"]["total"] == 1
    everything = teammate.client.post("/jobs/new/?format=json", {"act": "tag", "with_tag": "x", "all": "1"})
    assert everything.json()["job"]["total"] == 1
    only = teammate.client.post("/jobs/new/?format=json", {"act": "tag", "with_tag": "x", "pick": pick(other)})
    assert only.status_code == 422 and other.session_id not in only.text


def test_who_sees_a_job(
    moderator: Person, teammate: Person, viewer: Person, owner: Person, admin: Person, client: Any
) -> None:
    at = prepared(moderator, "hide", make_session())
    assert admin.client.get(at).status_code == 404, "a list that nobody confirmed is its maker's"
    moderator.client.post(at, {"act": "start", "reason": WHY})
    assert admin.client.get(at).status_code == 200
    assert len(admin.client.get("/jobs/?format=json").json()["jobs"]) == 1
    for who in (teammate, viewer, owner):
        assert who.client.get(at).status_code == who.client.post(at, {"act": "stop"}).status_code == 404
        assert who.client.get("/jobs/?format=json").json()["jobs"] == []
    assert client.get(at).status_code == 302
    assert Job.objects.get().status == "queued"
    assert owner.client.post("/jobs/new/", {"act": "tag", "with_tag": "x"}).status_code == 403
    assert viewer.client.post("/jobs/new/", {"act": "hold", "pick": []}).status_code == 422
    assert "Act on them" not in owner.client.get("/sessions/").text


@pytest.mark.parametrize("key", [uuid.uuid4(), "no-such", "0"])
def test_bad_ids(key: object, moderator: Person) -> None:
    assert moderator.client.get(f"/jobs/{key}/").status_code == 404
    assert moderator.client.get("/jobs/", {"after": str(key)}).status_code == 200
