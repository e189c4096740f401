"""Deleting for good: exactly what was promised goes, from every table; what is killed goes on; a hold wins."""

import json
import sqlite3
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import connection
from django.utils import timezone

from agentos.audit.models import Entry
from agentos.catalog.models import CatalogSession, SourceState
from agentos.catalog.sync import refresh_session, refresh_source
from agentos.db.sources import Source, get_source
from agentos.db.writer import Writer
from agentos.deletion import erasing, holdings, purging
from agentos.deletion.erasing import ERASE, contents
from agentos.jobs import carrying, runner, service
from agentos.jobs.models import Job
from agentos.jobs.states import Came, Status
from agentos.moderation import flags, measures, remarks
from agentos.moderation.acting import Actor
from agentos.moderation.models import Measure, Standing, Subject
from agentos.records import Session
from agentos.turns.models import ActingReason, KeptRun, KeptSession, Turn, TurnEvent, session_key
from tests.conftest import Person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("flag_reasons")]
WHY = "somebody asked for it"
FILES = ["agno-v2.db", "agno-v3.db", "agno-v2.0.db", "agno-v2-to-v3.db"]


@pytest.fixture(autouse=True)
def left_to_workers(settings: Any) -> None:
    settings.AGENTOS_TURNS = "worker"


@pytest.fixture(params=FILES)
def source(request: pytest.FixtureRequest, sources: Any, corpus_file: Any) -> Source:
    found: Source = sources(f"lab=sqlite:///{corpus_file(request.param)}")[0]
    refresh_source(found)
    return found


@pytest.fixture
def three(sources: Any, corpus_file: Any) -> Source:
    found: Source = sources(f"lab=sqlite:///{corpus_file('agno-v3.db')}")[0]
    refresh_source(found)
    return found


def dump(source: Source) -> Counter[tuple[str, str]]:
    """Every row of every table of the source and of our own database, as text, by table."""
    rows: Counter[tuple[str, str]] = Counter()
    with sqlite3.connect(source.path) as own:
        for (table,) in own.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            rows.update((f"source.{table}", repr(row)) for row in own.execute(f'SELECT * FROM "{table}"'))
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if not table.startswith(("audit_", "jobs_", "django_", "auth_", "catalog_catalogstale", "catalog_words_")):
                cursor.execute(f'SELECT * FROM "{table}"')
                rows.update((table, repr(row)) for row in cursor.fetchall())
    return rows


def richest(source: Source) -> CatalogSession:
    return CatalogSession.objects.filter(source=source.name).order_by("-forest_run_count", "pk")[0]


def dressed(row: CatalogSession, who: Person) -> CatalogSession:
    """Put everything over a session that there is."""
    actor, key = Actor.of(who.user), session_key(row.source, row.session_id)
    flags.flag(row, actor, "Possible fraud", "zqneedle in a flag")
    remarks.tag(row, actor, "zqneedle")
    remarks.note(row, actor, "zqneedle in a note")
    remarks.star(row, actor, on=True)
    turn = Turn.objects.create(
        source=row.source, session_id=row.session_id, session_key=key, status="failed", actor="somebody",
        message="zqneedle in a turn", idempotency_key="k", attachments={"files": [{"content": "zqneedle"}]}, last_seq=1,
    )  # fmt: skip
    TurnEvent.objects.create(turn=turn, seq=1, kind="content", payload={"text": "zqneedle in an event"})
    ActingReason.objects.create(user=who.user, session_key=key, reason="zqneedle")
    kept = KeptSession.objects.create(source=row.source, session_id=row.session_id, session_key=key)
    KeptRun.objects.create(session=kept, turn=turn, run_id="r", text="zqneedle", kept_at=timezone.now())
    row.refresh_from_db()
    return row


def erased(who: Person, *rows: CatalogSession) -> Job:
    chosen = CatalogSession.objects.filter(pk__in=[row.pk for row in rows])
    job = service.prepare(Actor.of(who.user), chosen, ERASE)
    service.start(job, Actor.of(who.user), WHY, str(job.total))
    runner.run_now()
    job.refresh_from_db()
    return job


def test_what_was_promised_goes_and_nothing_else(source: Source, admin: Person) -> None:
    row = dressed(richest(source), admin)
    measures.put(row, Standing.DELETED, Actor.of(admin.user), WHY)
    row.refresh_from_db()
    promised = contents([row])[0]
    before = dump(source)
    job = erased(admin, row)
    assert (job.done, job.status) == (1, Status.FINISHED)
    told = job.items.get().told
    assert told == promised and told["runs"] == row.run_count and job.sums == promised
    after = dump(source)
    states = {"catalog_sourcestate", "catalog_rollupstate", "sqlite_sequence", "source.sqlite_sequence"}
    new = {one for one in after - before if one[0] not in states}
    assert new == set(), "something was written besides what went"
    gone = Counter(table for table, _ in (before - after).elements() if table not in states)
    assert gone.pop("source.agno_sessions") == 1
    rows_of_runs = gone.pop("source.agno_runs", 0)
    assert rows_of_runs in (0, promised["runs"]) or source.path.endswith("to-v3.db")
    assert gone.pop("source.agno_compactions", 0) == promised["compactions"]
    assert gone.pop("source.agno_tool_results", 0) == gone.pop("source.agno_fs", 0) == promised["results"]
    assert not [table for table in gone if table.startswith("source.")]
    assert gone["turns_turn"] == promised["turns"] == 1 and gone["turns_turnevent"] == promised["events"] == 1
    assert gone["turns_keptsession"] == gone["turns_keptrun"] == promised["copies"] == 1
    for name in ("flag", "case", "note", "tag", "star"):
        assert gone[f"moderation_{name}"] == promised[f"{name}s"] == 1
    assert not [one for one in after if "zqneedle" in one[1] or row.session_id in one[1]]
    assert SourceState.objects.get().indexed_count == CatalogSession.objects.count()


def test_the_audit_log_keeps_ids_and_counts(three: Source, admin: Person) -> None:
    row = dressed(richest(three), admin)
    measures.put(row, Standing.DELETED, Actor.of(admin.user), WHY)
    job = erased(admin, row)
    entry = Entry.objects.get(act="session.erased")
    assert (entry.session_id, entry.actor, entry.reason) == (row.session_id, "admin", WHY)
    assert json.loads(entry.details) == job.items.get().told
    assert "zqneedle in" not in "".join(f"{one.details}{one.before}{one.after}" for one in Entry.objects.all())


def test_everything_agno_keeps_apart_goes(three: Source, admin: Person) -> None:
    with sqlite3.connect(three.path) as own:
        own.execute(
            """CREATE TABLE agno_transcripts (framework TEXT, project_key TEXT, session_id TEXT, subpath TEXT,
            position INTEGER, entry TEXT, agno_session_id TEXT NOT NULL)"""
        )
        for number, owner in enumerate(["compacted-history", "compacted-history", "offloaded-result"]):
            own.execute("INSERT INTO agno_transcripts VALUES ('f', 'p', 's', '', ?, 'said', ?)", (number, owner))
    rows = list(CatalogSession.objects.filter(session_id__in=["compacted-history", "offloaded-result"]))
    for row in rows:
        measures.put(row, Standing.DELETED, Actor.of(admin.user), WHY)
    promised = contents(rows)
    job = erased(admin, *rows)
    assert {item.session_id: item.told for item in job.items.all()} == dict(
        zip((row.session_id for row in rows), promised, strict=True)
    )
    assert job.sums["compactions"] == 2 and job.sums["results"] == 1 and job.sums["transcripts"] == 3
    with sqlite3.connect(three.path) as own:
        for table in ("agno_compactions", "agno_tool_results", "agno_fs", "agno_transcripts"):
            assert own.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


@pytest.mark.parametrize("dump_name", ["agno-v3.pg.sql.gz", "agno-v2.pg.sql.gz"])
def test_on_postgresql(dump_name: str, sources: Any, pg_server: Any, admin: Person) -> None:
    from tests.conftest import CORPUS

    found = sources(f"lab={pg_server.database(CORPUS / dump_name)}")[0]
    refresh_source(found)
    rows = list(CatalogSession.objects.order_by("pk"))
    for row in rows[1:]:
        measures.put(row, Standing.DELETED, Actor.of(admin.user), WHY)
    promised = contents(rows[1:])
    job = erased(admin, *rows[1:])
    assert job.done == len(rows) - 1
    told = {item.session_id: item.told for item in job.items.all()}
    assert told == {row.session_id: one for row, one in zip(rows[1:], promised, strict=True)}
    refresh_source(found)
    assert list(CatalogSession.objects.values_list("session_id", flat=True)) == [rows[0].session_id]


def test_not_what_is_not_deleted_or_on_hold_or_being_answered(three: Source, admin: Person) -> None:
    actor = Actor.of(admin.user)
    free, held, talking, gone = CatalogSession.objects.order_by("pk")[:4]
    for row in (held, talking, gone):
        measures.put(row, Standing.DELETED, actor, WHY)
    measures.put(held, Standing.HOLD, actor, WHY)
    Turn.objects.create(
        source="lab", session_id=talking.session_id, session_key=session_key("lab", talking.session_id), actor="x",
        status="running", message="x", idempotency_key="k", heartbeat_at=timezone.now(),
    )  # fmt: skip
    job = erased(admin, free, held, talking, gone)
    assert (job.done, job.refused) == (1, 3)
    notes = dict(job.items.filter(came=Came.REFUSED).values_list("session_id", "note"))
    assert notes == {
        free.session_id: erasing.NOT_DELETED,
        held.session_id: erasing.HELD,
        talking.session_id: erasing.ANSWERING,
    }
    assert CatalogSession.objects.filter(pk__in=[free.pk, held.pk, talking.pk]).count() == 3


def test_killed_between_the_source_and_us(source: Source, admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = list(CatalogSession.objects.order_by("pk")[:3])
    for row in rows:
        measures.put(dressed(row, admin) if row is rows[0] else row, Standing.DELETED, Actor.of(admin.user), WHY)
    promised = dict(zip((row.session_id for row in rows), contents(rows), strict=True))
    true_remove = holdings.remove

    def killed(*args: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(holdings, "remove", killed)
    with pytest.raises(SystemExit):
        erased(admin, *rows)
    monkeypatch.setattr(holdings, "remove", true_remove)
    assert Turn.objects.exists() and not Entry.objects.filter(act="session.erased").exists()
    refresh_source(source)  # it may meanwhile be seen that they are gone
    assert not CatalogSession.objects.filter(pk__in=[row.pk for row in rows]).exists()
    Job.objects.update(heartbeat_at=timezone.now() - 2 * carrying.STALE)
    runner.run_now()
    job = Job.objects.get()
    assert (job.done, job.status) == (3, Status.FINISHED)
    assert {item.session_id: item.told for item in job.items.all()} == promised
    assert not Turn.objects.exists() and not Subject.objects.exists()
    assert Entry.objects.filter(act="session.erased").count() == 3


def test_the_same_id_written_anew_is_a_new_session(three: Source, admin: Person) -> None:
    row = dressed(richest(three), admin)
    measures.put(row, Standing.DELETED, Actor.of(admin.user), WHY)
    erased(admin, row)
    again = Session.from_dict({"session_id": row.session_id, "session_type": "agent", "agent_id": "x"})
    Writer(three).create_session(again)
    refresh_source(three)
    new = CatalogSession.objects.one("lab", row.session_id)
    assert new is not None and new.marks == {} and new.aside == 0 and new.run_count == 0


def test_one_that_was_made_anew_before_its_turn_stays(three: Source, admin: Person) -> None:
    row = richest(three)
    measures.put(row, Standing.DELETED, Actor.of(admin.user), WHY)
    job = service.prepare(Actor.of(admin.user), CatalogSession.objects.filter(pk=row.pk), ERASE)
    service.start(job, Actor.of(admin.user), WHY)
    Writer(three).erase({row.session_id: row.created_at})
    again = {"session_id": row.session_id, "session_type": "agent", "created_at": row.created_at + 100}
    Writer(three).create_session(Session.from_dict(again))
    refresh_session(three, row.session_id)
    runner.run_now()
    assert job.items.get().came == Came.REFUSED
    with sqlite3.connect(three.path) as own:
        assert (
            own.execute("SELECT count(*) FROM agno_sessions WHERE session_id = ?", (row.session_id,)).fetchone()[0] == 1
        )


def test_a_source_that_is_down_or_read_only(sources: Any, corpus_file: Any, admin: Person) -> None:
    path: Path = corpus_file("agno-v3.db")
    refresh_source(sources(f"lab=sqlite:///{path}?mode=ro")[0])
    row = richest(get_source("lab"))
    measures.put(row, Standing.DELETED, Actor.of(admin.user), WHY)
    job = erased(admin, row)
    assert (job.failed, job.items.get().came) == (1, Came.FAILED) and "read-only" in job.items.get().note
    sources(f"lab=sqlite:///{path}")
    service.go_on(job, Actor.of(admin.user))
    runner.run_now()
    job.refresh_from_db()
    assert (job.done, job.failed) == (1, 0)


def test_what_was_deleted_long_ago_goes_by_itself(three: Source, admin: Person, settings: Any) -> None:
    settings.AGENTOS_DELETED_DAYS = 30
    old, held, new = CatalogSession.objects.order_by("pk")[:3]
    for row in (old, held, new):
        measures.put(row, Standing.DELETED, Actor.of(admin.user), WHY)
    measures.put(held, Standing.HOLD, Actor.of(admin.user), WHY)
    assert purging.purge() is None
    Measure.objects.exclude(subject__session_id=new.session_id).update(at=timezone.now() - timedelta(days=31))
    settings.AGENTOS_DELETED_DAYS = 0
    assert purging.purge() is None
    settings.AGENTOS_DELETED_DAYS = 30
    job = purging.purge()
    assert job is not None and purging.purge() is None
    runner.run_now()
    assert list(job.items.values_list("session_id", "came")) == [(old.session_id, "done")]
    assert CatalogSession.objects.filter(pk__in=[held.pk, new.pk]).count() == 2
    assert Entry.objects.get(act="session.erased").actor == purging.ACTOR


# Tables that keep ids and counts of sessions, never text.
KEPT = {"audit.Entry", "jobs.JobItem"}


def test_every_table_that_knows_sessions_is_emptied_or_said_to_stay() -> None:
    emptied = {"turns.Turn", "turns.TurnEvent", "turns.ActingReason", "turns.KeptSession", "turns.KeptRun",
               "moderation.Subject", "catalog.CatalogSession"}  # fmt: skip
    hanging = {"subject", "session", "case"}  # on rows that go
    people = {"access.Identity"}  # whose subject is a person, as OpenID Connect calls one
    for model in apps.get_models():
        if issubclass(model, AbstractBaseSession) or model._meta.app_label == "source_tables":
            continue
        if model._meta.label in emptied | KEPT | people:
            continue
        columns = {field.name for field in model._meta.get_fields()}
        if model._meta.app_label in ("moderation", "catalog") and columns & hanging:
            continue
        assert not columns & {"session_id", "session_key", "subject", "turn"}, (
            f"{model._meta.label} knows sessions: have deletion/holdings.py remove its rows, or say that they stay."
        )
