"""One turn a session at a time: idempotency, the line, orphans."""

import threading
import time
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django import Settings

from agentos.db.sources import Source
from agentos.turns.heart import Beating
from agentos.turns.kinds import MAX_MESSAGE, Kind
from agentos.turns.log import INTERRUPTED, TurnLost, answer_so_far, beat, beat_all, claim, events_after, finish
from agentos.turns.models import Turn, TurnEvent
from agentos.turns.runner import _carry_out, run_turn, sweep_orphans
from agentos.turns.service import MAX_WAITING, BadRequest, KeyReused, lacks_worker, retry, submit
from agentos.turns.states import ALLOWED, Status
from tests.conftest import Person
from tests.integration.turns.conftest import AGENT, TEAM, Ask, runs_of


def wait_for(turn: Turn, seconds: float = 15) -> Turn:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        turn.refresh_from_db()
        if not turn.is_active:
            return turn
        time.sleep(0.05)
    raise AssertionError(f"still {turn.status}")


def test_every_state_is_in_the_table() -> None:
    assert set(ALLOWED) == set(Status)


def test_a_repeated_key_gives_the_first_turn(ask: Ask, teammate: Person) -> None:
    first = ask("hello", user=teammate.user, idempotency_key="k")
    assert ask("hello", user=teammate.user, idempotency_key="k") == first
    assert Turn.objects.count() == 1


def test_a_key_is_one_persons(ask: Ask, teammate: Person, admin: Person) -> None:
    assert ask("hello", user=teammate.user, idempotency_key="k") != ask("hello", user=admin.user, idempotency_key="k")


@pytest.mark.parametrize("other", [{"message": "else"}, {"session_id": TEAM}, {"options": {"run_id": "r"}}])
def test_a_key_used_for_something_else_is_refused(ask: Ask, teammate: Person, other: dict[str, str]) -> None:
    options: dict[str, Any] = {"user": teammate.user, "idempotency_key": "k"}
    ask("hello", **options)
    with pytest.raises(KeyReused):
        ask(**{"message": "hello", **options, **other})


def test_a_turn_is_of_a_kind_there_is(ask: Ask) -> None:
    assert ask("hello").kind == Kind.MESSAGE
    with pytest.raises(BadRequest, match="kind 'whatever'"):
        ask("hello", kind="whatever")


def test_a_retry_asks_for_the_same(ask: Ask) -> None:
    turn = ask("hello", options={"run_id": "r"})
    finish(turn.pk, Status.FAILED)
    turn.refresh_from_db()
    again = retry(turn, None)
    assert (again.kind, again.options, again.aimed_at) == (turn.kind, {"run_id": "r"}, "r")
    assert ask("hello").aimed_at != "r"


@pytest.mark.parametrize("message", ["", " \n", "\0", "x" * (MAX_MESSAGE + 1)])
def test_messages_have_bounds(ask: Ask, message: str) -> None:
    with pytest.raises(BadRequest):
        ask(message)


@pytest.mark.parametrize("key", ["", "k" * 65])
def test_keys_have_bounds(ask: Ask, key: str) -> None:
    with pytest.raises(BadRequest):
        ask("hello", idempotency_key=key)


def test_the_line_has_an_end(ask: Ask) -> None:
    for _ in range(MAX_WAITING):
        ask("hello")
    with pytest.raises(BadRequest, match="wait to be answered"):
        ask("hello")
    ask("hello", TEAM)


def test_only_the_first_in_line_runs_and_only_when_none_does(ask: Ask) -> None:
    first, second = ask("one"), ask("two")
    assert claim(second.pk) is None
    assert claim(first.pk) == first
    assert claim(second.pk) is None
    finish(first.pk, Status.COMPLETED)
    assert claim(second.pk) == second


def test_the_table_itself_forbids_two_running_turns(ask: Ask) -> None:
    first, second = ask("one"), ask("two")
    claim(first.pk)
    with pytest.raises(IntegrityError), transaction.atomic():
        Turn.objects.filter(pk=second.pk).update(status=Status.RUNNING)


def test_a_turn_ends_once(ask: Ask) -> None:
    turn = ask("hello")
    claim(turn.pk)
    assert finish(turn.pk, Status.COMPLETED, run_id="r")
    assert not finish(turn.pk, Status.FAILED)
    with pytest.raises(TurnLost):
        beat(turn.pk)


def test_orphans_are_marked_and_their_text_is_kept(ask: Ask) -> None:
    dead, alive = ask("one"), ask("two", TEAM)
    claim(dead.pk)
    claim(alive.pk)
    beat(dead.pk, [(TurnEvent.Kind.CONTENT, {"text": "half an ans"})])
    Turn.objects.filter(pk=dead.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=16))
    assert sweep_orphans() == 1
    dead.refresh_from_db()
    alive.refresh_from_db()
    assert (dead.status, dead.problem, alive.status) == (Status.INTERRUPTED, INTERRUPTED, Status.RUNNING)
    assert answer_so_far(dead) == "half an ans"
    assert [event.kind for event in events_after(dead.pk, 1)] == ["error", "status", "done"]
    assert sweep_orphans() == 0


def test_a_runner_taken_for_dead_stores_nothing(source: Source, ask: Ask, fake_model: Any) -> None:
    turn, before = ask("[[say late]]"), len(runs_of(source, AGENT))
    claimed = claim(turn.pk)
    assert claimed is not None
    finish(turn.pk, Status.INTERRUPTED)
    with pytest.raises(TurnLost):
        _carry_out(claimed, Beating())
    assert len(runs_of(source, AGENT)) == before


@pytest.mark.django_db(transaction=True)
def test_two_at_once_in_one_session_are_both_answered(source: Source, fake_model: Any) -> None:
    before = len(runs_of(source, AGENT))
    turns = [submit("lab", AGENT, f"[[say {n}]]", user=None, idempotency_key=uuid.uuid4().hex) for n in range(4)]
    others = submit("lab", TEAM, "[[say team]]", user=None, idempotency_key=uuid.uuid4().hex)
    assert [wait_for(turn).status for turn in [*turns, others]] == [Status.COMPLETED] * 5
    assert [run.content for run in runs_of(source, AGENT)[before:]] == ["0", "1", "2", "3"]


@pytest.mark.django_db(transaction=True)
def test_two_runners_of_one_turn_answer_once(source: Source, fake_model: Any) -> None:
    turn = submit("lab", AGENT, "[[sleep 0.3]] [[say once]]", user=None, idempotency_key="k")

    def run() -> None:
        try:
            run_turn(turn.pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wait_for(turn).status == Status.COMPLETED
    assert [run.content for run in runs_of(source, AGENT)].count("once") == 1


def test_a_turn_that_was_not_answered_is_sent_again_once(ask: Ask, teammate: Person, admin: Person) -> None:
    turn = ask("hello", user=teammate.user, attachments={"files": [{"id": "f", "content": "x"}]})
    claim(turn.pk)
    finish(turn.pk, Status.INTERRUPTED)
    turn.refresh_from_db()
    again = retry(turn, admin.user)
    assert (again.message, again.actor, again.status) == ("hello", "admin", Status.QUEUED)
    assert (again.attachments, again.retry_of) == ({"files": [{"id": "f", "content": "x"}]}, turn)
    assert retry(turn, teammate.user) == again
    assert Turn.objects.count() == 2


@pytest.mark.parametrize("status", [Status.QUEUED, Status.RUNNING, Status.COMPLETED])
def test_a_turn_that_may_still_be_or_was_answered_is_not_sent_again(ask: Ask, status: Status) -> None:
    turn = ask("hello")
    if status != Status.QUEUED:
        claim(turn.pk)
    if status == Status.COMPLETED:
        finish(turn.pk, status)
    turn.refresh_from_db()
    with pytest.raises(BadRequest, match="cannot be sent again"):
        retry(turn, None)


def test_a_retry_waits_in_line_and_the_line_has_an_end(ask: Ask) -> None:
    turn = ask("hello")
    claim(turn.pk)
    finish(turn.pk, Status.FAILED)
    turn.refresh_from_db()
    for _ in range(MAX_WAITING):
        ask("hello")
    with pytest.raises(BadRequest, match="wait to be answered"):
        retry(turn, None)


def test_a_long_silence_of_the_model_is_no_death(ask: Ask) -> None:
    turn = ask("hello")
    claim(turn.pk)
    Turn.objects.filter(pk=turn.pk).update(heartbeat_at=timezone.now() - timedelta(seconds=60))
    assert beat_all([turn.pk]) == []
    assert sweep_orphans() == 0
    Turn.objects.filter(pk=turn.pk).update(cancel_requested=True)
    assert beat_all([turn.pk]) == [turn.pk]


def test_a_turn_that_no_worker_takes_is_noticed(ask: Ask, settings: Settings) -> None:
    first, second = ask("one"), ask("two")
    for turn, seconds in ((first, 61), (second, 60)):
        turn.created_at = timezone.now() - timedelta(seconds=seconds)
        turn.save()
    assert not lacks_worker(first)
    settings.AGENTOS_TURNS = "worker"
    assert lacks_worker(first)
    assert not lacks_worker(second)
    assert not lacks_worker(ask("three", TEAM))
    claim(first.pk)
    assert not lacks_worker(second)
