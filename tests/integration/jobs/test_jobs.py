"""Jobs: what is frozen, what a portion does, cancel, go on after a kill, rights at the time, exact reports."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from agentos.access.models import Grant
from agentos.access.roles import Role, give_role
from agentos.access.rules import NotAllowed
from agentos.audit.models import Entry
from agentos.catalog.models import CatalogSession
from agentos.catalog.query.listing import ListQuery
from agentos.catalog.query.parser import parse
from agentos.jobs import acts, carrying, runner, service
from agentos.jobs.acts import BulkAct, Outcome, Target, Task, find, one_by_one
from agentos.jobs.carrying import JobLost, claim, portion
from agentos.jobs.models import Job
from agentos.jobs.states import Came, Status
from agentos.moderation import measures
from agentos.moderation.acting import Actor, Conflict, Refused
from agentos.moderation.models import Measure, Standing
from agentos.moderation.rules import check_can_moderate
from tests.conftest import Person
from tests.factories import make_session

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("flag_reasons")]
WHY = "they are old enough"


@pytest.fixture(autouse=True)
def left_to_workers(settings: Any) -> None:
    settings.AGENTOS_TURNS = "worker"


def query(text: str) -> ListQuery:
    node = parse(text)
    assert node is not None
    return ListQuery.of(node)


def ask(who: Person, act: str, text: str = "user:alice@example.com", **options: str) -> Job:
    rows = CatalogSession.objects.visible_to(who.user).filtered(query(text))
    wanted = find(act)
    assert wanted is not None
    return service.prepare(Actor.of(who.user), rows, wanted, options, text)


def begun(who: Person, act: str, text: str = "user:alice@example.com", **options: str) -> Job:
    job = ask(who, act, text, **options)
    service.start(job, Actor.of(who.user), WHY, str(job.total))
    job.refresh_from_db()
    return job


def counts(job: Job) -> dict[str, int]:
    job.refresh_from_db()
    told = {name: number for name, _, number in job.counts}
    assert told == service.recount(job), "the job's own counts differ from its items"
    return {name: number for name, number in told.items() if number}


def test_does_what_was_frozen_and_no_more(moderator: Person) -> None:
    chosen = [make_session() for _ in range(5)]
    make_session(user_id="bob@example.com")
    job = ask(moderator, "archive")
    late = make_session()
    assert job.total == 5 and job.promised["runs"] == 5 and not Measure.objects.exists()
    service.start(job, Actor.of(moderator.user))
    runner.run_now()
    assert counts(job) == {"done": 5} and job.status == Status.FINISHED
    assert set(Measure.objects.values_list("subject__session_id", flat=True)) == {row.session_id for row in chosen}
    late.refresh_from_db()
    assert late.aside == 0
    assert [item.number for item in job.items.order_by("number")] == [1, 2, 3, 4, 5]
    assert Entry.objects.filter(act="session.archived").count() == 5
    assert json.loads(Entry.objects.get(act="job.ended").details)["done"] == 5


@pytest.mark.parametrize("act", ["hold", "hide", "archive", "delete"])
def test_measures_and_back(act: str, moderator: Person) -> None:
    rows = [make_session() for _ in range(3)]
    back = {"hold": "release", "hide": "show", "archive": "unarchive", "delete": "restore"}[act]
    measures.put(rows[0], Standing(find_kind(act)), Actor.of(moderator.user), WHY)
    stands = {"hold": "held", "hide": "hidden", "archive": "archived", "delete": "deleted"}[act]
    everything = f"(is:{stands} or -is:{stands}) user:alice@example.com"
    job = begun(moderator, act, everything)
    runner.run_now()
    assert counts(job) == {"done": 2, "unchanged": 1}
    assert "moderator" in job.items.get(came=Came.UNCHANGED).note
    assert CatalogSession.objects.visible_to(moderator.user).filtered(query(f"is:{stands}")).count() == 3
    job = begun(moderator, back, everything)
    runner.run_now()
    assert counts(job) == {"done": 3}
    assert set(CatalogSession.objects.values_list("aside", flat=True)) == {0}
    assert not CatalogSession.objects.filter(terms__term=f"is:{stands}").exists()


def find_kind(act: str) -> str:
    return {"hold": "hold", "hide": "hidden", "archive": "archived", "delete": "deleted"}[act]


def test_what_is_on_hold_is_not_deleted(moderator: Person) -> None:
    held, free = make_session(), make_session()
    measures.put(held, Standing.HOLD, Actor.of(moderator.user), WHY)
    job = begun(moderator, "delete")
    assert job.promised["held"] == 1
    runner.run_now()
    assert counts(job) == {"done": 1, "refused": 1}
    assert "on hold" in job.items.get(came=Came.REFUSED).note
    free.refresh_from_db()
    assert free.aside == 3
    with pytest.raises(Refused, match="on hold"):
        measures.put(held, Standing.DELETED, Actor.of(moderator.user), WHY)


def test_tags_and_flags(teammate: Person) -> None:
    rows = [make_session() for _ in range(3)]
    job = begun(teammate, "tag", tag="  old\tones ")
    runner.run_now()
    assert counts(job) == {"done": 3}
    rows[0].refresh_from_db()
    assert rows[0].marks["tags"] == ["old ones"]
    again = begun(teammate, "tag", tag="old ones")
    runner.run_now()
    assert counts(again) == {"unchanged": 3}
    job = begun(teammate, "flag", flag="Possible fraud")
    runner.run_now()
    assert counts(job) == {"done": 3}
    off = begun(teammate, "untag", tag="old ones")
    runner.run_now()
    assert counts(off) == {"done": 3}
    for act, options in (("tag", {}), ("flag", {"flag": "because"})):
        with pytest.raises(Refused):
            ask(teammate, act, **options)
    with pytest.raises(NotAllowed):
        ask(teammate, "hold")


def test_cancel_and_go_on(moderator: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(acts._acts, "archive", smaller("archive", 2))
    for _ in range(7):
        make_session()
    job = begun(moderator, "archive")
    claimed = claim()
    assert claimed is not None
    assert portion(*claimed)
    service.cancel(job, Actor.of(moderator.user))
    assert not portion(*claimed)
    assert counts(job) == {"done": 2} and job.status == Status.CANCELLED and job.left == 5
    with pytest.raises(Conflict):
        service.cancel(job, Actor.of(moderator.user))
    service.go_on(job, Actor.of(moderator.user))
    runner.run_now()
    assert counts(job) == {"done": 7} and job.status == Status.FINISHED
    assert Measure.objects.count() == 7
    with pytest.raises(Conflict):
        service.go_on(job, Actor.of(moderator.user))


def test_what_had_nothing_left_to_stop_is_finished(moderator: Person) -> None:
    make_session()
    job = begun(moderator, "archive")
    claimed = claim()
    assert claimed is not None and portion(*claimed)
    service.cancel(job, Actor.of(moderator.user))
    assert not portion(*claimed)
    assert counts(job) == {"done": 1} and job.status == Status.FINISHED


def smaller(name: str, at_once: int) -> BulkAct:
    from dataclasses import replace

    found = find(name)
    assert found is not None
    return replace(found, at_once=at_once)


def test_a_killed_runner_is_followed_by_another(moderator: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(acts._acts, "archive", smaller("archive", 2))
    for _ in range(5):
        make_session()
    job = begun(moderator, "archive")
    dead = claim()
    assert dead is not None and portion(*dead)
    assert claim() is None, "its runner was just heard of"
    Job.objects.update(heartbeat_at=timezone.now() - 2 * carrying.STALE)
    second = claim()
    assert second is not None and second[1] != dead[1]
    with pytest.raises(JobLost):
        portion(*dead)
    while portion(*second):
        pass
    assert counts(job) == {"done": 5}
    assert Measure.objects.count() == 5


def test_rights_hold_when_the_turn_comes(moderator: Person) -> None:
    mine, other = make_session(), make_session(component_id="another")
    job = begun(moderator, "hide")
    Grant.objects.create(user=moderator.user, kind="agent", value="trip-planner")
    runner.run_now()
    assert counts(job) == {"done": 1, "refused": 1}
    assert job.items.get(came=Came.REFUSED).note == carrying.NOT_THERE
    assert list(Measure.objects.values_list("subject__session_id", flat=True)) == [mine.session_id]
    as_now = User.objects.get(pk=moderator.user.pk)
    assert [item.session_id for item in service.items_of(job, as_now)] == [mine.session_id]
    other.delete()
    assert service.items_of(job, as_now).count() == 2


@pytest.mark.parametrize("what", ["demoted", "deactivated", "deleted"])
def test_who_lost_the_right_does_nothing_more(what: str, moderator: Person) -> None:
    make_session()
    job = begun(moderator, "hide")
    if what == "demoted":
        give_role(moderator.user, Role.OPERATOR)
    elif what == "deactivated":
        User.objects.filter(pk=moderator.user.pk).update(is_active=False)
    else:
        moderator.user.delete()
    runner.run_now()
    assert counts(job) == {} and job.status == Status.FAILED and job.problem
    assert not Measure.objects.exists()


def test_a_session_made_anew_is_another_one(moderator: Person) -> None:
    row = make_session()
    job = begun(moderator, "hide")
    row.delete()
    make_session(session_id=row.session_id, created_at=row.created_at + 1)
    gone = begun(moderator, "archive")
    CatalogSession.objects.all().delete()
    make_session(session_id=row.session_id, created_at=row.created_at + 2)
    runner.run_now()
    assert counts(job) == counts(gone) == {"refused": 1}
    assert job.items.get().note == carrying.ANOTHER


def test_one_that_fails_stops_no_other(moderator: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [make_session() for _ in range(4)]
    broken = [rows[1].session_id]

    def do(row: CatalogSession, task: Task) -> object:
        if row.session_id in broken:
            raise RuntimeError("a fault")
        return {"runs": row.run_count}

    act = BulkAct("odd", "Odd…", "Do odd things to", check_can_moderate, one_by_one(do), needs_reason=False)
    monkeypatch.setitem(acts._acts, "odd", act)
    job = begun(moderator, "odd")
    runner.run_now()
    assert counts(job) == {"done": 3, "failed": 1} and job.sums == {"runs": 3}
    assert job.items.get(came=Came.FAILED).note == carrying.FAULT
    broken.clear()
    service.go_on(job, Actor.of(moderator.user))
    runner.run_now()
    assert counts(job) == {"done": 4}


def test_an_act_beyond_our_database_is_done_again_after_a_kill(
    moderator: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [make_session() for _ in range(3)]
    elsewhere = {row.session_id: 7 for row in rows}
    fault = [True]

    def plan(targets: Any, task: Task) -> list[dict[str, int]]:
        return [{"runs": elsewhere[target.session_id]} for target in targets]

    def do(targets: Any, task: Task) -> list[Outcome]:
        found = [Outcome(Came.DONE, told=target.told) for target in targets]
        for target in targets:
            assert isinstance(target, Target)
            elsewhere.pop(target.session_id, None)
            if fault.pop() if fault else False:
                raise SystemExit  # as a kill: behind what cannot be taken back, before what is kept
        return found

    act = BulkAct("far", "Far…", "Do", check_can_moderate, do, needs_reason=False, plan=plan)
    monkeypatch.setitem(acts._acts, "far", act)
    job = begun(moderator, "far")
    with pytest.raises(SystemExit):
        runner.run_now()
    assert counts(job) == {} and len(elsewhere) == 2
    rows[0].delete()  # as the catalog follows
    Job.objects.update(heartbeat_at=timezone.now() - 2 * carrying.STALE)
    runner.run_now()
    assert counts(job) == {"done": 3} and job.sums == {"runs": 21} and not elsewhere


def test_drafts_are_confirmed_once_or_dropped(moderator: Person) -> None:
    for _ in range(service.TYPED_FROM):
        make_session()
    actor = Actor.of(moderator.user)
    first, job = ask(moderator, "delete"), ask(moderator, "delete")
    assert not Job.objects.filter(pk=first.pk).exists(), "the list before it was dropped"
    with pytest.raises(Refused, match="Type the number"):
        service.start(job, actor, WHY, "99")
    with pytest.raises(Refused, match="Say why"):
        service.start(job, actor, "no", "100")
    runner.run_now()
    assert not Measure.objects.exists()
    service.start(job, actor, WHY, "100")
    with pytest.raises(Conflict):
        service.start(job, actor, WHY, "100")
    with pytest.raises(Conflict):
        service.drop(job)
    with pytest.raises(Refused, match="Nothing"):
        ask(moderator, "delete", "user:nobody")
    with pytest.raises(Refused, match="Nothing"):
        service.prepare(actor, CatalogSession.objects.none(), smaller("hide", 1))


def test_few_statements_for_many_sessions(moderator: Person, django_assert_max_num_queries: Any) -> None:
    for _ in range(100):
        make_session()
    begun(moderator, "delete")
    claimed = claim()
    assert claimed is not None
    with django_assert_max_num_queries(60):
        assert portion(*claimed)
    assert Measure.objects.count() == 100
