"""Redacting many sessions: exactly the chosen ones, exact reports, and nothing of what was named stays anywhere."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from agentos.access.models import Grant
from agentos.audit.models import Entry
from agentos.catalog.models import CatalogSession
from agentos.catalog.sync import refresh_source
from agentos.db.connections import close_connections
from agentos.db.sources import Source, get_source
from agentos.db.writer import Writer
from agentos.jobs import carrying, runner, sealing, service
from agentos.jobs.acts import find
from agentos.jobs.carrying import claim, portion
from agentos.jobs.models import Job
from agentos.jobs.states import Came, Status
from agentos.moderation import measures
from agentos.moderation.acting import Actor, Refused
from agentos.moderation.models import Standing
from agentos.moderation.remarks import note
from agentos.records import MARKER, Session, parse_run
from agentos.redaction import bulk, own
from agentos.saved_views.models import SavedView
from agentos.turns.models import Turn, session_key
from tests.conftest import Person, PgServer
from tests.integration.redaction.test_redact import bytes_of, dump

pytestmark = pytest.mark.django_db(transaction=True)
# A key: our own tables hold it masked, so that no byte of it is in them while a job with it waits.
NEEDLE = "sk-proj-Qx7391ZkQx7391ZkQx7391Zk"
RARE = b"qx7391zkqx"
CARD = "4111 1111 1111 1111"
WHY = "the customer asked for it"


@pytest.fixture(autouse=True)
def left_to_workers(settings: Any) -> None:
    settings.AGENTOS_TURNS = "worker"


def planted(source: Source, number: int, text: str, user: str = "alice@example.com") -> str:
    session_id = f"s{number}"
    writer, at = Writer(source), 1_790_000_000 + number
    session = {
        "session_id": session_id, "session_type": "agent", "agent_id": "helper", "user_id": user, "created_at": at,
        "agent_data": {"agent_id": "helper"}, "session_data": {"session_state": {"k": text}},
    }  # fmt: skip
    run = {
        "run_id": f"r{number}", "session_id": session_id, "agent_id": "helper", "user_id": user, "status": "COMPLETED",
        "created_at": at, "input": {"input_content": f"Here: {text}"}, "content": "Thanks", "messages": [
            {"role": "user", "content": f"Here: {text}"}, {"role": "assistant", "content": "Thanks"}],
    }  # fmt: skip
    writer.create_session(Session.from_dict(session))
    writer.append_run(session_id, parse_run(run), expect_user_id=user)  # type: ignore[arg-type]  # no BadRun
    return session_id


@pytest.fixture
def lab(sources: Any, tmp_path: Path) -> Source:
    """Three sessions with the needle, one with a card, one with neither."""
    sources(f"lab=sqlite:///{tmp_path / 'lab.db'}")
    source = get_source("lab")
    for number, text in enumerate((NEEDLE, f"x {NEEDLE} y", NEEDLE, f"card {CARD}", "nothing"), 1):
        planted(source, number, text)
    refresh_source(source, budget=None)
    return source


def ask(who: Person, chosen: str = "", **options: str) -> Job:
    act = find("redact")
    assert act is not None
    return service.prepare(Actor.of(who.user), CatalogSession.objects.visible_to(who.user), act, options, chosen)


def begun(who: Person, chosen: str = "", **options: str) -> Job:
    job = ask(who, chosen, **options)
    service.start(job, Actor.of(who.user), WHY)
    return job


def ends(job: Job) -> dict[str, str]:
    return {item.session_id: f"{item.came}: {item.note}" for item in job.items.order_by("number")}


def logged(job: Job) -> list[Entry]:
    """What the audit log, from which no test takes anything away, says of sessions since the job was made."""
    return list(Entry.objects.filter(act="session.redacted", at__gte=job.created_at))


def stored(source: Source, session_id: str) -> str:
    with sqlite3.connect(source.path) as file:
        found = file.execute("SELECT * FROM agno_sessions WHERE session_id = ?", [session_id]).fetchall()
        runs = file.execute("SELECT name FROM sqlite_master WHERE name = 'agno_runs'").fetchone()
        if runs:
            found += file.execute("SELECT * FROM agno_runs WHERE session_id = ?", [session_id]).fetchall()
    return repr(found)


def own_bytes(pg_server: PgServer) -> bytes:
    if connection.vendor == "sqlite":
        return bytes_of(Path(str(connection.settings_dict["NAME"])))
    return dump(pg_server, pg_server.url(str(connection.settings_dict["NAME"])))


def test_it_is_nowhere_any_more(lab: Source, moderator: Person, pg_server: PgServer) -> None:
    job = begun(moderator, f'"{NEEDLE}" user:alice@example.com', text=NEEDLE)
    assert RARE not in own_bytes(pg_server), "the job that waits shows what it is about"
    assert job.chosen == f'"{MARKER}" user:alice@example.com'
    SavedView.objects.create(owner=moderator.user, name="leaks", query=f'"{NEEDLE}"')
    SavedView.objects.create(owner=moderator.user, name=NEEDLE, query="")
    rows = {row.session_id: row for row in CatalogSession.objects.all()}
    note(rows["s2"], Actor.of(moderator.user), f"They sent {NEEDLE}")
    assert RARE in own_bytes(pg_server) and RARE in bytes_of(Path(lab.path))

    runner.run_now()

    job.refresh_from_db()
    assert (job.status, job.done, job.unchanged, job.problem) == (Status.FINISHED, 3, 2, "")
    places = {item.session_id: item.told["places"] for item in job.items.all()}
    assert places["s2"] == places["s1"] + 1 and places["s4"] == 0 and job.sums["places"] == sum(places.values())
    assert (
        ends(job)["s1"] == f"done: Redacted {places['s1']} times." and ends(job)["s5"] == f"unchanged: {bulk.NOTHING}"
    )
    assert RARE not in own_bytes(pg_server)
    assert RARE not in bytes_of(Path(lab.path))
    assert MARKER in stored(lab, "s2") and CARD in stored(lab, "s4")
    assert set(SavedView.objects.values_list("name", "query")) == {("leaks", f'"{MARKER}"'), (MARKER, "")}
    assert job.sealed == "" and job.options["text"] == sealing.fingerprint(NEEDLE)
    entries = logged(job)
    assert {entry.reason for entry in entries} == {WHY} and len(entries) == 3
    assert json.loads(entries[0].details)["fingerprint"] == sealing.fingerprint(NEEDLE)


@pytest.mark.parametrize("how", ["dropped", "stopped", "stopped while it runs"])
def test_it_is_forgotten_whenever_the_job_ends(how: str, lab: Source, moderator: Person, monkeypatch: Any) -> None:
    actor = Actor.of(moderator.user)
    job = ask(moderator, text=NEEDLE)
    assert job.sealed and NEEDLE not in job.sealed
    if how == "dropped":
        service.drop(job)
        assert not Job.objects.exists()
        return
    service.start(job, actor, WHY)
    if how == "stopped while it runs":
        claimed = claim()
        assert claimed is not None
        service.cancel(job, actor)
        while portion(*claimed):
            pass
    else:
        service.cancel(job, actor)
    job.refresh_from_db()
    assert (job.status, job.sealed, job.left) == (Status.CANCELLED, "", 5)
    for wrong in ({}, {"text": NEEDLE[:-1]}):
        with pytest.raises(Refused, match="Name it as it was named"):
            service.go_on(job, actor, wrong)
    service.go_on(job, actor, {"text": NEEDLE})
    runner.run_now()
    job.refresh_from_db()
    assert (job.status, job.done, job.sealed) == (Status.FINISHED, 3, "")


def test_killed_between_the_source_and_us(lab: Source, moderator: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    job = begun(moderator, text=NEEDLE)
    true_look = own.look_through

    def killed(source: str, session_id: str, redactor: Any, *, write: bool) -> None:
        if write and session_id == "s2":
            raise SystemExit
        true_look(source, session_id, redactor, write=write)

    monkeypatch.setattr(own, "look_through", killed)
    with pytest.raises(SystemExit):
        runner.run_now()
    monkeypatch.setattr(own, "look_through", true_look)
    assert NEEDLE not in stored(lab, "s2")
    assert not logged(job)
    Job.objects.update(heartbeat_at=timezone.now() - 2 * carrying.STALE)
    runner.run_now()
    job.refresh_from_db()
    assert (job.status, job.done, job.unchanged) == (Status.FINISHED, 3, 2)
    told = {item.session_id: item.told["places"] for item in job.items.all()}
    assert told["s1"] == told["s2"] == told["s3"] > 1
    assert len(logged(job)) == 3
    assert not any(NEEDLE in stored(lab, one) for one in ("s1", "s2", "s3"))


def test_what_detectors_find(lab: Source, moderator: Person, settings: Any) -> None:
    settings.AGENTOS_MASK_RULES = ["noth[a-z]{3}"]
    job = begun(moderator, kinds="cards,rules")
    settings.AGENTOS_MASK_RULES = []  # it goes by the rules that it was confirmed with
    runner.run_now()
    job.refresh_from_db()
    assert {one: end.partition(":")[0] for one, end in ends(job).items()} == {
        "s1": "unchanged", "s2": "unchanged", "s3": "unchanged", "s4": "done", "s5": "done",
    }  # fmt: skip
    assert CARD not in stored(lab, "s4") and "nothing" not in stored(lab, "s5") and NEEDLE in stored(lab, "s1")
    assert json.loads(logged(job)[0].details)["what"] == "what is found of cards, rules"
    with pytest.raises(Refused, match="Name a text"):
        ask(moderator, kinds="rules")


def test_each_session_is_asked_again(lab: Source, moderator: Person) -> None:
    planted(lab, 6, NEEDLE, user="bob@example.com")
    refresh_source(lab, budget=None)
    rows = {row.session_id: row for row in CatalogSession.objects.all()}
    Turn.objects.create(
        source="lab", session_id="s1", session_key=session_key("lab", "s1"), status="running", actor="x",
        message="m", idempotency_key="k", attachments={},
    )  # fmt: skip
    measures.put(rows["s2"], Standing.HOLD, Actor.of(moderator.user), WHY)
    job = begun(moderator, text=NEEDLE)
    planted(lab, 7, NEEDLE)
    refresh_source(lab, budget=None)
    Grant.objects.create(user=moderator.user, kind="user", value="alice@example.com")
    runner.run_now()
    found = ends(job)
    assert "answered" in found["s1"] and found["s1"].startswith(Came.REFUSED)
    assert found["s2"].startswith(Came.DONE), "a hold keeps people from continuing it, not from redacting"
    assert found["s6"] == f"{Came.REFUSED.value}: {carrying.NOT_THERE}" and "s7" not in found
    assert NEEDLE in stored(lab, "s1") and NEEDLE in stored(lab, "s6") and NEEDLE in stored(lab, "s7")


def test_what_cannot_be_named(lab: Source, moderator: Person) -> None:
    with pytest.raises(Refused, match="at least 3"):
        ask(moderator, text="ab")
    with pytest.raises(Refused, match="At most 50"):
        ask(moderator, text="\n".join(f"text {number}" for number in range(51)))
    with pytest.raises(Refused, match="at most"):
        ask(moderator, text="x" * 100_001)
    job = ask(moderator, text=NEEDLE)
    with pytest.raises(Refused, match="holds what is to be taken out"):
        service.start(job, Actor.of(moderator.user), f"because of {NEEDLE}")


def test_several_texts_and_one_of_several_lines(lab: Source, moderator: Person) -> None:
    text = "first line\nsecond line"
    planted(lab, 8, text)
    refresh_source(lab, budget=None)
    assert ask(moderator, text=f" {NEEDLE} \r\n\r\nnothing").options["texts"] == "2"
    job = begun(moderator, text=text.replace("\n", "\r\n"), whole="1")
    runner.run_now()
    assert [one for one, end in ends(job).items() if end.startswith("done")] == ["s8"]
    assert "second" not in stored(lab, "s8") and "first" not in stored(lab, "s8")


def test_a_source_that_is_away_is_tried_again(lab: Source, moderator: Person) -> None:
    job = begun(moderator, text=NEEDLE)
    close_connections()
    path = Path(lab.path)
    path.rename(path.with_suffix(".away"))
    runner.run_now()
    job.refresh_from_db()
    assert (job.status, job.failed, job.sealed) == (Status.FINISHED, 5, "")
    path.unlink(missing_ok=True)
    path.with_suffix(".away").rename(path)
    close_connections()
    service.go_on(job, Actor.of(moderator.user), {"text": NEEDLE})
    runner.run_now()
    job.refresh_from_db()
    assert (job.done, job.failed) == (3, 0)


def test_a_look_before(lab: Source, moderator: Person) -> None:
    rows = {row.session_id: row for row in CatalogSession.objects.all()}
    measures.put(rows["s2"], Standing.HOLD, Actor.of(moderator.user), WHY)
    found = bulk.preview(ask(moderator, text="Here", kinds="cards"), moderator.user)
    assert (found.looked_into, found.with_it) == (5, 5) and found.refused == []
    samples = {one.row.session_id: one.samples for one in found.samples}
    assert samples["s2"] == [] and samples["s1"] == [f"{MARKER}: [masked]"]
    assert samples["s4"] == [f"card {MARKER}", f"{MARKER}: card {MARKER}"]
    assert NEEDLE in stored(lab, "s1")


def test_what_would_be_refused(sources: Any, lab: Source, moderator: Person) -> None:
    sources(f"lab=sqlite:///{lab.path}?mode=ro")
    refresh_source(get_source("lab"), budget=None)
    found = bulk.preview(ask(moderator, text=NEEDLE), moderator.user)
    assert found.looked_into == 0 and [number for _, number in found.refused] == [5]
    assert "read-only" in found.refused[0][0]
    job = begun(moderator, text=NEEDLE)
    runner.run_now()
    job.refresh_from_db()
    assert job.refused == 5 and "read-only" in ends(job)["s1"]


def test_another_secret_key(lab: Source, moderator: Person, settings: Any) -> None:
    job = begun(moderator, text=NEEDLE)
    settings.SECRET_KEY = "another one"
    runner.run_now()
    job.refresh_from_db()
    assert job.status == Status.FAILED and "Name it again" in job.problem and job.sealed == ""
