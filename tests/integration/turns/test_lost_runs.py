"""A run of ours that another program writes over is noticed, put back, shown, and on record; one removed stays away."""

import json
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from agentos.audit.models import Entry
from agentos.catalog.sync import refresh_session
from agentos.db.reader import Reader
from agentos.db.sources import Source
from agentos.db.writer import Writer
from agentos.moderation.acting import Actor
from agentos.records.redaction_targets import of_text
from agentos.redaction.service import Target, preview, redact
from agentos.turns import kept, lost
from agentos.turns.models import KeptRun, KeptSession, Turn
from agentos.turns.service import run_turn, submit
from agentos.turns.states import Status
from tests.conftest import Person, PgServer
from tests.integration.db.writing import agent_run, column, decoded, opened, run_ids, sql
from tests.integration.turns.conftest import AGENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fake_model")]
LISTS = [("blob", "agno-v2.db"), ("blob", "agno-v2.pg.sql.gz")]
ALICE = "alice@example.com"


@pytest.fixture(params=LISTS, ids=["sqlite", "postgresql"])
def source(request: pytest.FixtureRequest, corpus_file: Callable[[str], Path]) -> Iterator[Source]:
    def server() -> PgServer:
        found: PgServer = request.getfixturevalue("pg_server")
        return found

    with opened(request.param, corpus_file, server) as opened_source:
        refresh_session(opened_source, AGENT)
        yield opened_source


def answered(message: str = "Hi", user: Any = None, **options: Any) -> Turn:
    turn = submit("s", AGENT, message, user=user, idempotency_key=uuid.uuid4().hex, **options)
    run_turn(turn.pk)
    turn.refresh_from_db()
    assert (turn.status, turn.problem) == (Status.COMPLETED, "")
    return turn


class Program:
    """Another program, with Agno 2: reads a session, and writes the whole of it later with a run of its own."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.read()

    def read(self) -> None:
        self.runs = decoded(column(self.source, "runs", AGENT))
        self.data = column(self.source, "session_data", AGENT)

    def write(self, *, with_run: bool = True) -> str | None:
        run = agent_run(AGENT, ALICE)
        runs = json.dumps([*self.runs, *([run.raw] if with_run else [])])
        stored = json.dumps(runs) if self.source.vendor == "sqlite" else runs
        sql(self.source, "UPDATE {sessions} SET runs = %s, session_data = %s, updated_at = updated_at + 1 "
            "WHERE session_id = %s", stored, self.data, AGENT)  # fmt: skip
        return run.run_id


@pytest.fixture
def program(source: Source) -> Program:
    return Program(source)


def tokens(source: Source) -> int:
    session = Reader(source).session(AGENT)
    assert session and session.session_metrics
    return int(session.session_metrics.raw["total_tokens"])


def due() -> int:
    """Look as the thread does, once every session is due."""
    KeptSession.objects.filter(next_look_at__isnull=False).update(next_look_at=timezone.now())
    return lost.look_due()


def test_it_is_put_back_where_it_was_with_its_tokens(source: Source, program: Program) -> None:
    before, spent = run_ids(source, AGENT), tokens(source)
    first, second = answered(), answered()
    ours = tokens(source) - spent
    theirs = program.write()
    assert run_ids(source, AGENT) == [*before, theirs]
    assert due() == 2
    assert run_ids(source, AGENT) == [*before, first.run_id, second.run_id, theirs]
    assert tokens(source) == spent + ours
    assert due() == 0
    row = refresh_session(source, AGENT)
    assert row is not None and row.top_level_run_count == len(before) + 3
    program.write()  # it holds the session in memory, and does it again
    assert due() == 2
    assert [one.times for one in lost.overwritten_in("s", AGENT)] == [2, 2]
    assert run_ids(source, AGENT)[len(before) : len(before) + 2] == [first.run_id, second.run_id]


def test_the_next_turn_puts_it_back_first_so_that_the_model_is_told(
    source: Source, program: Program, fake_model: Any
) -> None:
    answered("Mine is [[say The lost answer]]")
    program.write()
    answered("And [[say More]]")
    told = [message["content"] for message in fake_model.brain.log[-1]["body"]["messages"]]
    assert "The lost answer" in told


def test_what_is_overwritten_the_moment_it_is_stored_is_not_taken_for_a_failure(
    source: Source, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Writer.save

    def and_overwritten(writer: Writer, *args: Any, **options: Any) -> None:
        save(writer, *args, **options)
        program.write()

    monkeypatch.setattr(Writer, "save", and_overwritten)
    turn = answered()
    assert turn.run_id in run_ids(source, AGENT)


def test_a_run_made_anew_takes_the_old_ones_place_again(source: Source, program: Program) -> None:
    old = answered("Say it [[say One]]")
    program.read()
    new = answered("Say it [[say Two]]", kind="regenerate", options={"regenerates": old.run_id})
    program.write()
    assert due() == 2
    runs = {run.run_id: run for run in Reader(source).all_runs(AGENT) if not hasattr(run, "problem")}
    assert (runs[old.run_id].status, runs[new.run_id].status) == ("REGENERATED", "COMPLETED")


def test_what_was_removed_on_purpose_stays_away(source: Source, program: Program) -> None:
    first, second = answered(), answered()
    Writer(source).remove_runs([first.run_id])  # nobody stored anything beside it
    assert due() == 0
    program.read()
    program.write()
    assert due() == 0
    kept.forget("s", AGENT, [second.run_id])
    Writer(source).remove_runs([second.run_id])
    program.read()
    program.write()
    assert due() == 0
    assert not {first.run_id, second.run_id} & set(run_ids(source, AGENT))


def test_what_was_redacted_does_not_come_back(source: Source, program: Program, admin: Person) -> None:
    turn = answered("My code is Qx7391Zk")
    row, target = refresh_session(source, AGENT), Target(of_text("Qx7391Zk"), "a text", texts=("Qx7391Zk",))
    assert row is not None
    redact(row, target, Actor.of(admin.user), "asked by the customer", preview(row, target).seen)
    assert not KeptRun.objects.exists()
    program.write()
    assert due() == 0
    assert turn.run_id not in run_ids(source, AGENT)


def test_a_session_that_was_deleted_takes_what_was_kept_with_it(source: Source, program: Program) -> None:
    answered()
    Writer(source).remove_sessions([AGENT], None)
    assert due() == 0
    assert not KeptRun.objects.exists() and not KeptSession.objects.exists()


def test_what_may_not_be_put_back_says_why(source: Source, program: Program, teammate: Person) -> None:
    answered()
    program.write()
    sql(source, "UPDATE {sessions} SET user_id = 'bob' WHERE session_id = %s", AGENT)
    assert due() == 0
    [one] = lost.overwritten_in("s", AGENT)
    assert one.problem == "This session belongs to another user, so nothing was written to it."
    page = teammate.client.get(f"/sessions/s/{AGENT}/").content.decode()
    assert "1 answer given here was overwritten by another program, and could not be put back." in page


def test_it_is_on_record_and_shown(source: Source, program: Program, teammate: Person) -> None:
    turn = answered()
    program.write()
    due()
    entry = Entry.objects.filter(act="turn.put_back").latest("number")
    assert (entry.actor, entry.session_id, entry.run_id) == ("AgentOS Sessions", AGENT, turn.run_id)
    assert json.loads(entry.details) == {"count": 1, "runs": turn.run_id}
    page = teammate.client.get(f"/sessions/s/{AGENT}/").content.decode()
    assert "Overwritten by another program, and put back on " in page
    settings_page = teammate.client.get("/settings/?format=json").json()
    assert settings_page["turns"]["put_back"] == 1


def test_nothing_is_kept_for_ever(source: Source, program: Program) -> None:
    answered()
    program.write()
    due()
    answered()
    KeptRun.objects.update(kept_at=timezone.now() - kept.KEPT - timedelta(minutes=1))
    kept.drop_old()
    assert [(one.text, one.times_put_back) for one in KeptRun.objects.all()] == [("", 1)]
    assert due() == 0
    assert KeptSession.objects.get().next_look_at is None


def test_a_look_at_a_session_that_did_not_change_costs_little(
    source: Source, django_assert_max_num_queries: Any
) -> None:
    answered()
    due()
    KeptSession.objects.update(next_look_at=timezone.now())
    with django_assert_max_num_queries(4):
        assert lost.look_due() == 0
    with django_assert_max_num_queries(1):
        assert lost.look_due() == 0


def test_where_runs_have_rows_nothing_is_kept(corpus_file: Callable[[str], Path]) -> None:
    with opened(("table", "agno-v3.db"), corpus_file, lambda: None) as other:  # type: ignore[arg-type,return-value]  # no server is needed of a file
        refresh_session(other, AGENT)
        answered()
        assert not KeptSession.objects.exists()
