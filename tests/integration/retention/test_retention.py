"""Rules of retention: what a dry run says goes, and exactly that; holds win; once a day; the page and the command."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from agentos.audit.models import Entry
from agentos.catalog.models import CatalogSession
from agentos.jobs import runner
from agentos.jobs.models import Job
from agentos.moderation import measures
from agentos.moderation.acting import Actor, Refused
from agentos.moderation.models import Measure, Standing
from agentos.retention import service
from agentos.retention.models import RetentionRule
from agentos.retention.service import Draft
from tests.conftest import Person
from tests.factories import make_session

pytestmark = pytest.mark.django_db
WHY = "somebody asked for it"
URL = "/settings/retention/"


@pytest.fixture(autouse=True)
def left_to_workers(settings: Any) -> None:
    settings.AGENTOS_TURNS = "worker"


def days_ago(days: float) -> int:
    return int((timezone.now() - timedelta(days=days)).timestamp())


def make(days: float, **values: Any) -> CatalogSession:
    return make_session(**{"updated_at": days_ago(days), "created_at": days_ago(days + 100), **values})


def on(who: Person, **values: Any) -> RetentionRule:
    draft = Draft(**{"query": "", "days": 90, "act": "delete", **values})
    rule = service.keep(Actor.of(who.user), f"rule {RetentionRule.objects.count()}", draft)
    service.switch(rule, Actor.of(who.user), on=True)
    rule.refresh_from_db()
    return rule


def test_what_the_dry_run_says_goes(admin: Person) -> None:
    old = [make(91), make(400, component_id="other"), make(91, stored_bytes=9_000_000)]
    make(89)
    make(0, updated_at=0)
    held = make(200)
    measures.put(held, Standing.HOLD, Actor.of(admin.user), WHY)
    rule = on(admin)
    dry = service.dry_run(Draft.of(rule))
    assert dry.count == 3 and {row.pk for row in dry.rows} == {row.pk for row in old}
    assert not Measure.objects.filter(kind="deleted").exists()
    assert [job.total for job in service.run_due()] == [3]
    runner.run_now()
    gone = set(Measure.objects.filter(kind="deleted").values_list("subject__session_id", flat=True))
    assert gone == {row.session_id for row in old}
    assert service.run_due() == [], "it ran today"
    RetentionRule.objects.update(ran_at=timezone.now() - timedelta(days=1, minutes=1))
    assert service.run_due() == [], "nothing more is old enough"
    entry = Entry.objects.filter(act="session.deleted")[0]
    assert rule.name in entry.actor and "90 days" in entry.reason


@pytest.mark.parametrize(
    ("values", "goes"),
    [
        ({"query": "agent:other"}, {"other"}),
        ({"query": "size:>5MB"}, {"large"}),
        ({"query": "tag:test"}, {"tagged"}),
        ({"days": 450, "counted_from": "created"}, {"ancient"}),
        ({"query": "agent:other or tag:test", "act": "archive"}, {"other", "tagged"}),
    ],
)
def test_by_agent_size_tag_and_age(values: dict[str, Any], goes: set[str], admin: Person) -> None:
    make(100, session_id="other", component_id="other")
    make(100, session_id="large", stored_bytes=9_000_000)
    make(100, session_id="tagged", tags=["test"])
    make(100, session_id="ancient", created_at=days_ago(500))
    on(admin, **values)
    service.run_due()
    runner.run_now()
    assert set(Measure.objects.values_list("subject__session_id", flat=True)) == goes


def test_a_hold_put_on_meanwhile_wins(admin: Person) -> None:
    row = make(100)
    on(admin)
    service.run_due()
    measures.put(row, Standing.HOLD, Actor.of(admin.user), WHY)
    runner.run_now()
    job = Job.objects.get()
    assert (job.done, job.refused) == (0, 1) and "on hold" in job.items.get().note


def test_rules_are_off_until_switched_on_and_run_by_one(admin: Person) -> None:
    make(100)
    service.keep(Actor.of(admin.user), "quiet", Draft("", 90, "delete"))
    assert service.run_due() == []
    rule = on(admin)
    assert len(service.run_due()) == 1 and service.run_due() == []
    RetentionRule.objects.filter(pk=rule.pk).update(query="tokens:many", ran_at=None)
    assert service.run_due() == []
    rule.refresh_from_db()
    assert rule.problem


@pytest.mark.parametrize("bad", [{"days": 0}, {"act": "burn"}, {"query": "tokens:many"}, {"query": "is:starred"}])
def test_what_makes_no_rule(bad: dict[str, Any], admin: Person) -> None:
    with pytest.raises(Refused):
        on(admin, **bad)


def test_the_page(admin: Person) -> None:
    rows = [make(100, title="<script>alert(1)</script>"), make(100)]
    assert "None." in admin.client.get(URL).text
    form = {"name": "old <b>ones</b>", "q": "user:alice@example.com", "days": "90", "does": "delete",
            "counted_from": "updated"}  # fmt: skip
    page = admin.client.get(URL, form).text
    assert "2 sessions would go now" in page and "<script>alert" not in page and rows[0].quoted_id in page
    assert "No session would go now" in admin.client.get(URL, {**form, "days": "1000"}).text
    assert admin.client.get(URL, {**form, "q": "tokens:many"}).status_code == 422
    assert admin.client.post(URL, {**form, "act": "keep"}).status_code == 302
    assert admin.client.post(URL, {**form, "act": "keep"}).status_code == 422
    rule = RetentionRule.objects.get()
    assert not rule.is_on and "old &lt;b&gt;" in admin.client.get(URL).text
    assert admin.client.post(URL, {"act": "on", "rule": rule.pk}).status_code == 302
    assert admin.client.get(URL, {"format": "json"}).json()["rules"][0]["on"] is True
    data = admin.client.get(URL, {**form, "format": "json"}).json()["would_go"]
    assert data["count"] == 2 and {one["session_id"] for one in data["sessions"]} == {row.session_id for row in rows}
    assert admin.client.post(URL, {"act": "off", "rule": rule.pk}).status_code == 302
    assert admin.client.post(URL, {"act": "dance", "rule": rule.pk}).status_code == 422
    assert admin.client.post(URL, {"act": "delete", "rule": rule.pk}).status_code == 302
    assert admin.client.post(URL, {"act": "delete", "rule": rule.pk}).status_code == 404
    assert [one.act for one in Entry.objects.filter(act__startswith="retention").order_by("number")] == [
        "retention.keep", "retention.keep", "retention.keep", "retention.drop",
    ]  # fmt: skip


def test_who_may_not(moderator: Person, teammate: Person, viewer: Person, owner: Person, client: Any) -> None:
    for who in (moderator, teammate, viewer, owner):
        assert who.client.get(URL).status_code == 403
        assert who.client.post(URL, {"act": "keep", "name": "x", "days": "1", "does": "delete"}).status_code == 403
    assert client.get(URL).status_code == 302
    assert not RetentionRule.objects.exists()


def told(*arguments: str) -> str:
    out = StringIO()
    call_command("retention", *arguments, stdout=out)
    return out.getvalue()


def test_the_command(admin: Person, settings: Any) -> None:
    settings.AGENTOS_DELETED_DAYS = 30
    rows = [make(100, session_id=f"old\n{number}") for number in range(3)]
    service.keep(Actor.of(admin.user), "quiet", Draft("id:none", 90, "archive"))
    rule = on(admin)
    listed = told("--dry-run").splitlines()
    assert listed[:3] == [f"delete\tlab\t{row.session_id}".replace("\n", "␊") for row in reversed(rows)] or set(
        listed[:3]
    ) == {f"delete\tlab\t{row.session_id}".replace("\n", "␊") for row in rows}
    assert f"# {rule.name}: 3 sessions" in listed and not Job.objects.exists()
    assert "# quiet: 0 sessions" in told("--dry-run", "--rule", "rule 0" if rule.name == "quiet" else "quiet")
    assert "3 done" in told()
    assert "Nothing is due" in told()
    Measure.objects.update(at=timezone.now() - timedelta(days=31))
    assert "delete for good\tlab\told␊0" in told("--dry-run")
    for bad in (["--rule", "x"], ["--dry-run", "--rule", "no such"]):
        with pytest.raises(CommandError):
            told(*bad)
