"""The review queue and a case: who sees what, what is done and refused, what it costs."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.moderation import cases, flags, measures
from agentos.moderation.acting import Actor
from agentos.moderation.models import Case, FlagReason, Measure, Opening, Standing, Suspension
from tests.conftest import Person, person
from tests.factories import make_session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("flag_reasons")]
WHY = "somebody asked for it"
HOSTILE = "<script>alert(1)</script>\u202e{{ 7 }}"


@pytest.fixture
def rows(sources: Any, corpus_file: Any) -> list[CatalogSession]:
    refresh_source(sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")[0])
    return list(CatalogSession.objects.filter(user_id="alice@example.com").order_by("pk")[:4])


@pytest.fixture
def case(rows: list[CatalogSession], teammate: Person) -> Case:
    return flags.flag(rows[0], Actor.of(teammate.user), "Possible fraud", HOSTILE, title=rows[0].title).case


def do(who: Person, case: Case, act: str, **more: Any) -> Any:
    return who.client.post(f"/review/{case.pk}/", {"act": act, "version": case.version, **more})


def test_the_queue_shows_what_waits(case: Case, moderator: Person) -> None:
    page = moderator.client.get("/review/").text
    assert "Possible fraud" in page and "flagged by <bdi>teammate</bdi>" in page and "not claimed" in page
    assert 'class="badge">1' in page and "due in 3 h" in page
    data = moderator.client.get("/review/", {"format": "json"}).json()
    assert data["counts"] == {"open": 1, "mine": 0, "escalated": 0, "due": 0, "held": 0, "resolved": 0}
    assert data["cases"][0]["id"] == case.pk and data["cases"][0]["flags"][0]["by"] == "teammate"


@pytest.mark.parametrize("show", ["open", "mine", "escalated", "due", "held", "resolved"])
def test_each_part_has_what_it_says(show: str, case: Case, rows: list[CatalogSession], moderator: Person) -> None:
    actor = Actor.of(moderator.user)
    if show == "mine":
        cases.claim(case, actor)
    elif show == "escalated":
        cases.escalate(case, actor, WHY)
    elif show == "due":
        Case.objects.update(due_at=timezone.now())
    elif show == "held":
        measures.put(rows[0], Standing.HOLD, actor, WHY)
    elif show == "resolved":
        cases.resolve(cases.claim(case, actor), actor, "no_action", WHY)
    data = moderator.client.get("/review/", {"show": show, "format": "json"}).json()
    assert [one["id"] for one in data["cases"]] == [case.pk] and data["counts"][show] == 1


def test_a_case_shows_its_session_and_what_can_be_decided(case: Case, moderator: Person) -> None:
    page = moderator.client.get(f"/review/{case.pk}/").text
    assert "&lt;script&gt;" in page and "<script>alert" not in page
    assert "Run 1" in page and 'value="claim"' in page and "Resolve case" not in page
    cases.claim(case, Actor.of(moderator.user))
    page = moderator.client.get(f"/review/{case.pk}/").text
    assert "Resolve case" in page and "Suspend the user" in page and "claimed by you" in page
    part = moderator.client.get(f"/review/{case.pk}/", headers={"HX-Request": "true", "HX-Target": "view"}).text
    assert "<html" not in part and 'id="view"' in part


def test_from_claim_to_outcome(case: Case, rows: list[CatalogSession], moderator: Person) -> None:
    assert moderator.client.post("/review/next/").headers["Location"] == f"/review/{case.pk}/"
    case.refresh_from_db()
    assert do(moderator, case, "resolve", outcome="kept_on_hold", reason=WHY).status_code == 302
    assert Measure.objects.get().reason == WHY
    case.refresh_from_db()
    assert case.outcome == "kept_on_hold"
    assert do(moderator, case, "reopen").status_code == 302
    case.refresh_from_db()
    do(moderator, case, "claim")
    case.refresh_from_db()
    assert do(moderator, case, "resolve", outcome="no_action", reason=WHY).status_code == 302
    assert Measure.objects.get().lifted_at is not None
    page = moderator.client.get(f"/review/{case.pk}/").text
    assert "resolved it: no action" in page and "Open again" in page
    assert "nothing to claim" in moderator.client.post("/review/next/", follow=True).text


def test_deciding_may_suspend_the_user(case: Case, moderator: Person) -> None:
    case = cases.claim(case, Actor.of(moderator.user))
    do(moderator, case, "resolve", outcome="suspended", reason=WHY)
    assert Suspension.objects.get().agno_user_id == "alice@example.com"
    page = moderator.client.get("/review/suspended/").text
    assert "alice@example.com" in page and WHY in page
    number = Suspension.objects.get().pk
    assert moderator.client.post("/review/suspended/", {"suspension": number, "reason": "no"}).status_code == 422
    assert moderator.client.post("/review/suspended/", {"suspension": number, "reason": WHY}).status_code == 302
    assert Suspension.objects.get().lifted_by == "moderator"


def test_a_form_that_is_out_of_date_is_told_what_happened(case: Case, moderator: Person) -> None:
    dana = person("dana", "moderator")
    cases.claim(case, Actor.of(dana.user))
    answer = do(moderator, case, "claim")
    assert (
        answer.status_code == 409
        and "dana claimed it just now" in answer.text
        and "claimed by <bdi>dana" in answer.text
    )
    data = moderator.client.post(f"/review/{case.pk}/?format=json", {"act": "claim", "version": 1})
    assert data.status_code == 409 and data.json()["assignee"] == "dana" and "dana claimed" in data.json()["error"]


@pytest.mark.parametrize(
    ("act", "more"),
    [
        ("resolve", {"outcome": "no_action", "reason": "no"}),
        ("resolve", {"outcome": "shred", "reason": WHY}),
        ("assign", {"to": "nobody"}),
        ("assign", {"to": "teammate"}),
        ("escalate", {}),
        ("due", {"hours": "x"}),
        ("dance", {}),
    ],
)
def test_what_cannot_be_done_says_why(act: str, more: dict[str, str], case: Case, moderator: Person) -> None:
    case = cases.claim(case, Actor.of(moderator.user))
    answer = do(moderator, case, act, **more)
    assert answer.status_code == 422 and 'role="alert"' in answer.text
    assert more.get("reason", "") in answer.text


def test_a_case_is_given_moved_and_given_back(case: Case, moderator: Person, admin: Person) -> None:
    assert do(moderator, case, "assign", to="admin").status_code == 302
    case.refresh_from_db()
    assert case.assignee == admin.user
    assert do(moderator, case, "due", hours="72").status_code == 302
    assert do(admin, case, "give_back").status_code == 302
    now = Case.objects.get()
    assert now.assignee is None and (now.due_at - timezone.now()).days == 2


def test_what_is_on_hold_is_read_for_a_case(case: Case, rows: list[CatalogSession], moderator: Person) -> None:
    measures.put(rows[0], Standing.HOLD, Actor.of(moderator.user), WHY)
    page = moderator.client.get(f"/review/{case.pk}/").text
    assert "once you have claimed the case" in page and "Run 1" not in page and not Opening.objects.exists()
    case = cases.claim(case, Actor.of(moderator.user))
    page = moderator.client.get(f"/review/{case.pk}/").text
    assert "Run 1" in page and Opening.objects.get().case == case
    moderator.client.get(f"/review/{case.pk}/")
    assert Opening.objects.count() == 1


def test_a_session_that_is_gone_leaves_its_case(case: Case, rows: list[CatalogSession], moderator: Person) -> None:
    rows[0].delete()
    page = moderator.client.get(f"/review/{case.pk}/").text
    assert "in no source any more" in page
    case = cases.claim(case, Actor.of(moderator.user))
    assert do(moderator, case, "resolve", outcome="no_action", reason=WHY).status_code == 302


def test_the_queue_is_read_in_pages_by_few_statements(moderator: Person, teammate: Person) -> None:
    for _ in range(55):
        flags.flag(make_session(), Actor.of(teammate.user), "Possible fraud")
    with CaptureQueriesContext(connection) as asked:
        data = moderator.client.get("/review/", {"format": "json"}).json()
    own = [query["sql"] for query in asked if "moderation_" in query["sql"] or "catalog_" in query["sql"]]
    assert len(own) == 4, own  # cases, flags, sessions, counts
    assert "run_strip" not in "".join(own) and "tool_calls_by_name" not in "".join(own)
    rest = moderator.client.get("/review/", {"format": "json", "behind": data["next"]}).json()
    ids = [one["id"] for one in data["cases"] + rest["cases"]]
    assert len(ids) == len(set(ids)) == 55 and rest["next"] is None


def test_reasons_are_added_and_changed(moderator: Person) -> None:
    assert moderator.client.post("/review/reasons/", {"name": HOSTILE, "due_hours": "3"}).status_code == 302
    reason = FlagReason.objects.get(due_hours=3)
    assert "<script>alert" not in moderator.client.get("/review/reasons/").text
    for bad in (
        {"name": "", "due_hours": "3"},
        {"name": "Spam", "due_hours": "x"},
        {"name": "Personal data", "due_hours": "1"},
    ):
        assert moderator.client.post("/review/reasons/", bad).status_code == 422
    moderator.client.post("/review/reasons/", {"reason": reason.pk, "name": "Spam", "due_hours": "5"})
    reason.refresh_from_db()
    assert (reason.name, reason.in_use) == ("Spam", False)
    assert moderator.client.post("/review/reasons/", {"reason": "999999", "name": "x"}).status_code == 404


@pytest.mark.parametrize("path", ["/review/", "/review/reasons/", "/review/suspended/"])
def test_only_moderators_review(
    path: str, case: Case, owner: Person, viewer: Person, teammate: Person, admin: Person, client: Any
) -> None:
    for who in (owner, viewer, teammate):
        answer = who.client.get(path)
        assert answer.status_code == 403 and "does not let you" in answer.text and "Possible fraud" not in answer.text
        assert who.client.get(f"/review/{case.pk}/").status_code == 404
        assert do(who, case, "claim").status_code == 404 and who.client.post("/review/next/").status_code == 403
        assert 'href="/review/"' not in who.client.get("/sessions/").text
    assert admin.client.get(path).status_code == 200
    assert client.get(path).status_code == 302


@pytest.mark.parametrize("number", ["0", "999999", "99999999999999999999999"])
def test_no_such_case(number: str, moderator: Person) -> None:
    assert moderator.client.get(f"/review/{number}/").status_code == 404
