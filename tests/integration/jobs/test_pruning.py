"""Lists of jobs that are long over go by themselves, on record; totals stay, and a kill leaves nothing behind."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agentos.audit.models import Entry
from agentos.jobs import pruning, runner, service
from agentos.jobs.models import Job, JobItem
from agentos.jobs.states import Status
from agentos.moderation.acting import Actor, Conflict
from tests.conftest import Person
from tests.factories import make_session
from tests.integration.jobs.test_jobs import ask, begun, counts, left_to_workers

__all__ = ["left_to_workers"]  # for the tests here too
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("flag_reasons")]


def aged(job: Job, days: int) -> Job:
    Job.objects.filter(pk=job.pk).update(finished_at=timezone.now() - timedelta(days=days, minutes=1))
    job.refresh_from_db()
    return job


def finished(who: Person, act: str, days: int) -> Job:
    job = begun(who, act)
    runner.run_now()
    return aged(job, days)


def test_the_list_goes_and_the_totals_stay(moderator: Person, settings: Any) -> None:
    settings.AGENTOS_JOB_REPORT_DAYS = 90
    rows = [make_session() for _ in range(3)]
    old, young = finished(moderator, "hold", 90), finished(moderator, "archive", 89)
    assert counts(old) == {"done": 3} and pruning.prune() == 3 and pruning.prune() == 0
    old.refresh_from_db()
    assert (old.done, old.total, old.items.exists()) == (3, 3, False)
    assert young.items.count() == 3
    [entry] = Entry.objects.filter(act="job.pruned")
    assert entry.actor == "retention" and json.loads(entry.details) == {"job": str(old.pk), "count": 3, "days": 90}
    page = moderator.client.get(f"/jobs/{old.pk}/").text
    assert "the totals stay" in page and rows[0].session_id not in page and "3 of 3" in page
    data = moderator.client.get(f"/jobs/{old.pk}/?format=json").json()
    assert data["items"] == [] and data["job"]["done"] == 3 and data["job"]["pruned_at"]
    assert rows[0].session_id in moderator.client.get(f"/jobs/{young.pk}/").text
    assert "over 90 days old" in moderator.client.get("/audit/", {"act": "job.pruned"}).text


def test_what_has_not_ended_stays(moderator: Person, settings: Any) -> None:
    settings.AGENTOS_JOB_REPORT_DAYS = 1
    make_session()
    waiting, draft = begun(moderator, "hold"), ask(moderator, "archive")
    for job in (waiting, draft):
        aged(job, 400)
    assert pruning.prune() == 0 and JobItem.objects.count() == 2


def test_for_good_where_that_is_set(moderator: Person, settings: Any) -> None:
    settings.AGENTOS_JOB_REPORT_DAYS = 0
    make_session()
    old = finished(moderator, "hold", 5_000)
    assert pruning.prune() == 0 and old.items.exists()


def test_a_stopped_job_without_its_list_does_not_go_on(moderator: Person, settings: Any) -> None:
    settings.AGENTOS_JOB_REPORT_DAYS = 30
    make_session()
    job = begun(moderator, "hold")
    service.cancel(job, Actor.of(moderator.user))
    assert aged(job, 31).status == Status.CANCELLED and job.may_go_on
    pruning.prune()
    pruned = Job.objects.get()
    assert not pruned.may_go_on and (pruned.left, pruned.total) == (1, 1)
    with pytest.raises(Conflict):
        service.go_on(pruned, Actor.of(moderator.user))
    assert 'value="resume"' not in moderator.client.get(f"/jobs/{job.pk}/").text


def test_killed_amid_it_goes_on(moderator: Person, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AGENTOS_JOB_REPORT_DAYS = 30
    monkeypatch.setattr(pruning, "_AT_ONCE", 2)
    monkeypatch.setattr(pruning, "_AT_A_LOOK", 4)
    for _ in range(5):
        make_session()
    finished(moderator, "hold", 31)
    assert pruning.prune() == 4, "the rest at the next look"
    settings.AGENTOS_JOB_REPORT_DAYS = 0
    assert pruning.prune() == 1 and not JobItem.objects.exists()
    assert Entry.objects.filter(act="job.pruned").count() == 1


def test_it_is_a_chore(moderator: Person, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AGENTOS_JOB_REPORT_DAYS = 30
    make_session()
    old = finished(moderator, "hold", 31)
    monkeypatch.setattr(runner, "_done_at", -runner._CHORES_EVERY)
    runner.tend()
    assert not old.items.exists()
